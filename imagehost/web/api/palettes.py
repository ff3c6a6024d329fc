"""Images in other colours, and the colours of images."""

from flask.typing import ResponseReturnValue

from imagehost.services.caller import Caller
from imagehost.web import answers
from imagehost.web.api.images import IMAGE, TAG, etag, get_own
from imagehost.web.api.route import endpoint
from imagehost.web.context import services
from imagehost.web.present import to_image
from imagehost.web.schemas import PaletteRequest


@endpoint(
    "POST",
    f"{IMAGE}/palette",
    json=PaletteRequest,
    answers={201: answers.Image},
    problems=(404, 409, 410, 429),
    scope="upload",
    tag=TAG,
)
def recolour_image(caller: Caller, iid: str, body: PaletteRequest) -> ResponseReturnValue:
    """Make a new image of one's own: another one in 1 to 16 colours.

    `nearest` gives each pixel the colour that looks most like its own, `luminance` gives the image's own colours the
    new ones in order of lightness. Needs the scope `read` too.
    """
    caller.require_scope("read")
    done = services().palettes.recolour(get_own(caller, iid).image, body.colors, body.mode)
    return to_image(done.published), 201, etag(done.published)


@endpoint(
    "GET",
    f"{IMAGE}/colors",
    answers={200: answers.Colors},
    problems=(404, 410, 422),
    scope="read",
    tag=TAG,
)
def find_colours(caller: Caller, iid: str) -> ResponseReturnValue:
    """The dominant colours of one's own image, at most eight."""
    published = get_own(caller, iid)
    found = services().palettes.find_colours(published.image)
    colours = [{"hex": colour.hex, "share": colour.share} for colour in found]
    return {"colors": colours}, 200, etag(published)
