"""Starting a child again that ended by itself, with growing pauses and not for ever."""

import time
from pathlib import Path

from imagehost.embedded.failure import StackError
from imagehost.embedded.process import Child

LIMIT = 5
WINDOW_S = 60.0
BACK_OFF_S = 1.0


class Restarts:
    """Remembers when each child was started again: more than LIMIT times in WINDOW_S is a fault, not an accident."""

    def __init__(self) -> None:
        self._at_s: dict[str, list[float]] = {}

    def renewed(self, child: Child, log_directory: Path) -> Child:
        """The child while it runs or its pause lasts, else a new one. Raises StackError when it ends too often."""
        if not child.command.restart or not child.has_ended():
            return child
        now_s = time.monotonic()
        recent = [at_s for at_s in self._at_s.get(child.name, []) if now_s - at_s < WINDOW_S]
        if len(recent) >= LIMIT:
            raise StackError(child.how_it_ended())
        if now_s < max([*recent, child.started_at_s]) + BACK_OFF_S * 2 ** len(recent):
            return child
        self._at_s[child.name] = [*recent, now_s]
        child.kill()  # what it may have left behind
        return Child(child.command, log_directory)
