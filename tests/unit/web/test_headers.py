"""What every answer carries, and which requests are not served at all."""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from imagehost.services.facade import Services
from imagehost.web.context import EXTENSION
from tests.unit.strategies import SMALLEST
from tests.unit.web.conftest import Caller, MakeApp

ISSUE_KEY = "/api/v1/dev/issue-key"
FOREIGN_HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "[::2]",
    "evil.example:8000",
]
LOOPBACK_HOSTS = ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:8000", "127.3.2.1", "[::1]", "[::1]:8000"]


def an_address_of(rule: str) -> str:
    """A path that the rule matches."""
    values = {"<iid>": "4k" + "a" * 22, "<kid>": "k" * 12, "<name>": "4k" + "a" * 22, "<path:filename>": "favicon.svg"}
    values["<version>"] = "x"
    for parameter, value in values.items():
        rule = rule.replace(parameter, value)
    assert "<" not in rule
    return rule


@pytest.fixture(scope="module")
def production(make_app: MakeApp) -> FlaskClient:
    return make_app(IMAGEHOST_DEV="0").test_client()


def test_every_answer_of_every_route_carries_the_security_headers(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            with client.open(an_address_of(rule.rule), method=method) as answer:
                policies = answer.headers.getlist("Content-Security-Policy")
                assert answer.headers["X-Content-Type-Options"] == "nosniff", rule
                assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, rule
                assert len(policies) == 1, rule
                assert "frame-ancestors 'none'" in policies[0], rule
                assert "unsafe" not in policies[0], rule
                assert "Set-Cookie" not in answer.headers, rule


def test_nothing_that_the_api_says_is_stored(app: Flask, client: FlaskClient, caller: Caller) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            for method in (rule.methods or set()) - {"OPTIONS"}:
                answer = client.open(an_address_of(rule.rule), method=method, headers=caller.headers, json={})
                assert answer.headers["Cache-Control"] == "no-store", rule


@pytest.mark.parametrize("path", ["/nowhere", "/health"])
def test_a_problem_carries_them_too(client: FlaskClient, path: str) -> None:
    answer = client.delete(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "environ",
    [
        {"S3_ENDPOINT_URL": "http://127.0.0.1:9000"},
        {"S3_ENDPOINT_URL": "http://127.0.0.1:9000", "S3_PUBLIC_ENDPOINT_URL": "http://localhost:9000"},
        {"S3_ENDPOINT_URL": "https://store.example.org:8443", "S3_ADDRESSING": "virtual"},
        {"S3_ENDPOINT_URL": "http://127.0.0.1:9000", "S3_ADDRESSING": "virtual"},
        {"S3_ENDPOINT_URL": "https://store.example.org", "S3_ADDRESSING": "virtual", "AWS_S3_BUCKET_NAME": "my.bucket"},
        {"AWS_REGION": "us-east-1"},
        {"AWS_REGION": "eu-central-1"},
        {"AWS_REGION": "eu-central-1", "S3_ADDRESSING": "path"},
        {"AWS_REGION": "us-east-1", "S3_ADDRESSING": "virtual"},
        {"AWS_REGION": "eu-central-1", "AWS_S3_BUCKET_NAME": "my.bucket"},
    ],
    ids=lambda environ: " ".join(environ.values()),
)
def test_the_page_may_dial_the_origin_that_urls_are_signed_for(make_app: MakeApp, environ: dict[str, str]) -> None:
    app = make_app(**environ)
    services = app.extensions[EXTENSION]
    assert isinstance(services, Services)
    signed = urlsplit(services.delivery.links(SMALLEST.image).src)
    policy = app.test_client().get("/").headers["Content-Security-Policy"]
    directives = {words[0]: words[1:] for words in (part.split() for part in policy.split(";"))}
    assert f"{signed.scheme}://{signed.netloc}" in directives["connect-src"]
    assert f"{signed.scheme}://{signed.netloc}" in directives["img-src"]
    assert "http://127.0.0.1:8000" in directives["img-src"], "previews are at the public address"
    assert directives["script-src"] == ["'self'"]


def test_outside_of_us_east_1_no_url_goes_by_the_global_address_that_redirects(make_app: MakeApp) -> None:
    app = make_app(AWS_REGION="eu-central-1")
    assert "eu-central-1" in app.extensions[EXTENSION].delivery.links(SMALLEST.image).src.split("?")[0]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_in_development_a_foreign_host_name_is_refused(client: FlaskClient, host: str) -> None:
    for path in ("/health", "/", "/nowhere"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert answer.get_json()["code"] == "forbidden-host"


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_in_development_loopback_host_names_are_served(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[::1", "[", "]", "::1", "a b", "@", "127.0.0.1@evil.example", "localhost\\", "é"])
def test_a_host_that_is_no_host_is_refused_and_nothing_worse(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code in {400, 403}


def test_in_production_any_host_name_is_served(production: FlaskClient) -> None:
    for host in FOREIGN_HOSTS:
        assert production.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}]
)
def test_the_page_and_what_is_no_browser_get_a_token_in_development(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post(ISSUE_KEY, headers=headers)
    assert answer.status_code == 201
    issued = answer.get_json()
    assert set(issued) == {"token", "kid", "uid"}
    me = client.get("/api/v1/me", headers={"X-API-Key": issued["token"]}).get_json()
    assert (me["uid"], me["api_key"]["kid"]) == (issued["uid"], issued["kid"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://["},
        {"Origin": ""},
    ],
)
def test_another_site_gets_no_token(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(ISSUE_KEY, headers=headers)
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "cross-site-request"


def test_outside_of_development_there_are_no_tokens_to_be_had(production: FlaskClient) -> None:
    answer = production.post(ISSUE_KEY)
    assert answer.status_code == 404
    assert answer.get_json()["code"] == "not-found"
