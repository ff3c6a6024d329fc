"""Somebody with an account, and the requests that are measured."""

import io
import json
from dataclasses import replace
from urllib.parse import urlsplit

from PIL import Image

from bench.load import JSON, Request, ask
from imagehost.models import Details
from imagehost.services.facade import Services

API = "/api/v1"
OPERATIONS = ("request", "view", "meta", "list")
LISTS = 40  # in a round
ANNOUNCED = {"filename": "holiday 0815.jpg", "mime": "image/jpeg", "size": 2_345_678}


class Caller:
    """Its images are small PNGs, all different."""

    def __init__(self, services: Services) -> None:
        services.parts.shards.begin(services.parts.shards.list_wiped())
        self._uploads = services.uploads
        self._uid = services.accounts.create().uid
        self._token = services.accounts.issue_key(self._uid, "bench").token
        self._iids: list[str] = []

    def upload(self, data: bytes = b"", mime: str = "image/png") -> Request:
        """Put another image into the bucket, these bytes or a PNG; the request that completes it."""
        data = data or _png(len(self._iids))
        details = Details(filename=f"Picture {len(self._iids)}", mime=mime)
        ticket = self._uploads.request(self._uid, details, size_bytes=len(data), sha256=None)
        url = urlsplit(ticket.put.url)
        headers = {"Host": url.netloc, **ticket.put.headers}
        ask(url.port or 80, Request("PUT", f"{url.path}?{url.query}", 200, headers, data))
        self._iids.append(ticket.iid)
        return self._request("POST", "upload/complete", 201, {"id": ticket.iid})

    def operation(self, name: str, listed: int) -> Request:
        """One of OPERATIONS, on the first image, or a list of so many."""
        iid = self._iids[0]
        return {
            "request": self._request("POST", "upload/request", 201, ANNOUNCED),
            "view": Request("GET", f"/i/{iid}", 302),
            "meta": self._request("GET", f"image/{iid}/meta", 200),
            "list": replace(self._request("GET", f"me/images?limit={listed}", 200), count=LISTS),
        }[name]

    def _request(self, method: str, path: str, status: int, body: object = None) -> Request:
        headers = {"X-API-Key": self._token} | (JSON if body else {})
        return Request(method, f"{API}/{path}", status, headers, json.dumps(body).encode() if body else b"")


def _png(number: int) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").point(lambda value: (value * (number + 1)) % 256).save(file, "PNG")
    return file.getvalue()
