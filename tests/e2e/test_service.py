"""The service itself: health, documents, pages, headers, and who is not served."""

import re
import socket
from urllib.parse import urlsplit

import pytest
import requests

from tests.e2e.client import API, Client, assert_problem, fetch
from tests.e2e.server import Server
from tests.images import corner, encode

DEV_KEY = f"{API}/dev/issue-key"


def test_health_is_told(anonymous: Client) -> None:
    assert anonymous.get("/health").json() == {"status": "ok"}
    ready = anonymous.get("/health/ready")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "dependencies": {"redis": "ok", "s3": "ok", "index": "ok", "sweeper": "ok"}},
    )


def test_the_openapi_document_has_every_route(anonymous: Client) -> None:
    answer = anonymous.get(f"{API}/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    image = f"{API}/image/{{iid}}"
    assert {path: set(methods) for path, methods in document["paths"].items()} == {
        "/health": {"get"},
        "/health/ready": {"get"},
        "/metrics": {"get"},
        "/i/{name}": {"get"},
        DEV_KEY: {"post"},
        f"{API}/openapi.json": {"get"},
        f"{API}/me": {"get"},
        f"{API}/me/images": {"get"},
        f"{API}/me/keys": {"get", "post"},
        f"{API}/me/keys/{{kid}}": {"delete"},
        f"{API}/upload/request": {"post"},
        f"{API}/upload/complete": {"post"},
        image: {"get", "patch", "delete"},
        f"{image}/meta": {"get"},
        f"{image}/presign": {"post"},
        f"{image}/palette": {"post"},
        f"{image}/colors": {"get"},
    }


def test_the_page_may_load_from_itself_and_the_bucket_only(server: Server, anonymous: Client) -> None:
    page = anonymous.get("/")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")
    assert policy["connect-src"] == f"'self' {server.s3_origin}"
    assert policy["img-src"] == f"'self' blob: data: {server.s3_origin} {server.url}"
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-cache"
    assert "Set-Cookie" not in page.headers
    assert re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=", page.text) is None


def test_every_file_that_the_page_names_is_served(anonymous: Client) -> None:
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', anonymous.get("/").text))
    assert {path.rpartition(".")[2] for path in named} >= {"js", "css", "svg"}
    types = {
        "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml; charset=utf-8",
    }
    for path in named:
        answer = anonymous.get(path)
        assert answer.status_code == 200, path
        kept = answer.headers["Cache-Control"].split(", ")
        assert {"public", "immutable", "max-age=31536000"} == set(kept), path
        assert "no-cache" in outdated(anonymous, path).headers["Cache-Control"]
        assert outdated(anonymous, path).content == answer.content
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        extension = path.rpartition(".")[2]
        if extension in types:
            assert answer.headers["Content-Type"] == types[extension]
    assert anonymous.get("/favicon.ico").status_code == 200


def outdated(anonymous: Client, path: str) -> requests.Response:
    """A file as a page asks for it that another version of imagehost has made."""
    return anonymous.get(re.sub("^/static/[^/]+/", "/static/0123456789ab/", path))


HEADS: list[str] = ["/", "/health", "/health/ready", f"{API}/openapi.json", "/favicon.ico"]


def test_head_answers_like_get_without_a_body(anonymous: Client) -> None:
    for path in HEADS:
        got, head = anonymous.get(path), anonymous.send("HEAD", path)
        assert (head.status_code, head.content) == (200, b""), path
        for name in ("Content-Type", "Content-Length", "Content-Security-Policy"):
            assert head.headers[name] == got.headers[name]


def test_head_of_metadata_has_its_etag(account: Client) -> None:
    image = account.upload(encode(corner(), "image/png"), "image/png")
    head = account.send("HEAD", f"{API}/image/{image['id']}/meta")
    assert (head.status_code, head.headers["ETag"], head.content) == (200, '"1"', b"")


UNKNOWN: list[str] = [
    "/nowhere",
    f"{API}/nowhere",
    "/static/nowhere.js",
    "/static/x/nowhere.js",
    "/static/x/../../wsgi.py",
    f"{API}/me/",
]


def test_an_unknown_address_is_not_found(anonymous: Client) -> None:
    for path in UNKNOWN:
        assert_problem(anonymous.get(path), 404, "not-found")


@pytest.mark.parametrize(
    "method,path,allowed",
    [
        ("PUT", f"{API}/me", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/", {"GET", "HEAD", "OPTIONS"}),
        ("GET", f"{API}/upload/request", {"POST", "OPTIONS"}),
        ("PUT", f"{API}/image/{'0' * 24}", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_which_are_right(method: str, path: str, allowed: set[str], anonymous: Client) -> None:
    answer = anonymous.send(method, path)
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_in_development_only_loopback_hosts_are_served(server: Server, anonymous: Client) -> None:
    port = server.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost", "[::1]:80", "127.9.9.9"):
        assert anonymous.get("/health", headers={"Host": host}).status_code == 200, host
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "localhost.evil.example",
        "192.168.1.2",
        "[::2]",
        "127.0.0.1.nip.io",
    ):
        for path in ("/", "/health", f"{API}/me", "/static/x/js/app.js"):
            assert_problem(anonymous.get(path, headers={"Host": host}), 403, "forbidden-host")
        assert_problem(anonymous.post(DEV_KEY, headers={"Host": host}), 403, "forbidden-host")


BROKEN_HOSTS: list[str] = ["", "[", "[::1", "a b", "localhost:port", "local_host", "\x7f"]


def test_a_broken_host_is_refused(anonymous: Client) -> None:
    for host in BROKEN_HOSTS:
        assert 400 <= anonymous.get("/health", headers={"Host": host}).status_code < 500, host


def test_a_page_elsewhere_gets_no_development_token(server: Server, anonymous: Client) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ):
        assert_problem(anonymous.post(DEV_KEY, headers=headers), 403, "cross-site-request")
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": server.url}):
        assert anonymous.post(DEV_KEY, headers=headers).status_code == 201


def test_answers_of_the_api_are_not_kept_and_do_not_name_what_serves_them(account: Client) -> None:
    answer = account.get(f"{API}/me")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Python" not in str(answer.headers)


def test_logs_hold_no_credentials_and_no_query_strings(server: Server, account: Client) -> None:
    image = account.upload(encode(corner(), "image/png"), "image/png")
    request_id = account.get(f"/i/{image['id']}?variant=thumb&marker=4711").headers["X-Request-Id"]
    fetch("GET", image["src"])
    log = (server.data_dir / "log" / "web.log").read_text(encoding="utf-8")
    assert request_id in log
    assert account.uid in log
    for secret in (account.token or "", server.running.token, "marker=4711", "X-Amz-Signature"):
        assert secret not in log


def test_a_client_cannot_name_the_place_of_the_application(anonymous: Client) -> None:
    for headers in ({"SCRIPT_NAME": "x"}, {"SCRIPT_NAME": "/x"}, {"PATH_INFO": "/health"}):
        answer = anonymous.get("/x/health", headers=headers)
        assert answer.status_code in (400, 404), answer.text


def test_a_body_whose_chunks_are_damaged_is_malformed(server: Server, account: Client) -> None:
    place = urlsplit(server.url)
    request = (
        f"POST {API}/upload/request HTTP/1.1\r\nHost: {place.netloc}\r\nX-API-Key: {account.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"
    )
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"malformed-json" in answer
