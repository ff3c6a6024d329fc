"""The gallery: one static page; what it shows, its scripts ask of the API."""

from flask import Blueprint, Response, make_response, render_template

from imagehost import __version__
from imagehost.mediatypes import EXTENSIONS
from imagehost.web.context import services
from imagehost.web.headers import page_policy

pages = Blueprint("pages", __name__)


@pages.get("/")
def show_gallery() -> Response:
    """The page."""
    config = services().config
    answer = make_response(
        render_template(
            "gallery.html",
            version=__version__,
            max_bytes=config.max_bytes,
            accept=list(EXTENSIONS),
            s3_origin=services().delivery.s3_origin,
            is_proxy=services().delivery.is_proxy,
            dev=config.dev,
        )
    )
    # Previews have the public address, which need not be the one that the page was opened at.
    answer.headers["Content-Security-Policy"] = page_policy(services().delivery.s3_origin, config.public_url)
    answer.headers["Cache-Control"] = "no-cache"
    return answer
