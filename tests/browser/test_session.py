"""Signing in and out on the page: the token in the address, pasted, refused, revoked, forgotten."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, photo
from tests.e2e.client import API, Client
from tests.e2e.server import Server

STORED = "window.localStorage.getItem('imagehost.token')"
NOTICE = "#signin-notice"


def tiles(page: Page) -> int:
    return page.locator(".tile").count()


def test_the_token_in_the_address_signs_in_and_leaves_no_trace_there(
    server: Server, account: Client, visit: Opener
) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    assert page.url == f"{server.url}/"
    assert page.evaluate(STORED) == account.token
    page.goto(server.url)
    expect(page.locator("#view-empty")).to_be_visible()


def test_a_pasted_token_signs_in_when_the_server_knows_it(account: Client, visit: Opener) -> None:
    page = visit(signed_in=False)
    expect(page.locator("#token")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(NOTICE)).to_have_text("Paste an API token first.")
    page.fill("#token", "nonsense")
    page.keyboard.press("Enter")
    expect(page.locator(NOTICE)).to_contain_text("not accepted")
    assert page.evaluate(STORED) is None
    page.fill("#token", f" {account.token}\n")
    page.keyboard.press("Enter")
    expect(page.locator("#view-empty")).to_be_visible()
    assert page.evaluate(STORED) == account.token


def test_signing_out_forgets_the_token_in_every_tab(account: Client, visit: Opener) -> None:
    account.upload(photo("rocket").read_bytes(), "image/jpeg")
    page = visit()
    expect(page.locator(".tile")).to_have_count(1)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".tile")).to_have_count(1)
    other.click("#account-button")
    expect(other.locator("#account-usage")).to_contain_text("1 image")
    expect(other.locator("#account-key")).to_have_text("Signed in with the key “development”")
    other.click("#sign-out")
    for tab in (page, other):
        expect(tab.locator("#signin")).to_be_visible()
        assert (tiles(tab), tab.evaluate(STORED)) == (0, None)


def test_a_revoked_key_leads_to_signing_in_again_with_clear_words(account: Client, visit: Opener) -> None:
    account.upload(photo("rocket").read_bytes(), "image/jpeg")
    page = visit()
    expect(page.locator(".tile")).to_have_count(1)
    kid = account.get(f"{API}/me").json()["api_key"]["kid"]
    assert account.send("DELETE", f"{API}/me/keys/{kid}").status_code == 204
    page.locator(".tile").hover()
    page.get_by_label("Make private").click()
    expect(page.locator(NOTICE)).to_have_text("Your token is no longer accepted. Sign in again.")
    assert (tiles(page), page.evaluate(STORED)) == (0, None)
