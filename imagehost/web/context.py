"""What a request carries: the services of the app, its id, and who asks."""

import secrets
from typing import cast

from flask import current_app, g

from imagehost.services.caller import Caller
from imagehost.services.facade import Services

EXTENSION = "imagehost"


def services() -> Services:
    """The services of the app that handles this request."""
    return cast(Services, current_app.extensions[EXTENSION])


def request_id() -> str:
    """The id of this request: in its log lines, in its answer's header and in a problem."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return cast(str, g.request_id)


def remember(caller: Caller) -> None:
    """Keep who says to call, for the log."""
    g.caller = caller


def known_caller() -> Caller | None:
    """Who calls, once their API key was found good."""
    caller = cast(Caller | None, g.get("caller"))
    return caller if caller and caller.is_known else None
