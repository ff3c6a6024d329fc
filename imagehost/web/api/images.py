"""Images: the bytes, their metadata, and what their owner does with them."""

import re
from typing import Literal

from flask import Response, request
from flask.typing import ResponseReturnValue

from imagehost.errors import ImageDeleted, ImageNotFound, NotOwner
from imagehost.ids import is_id
from imagehost.models import Image, Published
from imagehost.services.caller import Caller
from imagehost.services.ways import Way
from imagehost.web import answers
from imagehost.web.api.route import PREFIX, endpoint
from imagehost.web.context import services
from imagehost.web.present import to_image, to_time
from imagehost.web.schemas import IfMatch, ImageEdit
from imagehost.web.sending import send
from imagehost.web.view_schemas import PresignRequest, ViewQuery

TAG = "Images"
IMAGE = f"{PREFIX}/image/<iid>"
NO_REV = -1
# A redirect, or the bytes, a range of them, and word that they are known already: `IMAGEHOST_DELIVERY` decides.
VIEWS = {302: None, 200: None, 206: None, 304: None}
NO_VIEW = (404, 410, 412, 416)


@endpoint("GET", "/i/<name>", query=ViewQuery, answers=VIEWS, problems=NO_VIEW, access="optional", tag=TAG)
def view_public_address(caller: Caller | None, name: str, query: ViewQuery) -> ResponseReturnValue:
    """The image itself, at its public address (the extension is ignored): redirects to a presigned URL, or sends the
    bytes."""
    return _view(name.partition(".")[0], caller, query)


@endpoint("GET", IMAGE, query=ViewQuery, answers=VIEWS, problems=NO_VIEW, access="optional", tag=TAG)
def view_image(caller: Caller | None, iid: str, query: ViewQuery) -> ResponseReturnValue:
    """The image itself: redirects to a presigned URL, the same for everyone as long as `max-age` says, or sends the
    bytes."""
    return _view(iid, caller, query)


@endpoint(
    "GET",
    f"{IMAGE}/meta",
    answers={200: answers.AnyImage},
    problems=(404, 410),
    access="optional",
    tag=TAG,
)
def get_metadata(caller: Caller | None, iid: str) -> ResponseReturnValue:
    """An image's metadata: all of it for its owner, the public part for anybody else who may see it."""
    published = _visible(iid, caller)
    owned = caller is not None and published.image.uid == caller.uid
    return to_image(published, public=not owned), 200, etag(published) if owned else {}


@endpoint(
    "PATCH",
    IMAGE,
    json=ImageEdit,
    answers={200: answers.Image},
    problems=(404, 409, 410, 412),
    headers=IfMatch,
    scope="write",
    tag=TAG,
)
def edit_image(caller: Caller, iid: str, body: ImageEdit) -> ResponseReturnValue:
    """Change title, tags, private, metadata or kind. `If-Match: "<rev>"` is honoured."""
    published = services().changes.edit(caller.uid, _known(iid), body.to_change(), if_rev=_if_rev())
    return to_image(published), 200, etag(published)


@endpoint(
    "DELETE",
    IMAGE,
    answers={202: None, 204: None},
    problems=(404, 409, 410, 412),
    headers=IfMatch,
    scope="delete",
    tag=TAG,
)
def delete_image(caller: Caller, iid: str) -> ResponseReturnValue:
    """Delete an image, or cancel a pending upload: 204 when its bytes are gone, 202 while they are being removed.
    `If-Match: "<rev>"` is honoured."""
    gone = services().changes.delete(caller.uid, _known(iid), if_rev=_if_rev())
    return "", 204 if gone else 202


@endpoint(
    "POST",
    f"{IMAGE}/presign",
    json=PresignRequest,
    answers={200: answers.SignedUrl},
    problems=(404, 410),
    scope="read",
    confirms=True,
    tag=TAG,
)
def presign_image(caller: Caller, iid: str, body: PresignRequest) -> ResponseReturnValue:
    """A URL of one's own image for one purpose, or of one size, good for as long as asked."""
    signed = services().delivery.presign(get_own(caller, iid).image, body.to_way(), body.url_expires_in_s)
    return {"url": signed.url, "expires_at": to_time(signed.expires_at_s * 1000)}


def get_own(caller: Caller, iid: str) -> Published:
    """An image of the caller's. Raises ImageNotFound for anybody else's, a public one too, and ImageDeleted."""
    published = services().library.get_for_viewer(_known(iid), caller.uid, caller=caller)
    if published.image.uid != caller.uid:
        raise ImageNotFound()
    return published


def etag(published: Published) -> dict[str, str]:
    """The header that names the image's revision."""
    return {"ETag": f'"{published.image.rev}"'}


def _known(iid: str) -> str:
    if not is_id(iid):
        raise ImageNotFound()
    return iid


def _visible(iid: str, caller: Caller | None, *, signed: bool = False) -> Published:
    viewer = caller.uid if caller else None
    published = services().library.get_for_viewer(_known(iid), viewer, signed=signed, caller=caller)
    if caller is not None and published.image.private and not signed:
        caller.require_scope("read")
    return published


def _view(iid: str, caller: Caller | None, query: ViewQuery) -> ResponseReturnValue:
    delivery, way = services().delivery, query.to_way()
    ends_at_s = delivery.find_end(query.sig, iid, way)
    if way.purpose is not None and ends_at_s is None:
        raise ImageNotFound()
    published = _visible(iid, caller, signed=ends_at_s is not None)
    is_owner = caller is not None and caller.uid == published.image.uid
    if way.is_size and ends_at_s is None:
        if caller is None or not is_owner:
            raise NotOwner("Its owner can have this address signed, by presign; thumb and preview need none.")
        caller.require_scope("read")
    try:
        answer = (_sent if delivery.is_proxy else _redirected)(published.image, way, ends_at_s)
    except ImageDeleted:  # while the variant was being made, or its bytes were looked for
        if is_owner:
            raise
        raise ImageNotFound() from None
    is_original = way.variant is None and not way.is_size
    if request.method != "HEAD" and is_original and ends_at_s is None and not answer.content_range.start:
        services().library.count_view(published)
    if published.image.private or (way.is_size and ends_at_s is None):
        answer.vary.update(("Cookie", "Authorization", "X-API-Key"))
    if way.depends_on_viewer:
        answer.vary.add("Accept")
    return answer


def _accepted() -> set[str]:
    """What the viewer names; a wildcard says nothing about what is newer than the viewer."""
    return {mime for mime, quality in request.accept_mimetypes if quality > 0}


def _redirected(image: Image, way: Way, ends_at_s: int | None) -> Response:
    method: Literal["GET", "HEAD"] = "HEAD" if request.method == "HEAD" else "GET"
    target = services().delivery.redirect(image, way, _accepted(), method=method, ends_at_s=ends_at_s)
    scope = "private" if image.private else "public"
    return Response(
        status=302, headers={"Location": target.url, "Cache-Control": f"{scope}, max-age={target.max_age_s}"}
    )


def _sent(image: Image, way: Way, ends_at_s: int | None) -> Response:
    source = services().delivery.find_source(image, way, _accepted())
    answer = send(image, source)
    answer.headers["Cache-Control"] = services().delivery.cache_control(image, source, ends_at_s)
    return answer


def _if_rev() -> int | None:
    """The revision that `If-Match` names: None without one, or for `*`; one that no image has for what names none."""
    wanted = request.headers.get("If-Match", "*").strip()
    if wanted == "*":
        return None
    rev = re.fullmatch(r'"([0-9]{1,15})"', wanted, re.ASCII)
    return int(rev[1]) if rev else NO_REV
