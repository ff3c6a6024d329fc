"""Fault points: named places between two steps of the protocol at which a process can be made to die, to fail or to
stand still. They are there for tests of a whole imagehost (`IMAGEHOST_FAULT=after_put:kill`, in development mode only);
unarmed, reaching one is a call that does nothing.
"""

import os
import signal
from collections.abc import Callable, Mapping

POINTS = (
    "after_reserve",
    "after_begin",
    "after_gate",
    "after_put",
    "after_record",
    "after_apply",
    "after_refuse",
    "after_intent",
    "after_edit",
    "after_dead",
    "after_dead_apply",
    "after_objects",
    "after_purge",
    "after_derivative",
    "after_claim",
    "after_account",
)


class InjectedFault(Exception):
    """What `raise` raises: an error that nothing in imagehost expects."""


def _raise() -> None:
    raise InjectedFault("IMAGEHOST_FAULT")


ACTIONS: Mapping[str, Callable[[], None]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
}

_armed: dict[str, Callable[[], None]] = {}


def reached(point: str) -> None:
    """The process has come to this point."""
    if _armed and point in _armed:
        _armed[point]()


def parse(text: str) -> tuple[str, str]:
    """`name:action` as its two parts. Raises ValueError for a point or an action that does not exist."""
    point, _, action = text.partition(":")
    if point not in POINTS:
        raise ValueError("no such fault point; there are " + ", ".join(POINTS))
    if action not in ACTIONS:
        raise ValueError("a name, a colon, and one of " + ", ".join(ACTIONS))
    return point, action


def arm(point: str, action: Callable[[], None]) -> None:
    """From now on do this at that point, each time it is reached."""
    _armed[point] = action


def disarm() -> None:
    """No point does anything any more."""
    _armed.clear()
