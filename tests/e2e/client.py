"""One caller of imagehost's HTTP API, as a program outside would write it. Imports nothing of imagehost."""

import base64
import hashlib
import threading
import time
from typing import Any

import requests

API = "/api/v1"
TIMEOUT_S = 30.0
PROBLEM = "application/problem+json"


class Client:
    """A token (or none) and where the server is. Each request has a connection of its own, so any thread may send."""

    def __init__(self, url: str, token: str | None = None, uid: str = "") -> None:
        self.url = url
        self.token = token
        self.uid = uid

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """`path` below the server's address, or a whole URL; redirects are not followed."""
        headers = dict(options.pop("headers", None) or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        url = path if path.startswith("http") else self.url + path
        return fetch(method, url, headers=headers, allow_redirects=False, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", path, json=json, **options)

    def patch(self, iid: str, json: Any, **options: Any) -> requests.Response:
        return self.send("PATCH", f"{API}/image/{iid}", json=json, **options)

    def delete(self, iid: str) -> requests.Response:
        return self.send("DELETE", f"{API}/image/{iid}")

    def meta(self, iid: str) -> requests.Response:
        return self.get(f"{API}/image/{iid}/meta")

    def ask(self, **announced: Any) -> requests.Response:
        """Request an upload with exactly these members."""
        return self.post(f"{API}/upload/request", announced)

    def reserve(self, data: bytes, mime: str, *, signed: bool = False, **fields: Any) -> dict[str, Any]:
        """A ticket for these bytes; `signed` has S3 check their SHA-256."""
        announced = {"filename": "picture", "mime": mime, "size": len(data)} | fields
        if signed:
            announced["sha256"] = sha256(data)
        answer = self.ask(**announced)
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket

    def complete(self, iid: str) -> requests.Response:
        return self.post(f"{API}/upload/complete", {"id": iid})

    def send_bytes(self, data: bytes, mime: str, **fields: Any) -> str:
        """Request an upload and PUT the bytes; the id, which is then to be completed."""
        ticket = self.reserve(data, mime, **fields)
        answer = put(ticket, data)
        assert answer.status_code == 200, answer.text
        return str(ticket["id"])

    def upload(self, data: bytes, mime: str, **fields: Any) -> dict[str, Any]:
        """The image that these bytes become."""
        answer = self.complete(self.send_bytes(data, mime, **fields))
        assert answer.status_code == 201, answer.text
        image: dict[str, Any] = answer.json()
        return image

    def wait_for_views(self, iid: str, views: int) -> dict[str, Any]:
        """The image's metadata once so many views are shown; they are counted a moment later."""
        deadline_s, pause = time.monotonic() + TIMEOUT_S, threading.Event()
        while True:
            image: dict[str, Any] = self.meta(iid).json()
            if image["views"] >= views:
                return image
            assert time.monotonic() < deadline_s, f"{image['views']} views are shown, not {views}"
            pause.wait(0.05)

    def assert_views(self, iid: str, views: int) -> None:
        """So many were counted before this one, which is one more: what came before it is shown when it is."""
        self.get(f"/i/{iid}")
        assert self.wait_for_views(iid, views + 1)["views"] == views + 1

    def list_all(self) -> list[str]:
        """The ids of the newest hundred images."""
        return [image["id"] for image in self.get(f"{API}/me/images", params={"limit": 100}).json()["images"]]

    def usage(self) -> dict[str, int]:
        usage: dict[str, int] = self.get(f"{API}/me").json()["usage"]
        return usage


def fetch(method: str, url: str, **options: Any) -> requests.Response:
    """One request without any token; redirects are followed."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=TIMEOUT_S, **{"allow_redirects": True} | options)


def put(ticket: dict[str, Any], data: bytes, **headers: str | None) -> requests.Response:
    """Send bytes as the ticket says; `headers` (content_type=…) replace what it says, None leaves one out."""
    sent = ticket["upload"]["headers"] | {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch("PUT", ticket["upload"]["url"], data=data, headers=sent)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_base64(data: bytes) -> str:
    """As S3 wants it in `x-amz-checksum-sha256`."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def assert_problem(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, which is to be this one and well-formed."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), answer.text
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["title"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return problem


def pointers(answer: requests.Response) -> list[str]:
    """The places that a 422 `invalid-request` names."""
    return [error["pointer"] for error in assert_problem(answer, 422, "invalid-request")["errors"]]
