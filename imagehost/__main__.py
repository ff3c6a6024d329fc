"""`python -m imagehost`: the command line."""

import signal
from importlib import import_module


def run() -> None:
    """Nothing has begun while the modules are loaded, which takes most of a second: Ctrl-C ends that as any other
    signal does, without a traceback out of somebody's import."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main = import_module("imagehost.cli").main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


run()
