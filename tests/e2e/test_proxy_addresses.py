"""The addresses that the app signs where it sends the bytes itself: they need no token, and lead to one thing only."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.e2e.client import API, Client, assert_problem, fetch
from tests.e2e.server import Server, eventually
from tests.images import corner, encode, large_photo

SMALL = encode(corner(), "image/png")
WINDOW_S = 86_400
SIGNED = ("src", "thumb", "preview")
PURPOSES = {"view": "inline", "download": "attachment", "embed": "inline"}


@pytest.fixture(scope="module")
def server(proxy_server: Server) -> Server:
    return proxy_server


def changed(url: str, *, iid: str | None = None, **query: str | None) -> str:
    """The address with another image or other parameters; None takes one away."""
    parts = urlsplit(url)
    said = {**dict(parse_qsl(parts.query)), **query}
    path = parts.path if iid is None else f"/i/{iid}.{parts.path.rpartition('.')[2]}"
    return parts._replace(path=path, query=urlencode({n: v for n, v in said.items() if v is not None})).geturl()


def forged(url: str) -> list[str]:
    """Addresses that nobody signed."""
    signature = dict(parse_qsl(urlsplit(url).query))["sig"]
    moment, _, signed = signature.partition(".")
    return [
        changed(url, sig=None),
        changed(url, sig=""),
        changed(url, sig=f"{int(moment) + 1}.{signed}"),
        changed(url, sig=f"1.{signed}"),
        changed(url, sig=signature[:-1] + ("A" if signature[-1] != "A" else "E")),
    ]


def presign(account: Client, image: dict[str, Any], purpose: str, seconds: int) -> str:
    answer = account.post(f"{API}/image/{image['id']}/presign", {"purpose": purpose, "url_expires_in_s": seconds})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


@pytest.mark.parametrize("private", [False, True])
def test_the_addresses_of_an_image_open_for_whoever_has_them_and_may_be_kept_until_they_end(
    server: Server, account: Client, stranger: Client, anonymous: Client, private: bool
) -> None:
    image = account.upload(large_photo(), "image/jpeg", private=private)
    extensions = {"src": "jpg", "thumb": "webp", "preview": "webp"}
    scope = "private" if private else "public"
    for name in SIGNED:
        assert image[name].startswith(f"{server.url}/i/{image['id']}.{extensions[name]}?")
        answers = [who.get(image[name]) for who in (anonymous, stranger, account)]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        for answer in answers:
            kept = re.fullmatch(rf"{scope}, max-age=(\d+), immutable", answer.headers["Cache-Control"])
            assert kept
            assert WINDOW_S <= int(kept[1]) <= 2 * WINDOW_S
            assert ("Vary" in answer.headers) == private
    assert fetch("GET", image["src"]).content == large_photo()
    again = account.meta(image["id"]).json()
    assert [again[name] for name in SIGNED] == [image[name] for name in SIGNED], "the same all window long"


def test_a_signed_address_of_a_private_image_opens_nothing_else(
    account: Client, stranger: Client, anonymous: Client
) -> None:
    image, other = (account.upload(large_photo(), "image/jpeg", private=True) for _ in range(2))
    signature = dict(parse_qsl(urlsplit(image["src"]).query))["sig"]
    wrong = [
        changed(image["src"], variant="thumb"),
        changed(image["src"], variant="preview"),
        changed(image["src"], purpose="view"),
        changed(image["src"], purpose="download"),
        changed(image["thumb"], variant=None),
        changed(image["thumb"], variant="preview"),
        changed(image["thumb"], purpose="view"),
        *(changed(image[name], iid=other["id"]) for name in SIGNED),
        *(address for name in SIGNED for address in forged(image[name])),
    ]
    for address in wrong:
        for who in (anonymous, stranger):
            assert_problem(who.get(address), 404, "image-not-found")
    assert_problem(anonymous.get(f"{API}/image/{image['id']}/meta?sig={signature}"), 404, "image-not-found")
    assert anonymous.get(f"{API}/image/{image['id']}", params={"sig": signature}).content == large_photo()


def test_who_has_an_address_may_use_it_to_its_end_after_the_image_was_made_private(
    account: Client, anonymous: Client
) -> None:
    image = account.upload(SMALL, "image/png")
    account.patch(image["id"], {"private": True})
    assert_problem(anonymous.get(image["url"]), 404, "image-not-found")
    answer = anonymous.get(image["src"])
    assert answer.content == SMALL
    assert answer.headers["Cache-Control"].startswith("private, ")


def test_on_a_public_image_a_signature_that_is_over_or_wrong_counts_for_nothing(
    account: Client, anonymous: Client
) -> None:
    image = account.upload(SMALL, "image/png")
    for address in forged(image["src"]):
        answer = anonymous.get(address)
        assert (answer.status_code, answer.content) == (200, SMALL)
        assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("private", [False, True])
def test_a_presigned_address_is_for_its_purpose_only(
    server: Server, account: Client, anonymous: Client, private: bool
) -> None:
    image, other = (account.upload(SMALL, "image/png", private=private, filename="a name.png") for _ in range(2))
    for purpose, kind in PURPOSES.items():
        url = presign(account, image, purpose, 3_600)
        assert url.startswith(f"{server.url}/i/{image['id']}.png?purpose={purpose}&sig=")
        answer = anonymous.get(url)
        assert (answer.status_code, answer.content) == (200, SMALL)
        assert answer.headers["Content-Disposition"].startswith(f'{kind}; filename="a-name.png"; ')
        assert re.fullmatch(r"(public|private), max-age=3[56]\d\d, immutable", answer.headers["Cache-Control"])
        wrong = [
            *(changed(url, purpose=another) for another in PURPOSES if another != purpose),
            *(changed(url, variant=variant) for variant in ("thumb", "preview")),
            changed(url, iid=other["id"]),
            *forged(url),
        ]
        for address in wrong:
            assert_problem(anonymous.get(address), 404, "image-not-found")
        assert_problem(account.get(wrong[0]), 404, "image-not-found")
        if private:
            assert_problem(anonymous.get(changed(url, purpose=None)), 404, "image-not-found")
    account.assert_views(image["id"], 0)


def test_a_presigned_address_ends_when_it_was_asked_to(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png")
    url = presign(account, image, "view", 2)
    assert anonymous.get(url).content == SMALL
    eventually(lambda: anonymous.get(url).status_code == 404, 15, "the address ends")
    assert_problem(anonymous.get(url), 404, "image-not-found")
    week = presign(account, image, "view", 604_800)
    assert "max-age=604" in anonymous.get(week).headers["Cache-Control"]


def test_a_token_that_is_no_good_opens_nothing_by_a_signed_address_either(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert_problem(fetch("GET", image["src"], headers={"X-API-Key": "x"}), 401, "token-invalid")
