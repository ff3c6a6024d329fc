"""The service itself: health, the OpenAPI document, and a token for development."""

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from imagehost.errors import NotFound
from imagehost.web import answers
from imagehost.web.api.route import PREFIX, endpoint, spec
from imagehost.web.context import services
from imagehost.web.headers import refuse_cross_site

TAG = "Service"


@endpoint("GET", "/health", answers={200: answers.Alive}, access="none", tag=TAG)
def get_health() -> ResponseReturnValue:
    """Liveness: this process answers."""
    return {"status": "ok"}


@endpoint("GET", "/health/ready", answers={200: answers.Ready, 503: answers.Ready}, access="none", tag=TAG)
def get_readiness() -> ResponseReturnValue:
    """Readiness: Redis and S3 answer too; 503 with the same shape when one does not."""
    states = services().health.check()
    ready = all(states.values())
    body = {
        "status": "ready" if ready else "unavailable",
        "dependencies": {name: "ok" if answers_ else "unavailable" for name, answers_ in states.items()},
    }
    return (body, 200) if ready else (body, 503, {"Retry-After": "2"})


@endpoint("GET", f"{PREFIX}/openapi.json", answers={200: None}, access="none", tag=TAG)
def get_openapi() -> ResponseReturnValue:
    """This API as an OpenAPI 3.1 document."""
    spec.app = current_app
    return jsonify(spec.spec)


@endpoint(
    "POST",
    f"{PREFIX}/dev/issue-key",
    answers={201: answers.DevApiKey},
    problems=(403, 404),
    access="none",
    tag=TAG,
)
def issue_dev_key() -> ResponseReturnValue:
    """A token for a throw-away account; exists only where `IMAGEHOST_DEV=1`."""
    if not services().config.dev:
        raise NotFound()
    refuse_cross_site()
    account = services().accounts.create()
    issued = services().accounts.issue_key(account.uid, "development")
    return {"token": issued.token, "kid": issued.api_key.kid, "uid": issued.uid}, 201
