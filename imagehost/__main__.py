"""`python -m imagehost`: the command line."""

import signal
from importlib import import_module


def run() -> None:
    """Nothing has begun while the modules are loaded, which takes a moment: until the command is there, Ctrl-C ends
    that as any other signal does, without a traceback out of somebody's import (cli/__init__.py goes on)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import_module("imagehost.cli").main()


run()
