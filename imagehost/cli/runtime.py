"""What every command shares: errors as one clear sentence.

Exit codes: 2 the configuration, or how the command was called; 1 everything else that fails."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

import click

from imagehost.config import ConfigError
from imagehost.embedded import StackError
from imagehost.errors import ImagehostError, InvalidRequest

P = ParamSpec("P")
MISCONFIGURED = 2


def fail(message: str, exit_code: int) -> NoReturn:
    """End with one message on standard error."""
    click.echo(message, err=True)
    sys.exit(exit_code)


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """Turns the errors that a command may raise into messages and exit codes."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as exc:
            fail("\n  ".join(["imagehost cannot start with this configuration:", *exc.faults]), MISCONFIGURED)
        except StackError as exc:
            fail(str(exc), exc.exit_code)
        except OSError as exc:  # disk full, read-only, a directory where a file belongs
            fail(f"{exc.filename or 'The data directory'} cannot be used: {exc.strerror or exc}.", 1)
        except InvalidRequest as exc:
            fail(
                "\n".join(f"{fault['pointer'].lstrip('/')}: {fault['detail']}" for fault in exc.extensions["errors"]), 2
            )
        except ImagehostError as exc:
            fail(exc.detail or exc.title, 1)

    return wrapper
