"""A process that performs ONE operation, on connections of its own: it is there to be killed or stopped in the middle.

An interpreter takes a second to import everything, so such processes are forked from one that has done so and has
built the services, which connect to nothing by themselves (multiprocessing's fork server imports `driven`).
"""

import functools
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from imagehost import faults
from imagehost.build import build_services
from imagehost.config import load_config, read_environment
from imagehost.errors import ImagehostError
from imagehost.models import Details
from imagehost.services.facade import Services

Answer = dict[str, Any]


def _request(services: Services, uid: str, size_bytes: int) -> Answer:
    details = Details(filename="picture.png", mime="image/png")
    return {"iid": services.uploads.request(uid, details, size_bytes=size_bytes, sha256=None).iid}


def _complete(services: Services, uid: str, iid: str) -> Answer:
    completed = services.completion.complete(uid, iid)
    return {"version": completed.published.image.version, "created": completed.created}


def _edit(services: Services, uid: str, iid: str, change: dict[str, Any]) -> Answer:
    return {"rev": services.changes.edit(uid, iid, change).image.rev}


def _delete(services: Services, uid: str, iid: str) -> Answer:
    return {"gone": services.changes.delete(uid, iid)}


def _create(services: Services, username: str) -> Answer:
    return {"uid": services.accounts.create(username).uid}


def _issue(services: Services, uid: str) -> Answer:
    return {"token": services.accounts.issue_key(uid, "another").token}


def _revoke(services: Services, uid: str, kid: str) -> Answer:
    services.accounts.revoke_key(uid, kid)
    return {}


def _sweep(services: Services) -> Answer:
    return {"finished": services.sweeper.sweep()}


OPERATIONS: Mapping[str, Callable[..., Answer]] = {
    "request": _request,
    "complete": _complete,
    "edit": _edit,
    "delete": _delete,
    "create": _create,
    "issue": _issue,
    "revoke": _revoke,
    "sweep": _sweep,
}


@functools.cache
def services() -> Services:
    """Those of this process, by its environment."""
    return build_services(load_config(read_environment()))


def perform(points: tuple[str, ...], operation: str, arguments: tuple[Any, ...], answers: Connection) -> None:
    """Do it, and send the answer: what the operation gave, or `problem` with the code of the error that it raised.

    `points`: what is to happen where, each as IMAGEHOST_FAULT has it."""
    for text in points:
        point, action = faults.parse(text)
        faults.arm(point, faults.ACTIONS[action])
    try:
        answers.send(OPERATIONS[operation](services(), *arguments))
    except ImagehostError as exc:
        answers.send({"problem": exc.code})
    finally:
        services().parts.close()
