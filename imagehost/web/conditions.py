"""What a reader of bytes may ask for besides all of them (RFC 9110, 13 and 14): nothing, where it has them already, or
one range. Pure: header fields in, a decision out.

werkzeug parses, and does not decide: it would take a weak tag in If-Range for a strong one, and refuse several ranges,
and a suffix that is longer than the whole.
"""

from werkzeug.datastructures import Headers
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.http import parse_etags, parse_range_header


def is_known(headers: Headers, tag: str) -> bool:
    """Whether the reader has these bytes already (If-None-Match): 304. Raises PreconditionFailed where it wants others
    (If-Match)."""
    wanted = headers.get("If-Match")
    if wanted is not None and tag not in parse_etags(wanted):
        raise PreconditionFailed()
    return parse_etags(headers.get("If-None-Match")).contains_weak(tag)


def asks_part(headers: Headers, tag: str) -> bool:
    """Whether Range is to be looked at: with If-Range only where that names these very bytes. A date never does: there
    is none to compare with."""
    return "Range" in headers and headers.get("If-Range", f'"{tag}"').strip() == f'"{tag}"'


def find_part(wanted: str, size_bytes: int) -> range | None:
    """The part that Range names; None for what may be ignored: several ranges, another unit, or no range at all.
    Raises RequestedRangeNotSatisfiable where the one range has nothing of the whole."""
    parsed = parse_range_header(wanted)
    if parsed is None or parsed.units != "bytes" or len(parsed.ranges) != 1:
        return None
    start, stop = parsed.ranges[0]
    if start < 0:  # so many from the end
        start = max(0, size_bytes + start)
    part = range(start, size_bytes if stop is None else min(stop, size_bytes))
    if not part:
        raise RequestedRangeNotSatisfiable(size_bytes)
    return part
