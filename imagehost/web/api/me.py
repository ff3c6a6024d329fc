"""The caller: account, images, API keys."""

from urllib.parse import urlencode

from flask.typing import ResponseReturnValue

from imagehost.services.caller import Caller
from imagehost.web import answers
from imagehost.web.api.route import PREFIX, endpoint
from imagehost.web.context import services
from imagehost.web.present import to_api_key, to_image, to_time
from imagehost.web.schemas import ApiKeyRequest, ListQuery

TAG = "Account"
LIST = f"{PREFIX}/me/images"
# What a cursor is bound to: the list's sort and filters, of which there is one so far.
NEWEST_FIRST = {"sort": "created"}


@endpoint("GET", f"{PREFIX}/me", answers={200: answers.Me}, access="any-key", tag=TAG)
def get_me(caller: Caller) -> ResponseReturnValue:
    """Account, usage, quota, and the API key that asks."""
    profile, config = services().accounts.get_profile(caller.uid), services().config
    return {
        "uid": caller.uid,
        "username": profile.username,
        "created_at": to_time(profile.created_at_ms),
        "usage": {
            "bytes": profile.usage.used_bytes,
            "images": profile.usage.used_count,
            "reserved_bytes": profile.usage.reserved_bytes,
            "pending": profile.usage.reserved_count,
        },
        "quota": {"bytes": config.quota_bytes, "images": config.quota_images, "pending": config.max_pending},
        "api_key": to_api_key(caller.confirm()),
    }


@endpoint(
    "GET",
    LIST,
    query=ListQuery,
    answers={200: answers.ImageList},
    scope="read",
    confirms=True,
    tag=TAG,
)
def list_images(caller: Caller, query: ListQuery) -> ResponseReturnValue:
    """The caller's images, newest first, by page or by cursor; `Link: …; rel="next"` where there are more."""
    library, cursors = services().library, services().cursors
    query_of = NEWEST_FIRST | {"uid": caller.uid}
    after = cursors.parse(query.cursor, query_of) if query.cursor is not None else None
    number = None if after else query.page or 1
    page = library.list_images(caller.uid, query.limit, page=number or 1, after=after, caller=caller)
    next_cursor = cursors.dumps(page.next, query_of) if page.next else None
    headers = {}
    if next_cursor is not None:
        onward = {"page": number + 1} if number else {"cursor": next_cursor}
        address = f"{services().config.public_url}{LIST}?{urlencode({'limit': query.limit, **onward})}"
        headers["Link"] = f'<{address}>; rel="next"'
    return (
        {
            "images": [to_image(published) for published in page.items],
            "limit": query.limit,
            "page": number,
            "total": page.total,
            "pages": -(-page.total // query.limit),
            "next_cursor": next_cursor,
        },
        200,
        headers,
    )


@endpoint("GET", f"{PREFIX}/me/keys", answers={200: answers.ApiKeyList}, scope="read", tag=TAG)
def list_keys(caller: Caller) -> ResponseReturnValue:
    """All API keys of the account."""
    return {"api_keys": [to_api_key(api_key) for api_key in services().accounts.get_profile(caller.uid).api_keys]}


@endpoint(
    "POST",
    f"{PREFIX}/me/keys",
    json=ApiKeyRequest,
    answers={201: answers.IssuedApiKey},
    problems=(409,),
    scope="write",
    tag=TAG,
)
def create_key(caller: Caller, body: ApiKeyRequest) -> ResponseReturnValue:
    """A new API key; its token is in this answer and nowhere else. It may have no scope that the caller's key lacks."""
    issued = services().accounts.issue_key(
        caller.uid, body.name, scopes=body.scopes, expires_in_s=body.expires_in_s, issuer=caller.confirm()
    )
    return to_api_key(issued.api_key) | {"token": issued.token}, 201


@endpoint("DELETE", f"{PREFIX}/me/keys/<kid>", answers={204: None}, problems=(404, 409), scope="write", tag=TAG)
def revoke_key(caller: Caller, kid: str) -> ResponseReturnValue:
    """Revoke an API key: durable, and refused from now on."""
    services().accounts.revoke_key(caller.uid, kid)
    return "", 204
