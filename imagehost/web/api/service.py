"""The service itself: health, metrics, the OpenAPI document, and a token for development."""

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from imagehost import metrics
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
    """Readiness: Redis and S3 answer too; 503 with the same shape when one does not. `degraded` (200) while the index
    is being rebuilt, and while the sweeper is more than ten minutes late."""
    found = services().health.check()
    body = {"status": found.status, "dependencies": found.dependencies}
    return (body, 503, {"Retry-After": "2"}) if found.status == "unavailable" else (body, 200)


@endpoint("GET", "/metrics", answers={200: None}, access="none", tag=TAG)
def get_metrics() -> ResponseReturnValue:
    """What all processes have counted, in Prometheus's text format."""
    backlog = services().health.find_backlog()
    text = metrics.to_text(backlog.lag_s, backlog.due_entries) if backlog else metrics.to_text(None, None)
    return text, {"Content-Type": metrics.CONTENT_TYPE}


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
