"""What every answer carries, and which requests are not served at all."""

import logging
import time
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from imagehost import metrics
from imagehost.config import is_loopback
from imagehost.errors import CrossSiteRequest, ForbiddenHost
from imagehost.web.context import known_caller, request_id, services

log = logging.getLogger("imagehost.request")

API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def page_policy(s3_origin: str, *image_origins: str) -> str:
    """The Content-Security-Policy of a page: own scripts and styles only, images and uploads from the bucket's origin,
    images from `image_origins` too."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("img-src 'self' blob: data:", s3_origin, *image_origins)),
            f"connect-src 'self' {s3_origin}",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _is_ours(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def refuse_cross_site() -> None:
    """Raises CrossSiteRequest unless the request comes from our own pages, or from something that is no browser."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin", "none") or (
        site is None and origin is not None and origin.partition("://")[2] != request.host
    ):
        raise CrossSiteRequest()


def _before() -> None:
    g.started_at_s = time.perf_counter()
    # A name that resolves to loopback must not let a foreign page talk to a development server (DNS rebinding).
    if services().config.dev and not _is_ours(request.host):
        raise ForbiddenHost("Use 127.0.0.1 or localhost, or switch IMAGEHOST_DEV off.")


def _after(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = request_id()
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers.setdefault("Content-Security-Policy", API_POLICY)
    if request.endpoint != "static" or answer.status_code >= 400:
        answer.headers.setdefault("Cache-Control", "no-store")
    now_s = time.perf_counter()
    took_s = now_s - g.get("started_at_s", now_s)
    metrics.count_request(
        request.method, request.url_rule.rule if request.url_rule else None, answer.status_code, took_s
    )
    who = known_caller()
    log.info(
        "request",
        extra={
            "request_id": request_id(),
            "method": request.method,
            "path": request.path[:300],
            "status": answer.status_code,
            "ms": round(took_s * 1000, 1),
            "uid": who.uid if who else None,
            "kid": who.kid if who else None,
        },
    )
    return answer


def register(app: Flask) -> None:
    """Guard every request and dress every answer."""
    app.before_request(_before)
    app.after_request(_after)
