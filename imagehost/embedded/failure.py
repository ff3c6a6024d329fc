"""The one error of the embedded stack."""


class StackError(Exception):
    """The stack cannot run: one sentence for the person at the terminal, and the exit code that goes with it.

    When it is raised, nothing that the stack started is left running.
    """

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
