"""Whether a browser that shows our page may upload to the store, and keeps the two apart."""

import hashlib
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from urllib3 import BaseHTTPResponse

from imagehost.checks import Verdict, doubtful, failed, passed
from imagehost.storage.doctor_probe import BODY, MIME, URL_S, Probe

SENT = ("content-type", "x-amz-checksum-sha256")
EXPOSED = ("etag", "x-amz-checksum-sha256")
FOREIGN = "https://foreign.invalid"
_PORTS = {"http": 80, "https": 443}


def check_origins(probe: Probe) -> Verdict:
    """The page's origin and the store's: different, on different hosts, and no page of https beside a store of http."""
    page, store = urlsplit(probe.config.public_url), urlsplit(probe.presigner.origin)
    if _origin(page) == _origin(store):
        cure = "Give the store a host name of its own, and set S3_PUBLIC_ENDPOINT_URL to it."
        return failed(
            f"page and store are both at {probe.presigner.origin}: an uploaded file could act as the page", cure
        )
    if (page.scheme, store.scheme) == ("https", "http"):
        cure = "Set S3_PUBLIC_ENDPOINT_URL to an https:// address."
        return failed("the page is https and the store http: browsers refuse such uploads", cure)
    if page.hostname == store.hostname:
        cure = "Give the store a host name of its own: cookies are kept by host, not by port."
        return doubtful(f"page and store share the host {page.hostname}", cure)
    return passed(f"{probe.config.public_url} and {probe.presigner.origin}")


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def check_cors(probe: Probe) -> Verdict:
    """The page may PUT, with the headers that it sends."""
    page = probe.config.public_url
    answer = _preflight(probe, page)
    cure = f"Set the bucket's CORS: origin {page}, method PUT, headers {' '.join(SENT)}."
    if answer.status >= HTTPStatus.BAD_REQUEST or answer.headers.get("access-control-allow-origin") not in (page, "*"):
        return failed(f"a preflight from {page} is not answered with its origin ({answer.status})", cure)
    if not {"put", "*"} & _words(answer, "access-control-allow-methods"):
        return failed(f"{page} may not PUT", cure)
    allowed = _words(answer, "access-control-allow-headers")
    if missing := [name for name in SENT if not {name, "*"} & allowed]:
        return failed(f"{page} may not send {', '.join(missing)}", cure)
    return passed(f"{page} may PUT")


def check_cors_exposed(probe: Probe) -> Verdict:
    """Scripts may read what they compare an upload by."""
    signed = probe.presigner.put(
        probe.staging_key(),
        size_bytes=len(BODY),
        mime=MIME,
        sha256=hashlib.sha256(BODY).hexdigest(),
        expires_in_s=URL_S,
    )
    answer = probe.send("PUT", signed.url, {**signed.headers, "origin": probe.config.public_url}, BODY)
    exposed = _words(answer, "access-control-expose-headers")
    if missing := [name for name in EXPOSED if not {name, "*"} & exposed]:
        return doubtful(
            f"scripts may not read {', '.join(missing)}", f"Expose {' '.join(EXPOSED)} in the bucket's CORS."
        )
    return passed(f"scripts may read {', '.join(EXPOSED)}")


def check_cors_foreign(probe: Probe) -> Verdict:
    """Other sites may not."""
    if _preflight(probe, FOREIGN).headers.get("access-control-allow-origin") in (FOREIGN, "*"):
        cure = f"Allow {probe.config.public_url} alone in the bucket's CORS."
        return doubtful("every site may send requests to the store", cure)
    return passed("other sites may not")


def _preflight(probe: Probe, origin: str) -> BaseHTTPResponse:
    headers = {
        "origin": origin,
        "access-control-request-method": "PUT",
        "access-control-request-headers": ",".join(SENT),
    }
    return probe.send("OPTIONS", probe.bucket_url() + probe.staging_key(), headers)


def _words(answer: BaseHTTPResponse, header: str) -> set[str]:
    return {word.strip().lower() for word in answer.headers.get(header, "").split(",")}
