"""What a request carries: the services of the app, its id, and who asks."""

import secrets
from typing import cast

from flask import current_app, g

from imagehost.services.accounts import Identity
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


def remember(identity: Identity) -> None:
    """Keep who asks, for the log."""
    g.identity = identity


def known_identity() -> Identity | None:
    """Who asks, once that is known."""
    return cast(Identity | None, g.get("identity"))
