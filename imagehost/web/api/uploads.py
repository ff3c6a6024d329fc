"""Requesting and completing uploads."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask.typing import ResponseReturnValue

from imagehost.errors import ImagehostError
from imagehost.services.caller import Caller
from imagehost.web import answers
from imagehost.web.api.route import PREFIX, endpoint
from imagehost.web.body import validate
from imagehost.web.context import services
from imagehost.web.present import to_image, to_ticket
from imagehost.web.problems import log_failure, to_problem
from imagehost.web.schemas import (
    CompleteMany,
    CompleteRequest,
    UploadAgain,
    UploadBatch,
    UploadItem,
    UploadRequest,
)

TAG = "Uploads"


@endpoint(
    "POST",
    f"{PREFIX}/upload/request",
    json=UploadRequest,
    answers={200: answers.UploadResults, 201: answers.Ticket},
    problems=(404, 410, 429),
    scope="upload",
    confirms=True,
    tag=TAG,
)
def request_upload(caller: Caller, body: UploadRequest) -> ResponseReturnValue:
    """Request an upload.

    Reserves quota and answers a presigned PUT for exactly the announced bytes. With `files`, one result each (200).
    """
    match body.root:
        case UploadBatch(files=files):
            caller.confirm()
            return {"results": [_each("upload", partial(_request_one, caller, raw)) for raw in files]}
        case UploadAgain(id=iid):
            caller.confirm()
            return to_ticket(services().uploads.sign_again(caller.uid, iid)), 201
        case UploadItem() as item:
            status, ticket = _request_one(caller, item)
            return ticket, status


@endpoint(
    "POST",
    f"{PREFIX}/upload/complete",
    json=CompleteRequest,
    answers={200: answers.Completed, 201: answers.Image},
    problems=(404, 409, 410),
    scope="upload",
    tag=TAG,
)
def complete_upload(caller: Caller, body: CompleteRequest) -> ResponseReturnValue:
    """Complete an upload.

    Verifies what arrived and publishes it: 201, and 200 with the same image on every repeat. With `ids`, 200 and one
    result each.
    """
    root = body.root
    if isinstance(root, CompleteMany):
        return {"results": [_each("image", partial(_complete_one, caller.uid, iid)) for iid in root.ids]}
    status, image = _complete_one(caller.uid, root.id)
    return image, status, {"ETag": f'"{image["rev"]}"'}


def _request_one(caller: Caller, item: Any) -> tuple[int, dict[str, Any]]:
    announced = validate(item, UploadItem)
    ticket = services().uploads.request(
        caller.uid,
        announced.to_details(),
        size_bytes=announced.size,
        sha256=announced.sha256,
        image_expires_in_s=announced.image_expires_in_s,
        keep_metadata=announced.keep_metadata,
        caller=caller,
    )
    return 201, to_ticket(ticket)


def _complete_one(uid: str, iid: str) -> tuple[int, dict[str, Any]]:
    done = services().completion.complete(uid, iid)
    return 201 if done.created else 200, to_image(done.published)


def _each(member: str, work: Callable[[], tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """One entry of a batch: what the single request would have answered."""
    try:
        status, value = work()
    except ImagehostError as exc:
        log_failure(exc)
        return {"status": exc.status, "problem": to_problem(exc)}
    return {"status": status, member: value}
