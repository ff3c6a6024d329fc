"""The Lua scripts: read once from lua/, registered explicitly, called by the aggregates of this package alone.

None touches a key again that it may have emptied: while a cluster moves a slot, a key that is not there is looked for
on the other master, and the script would end halfway.
"""

from pathlib import Path
from typing import Any

import redis

_SOURCES = Path(__file__).with_name("lua")
NAMES = (
    "reserve_upload",
    "begin_complete",
    "release_lease",
    "note_intent",
    "clear_intent",
    "clear_due",
    "apply_record",
    "purge_done",
    "drop_reservation",
    "apply_account",
    "recount_user",
    "realign_image",
    "rewrite_hash",
    "begin_rebuild",
    "finish_rebuild",
    "renew_epoch",
    "take_check",
    "finish_check",
    "take_lease",
    "give_back_lease",
    "list_page",
)


def read_script(name: str) -> str:
    """The source of one script."""
    return (_SOURCES / f"{name}.lua").read_text("utf-8")


class Scripts:
    """Calls scripts by name. All of a call's keys are in one slot; every script may be replayed."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self._scripts = {n: client.register_script(read_script(n)) for n in NAMES}

    def __call__(self, name: str, keys: list[str], *args: str | int) -> Any:
        """Run one script atomically; what it returns is in its file's header. Raises the driver's errors."""
        return self._scripts[name](keys=keys, args=list(args))
