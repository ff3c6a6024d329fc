import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost.errors import InvalidRequest, TokenInvalid
from imagehost.ids import new_kid, new_uid
from imagehost.models import Position
from imagehost.tokens import ApiTokens, Cursors, TokenClaims, Views, hash_secret, new_secret
from tests.unit.strategies import IDS, JSON, OPS, TEXT, TIMES_MS, base62

NEW, OLD = "new-secret-" + "n" * 32, "old-secret-" + "o" * 32
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def tokens() -> ApiTokens:
    return ApiTokens((NEW,))


@pytest.fixture(scope="module")
def claims() -> TokenClaims:
    return TokenClaims(new_uid(), new_kid(), new_secret())


@given(claims=st.builds(TokenClaims, uid=IDS, kid=base62(12), secret=OPS))
def test_a_token_says_what_it_was_made_of(tokens: ApiTokens, claims: TokenClaims) -> None:
    token = tokens.dumps(claims)
    assert tokens.parse(token) == claims
    assert set(token) <= set(ALPHABET + ".")


def test_a_token_signed_with_another_secret_is_refused(tokens: ApiTokens, claims: TokenClaims) -> None:
    with pytest.raises(TokenInvalid):
        tokens.parse(ApiTokens((OLD,)).dumps(claims))


def test_after_a_rotation_the_newest_signs_and_the_old_still_verifies(claims: TokenClaims) -> None:
    rotated = ApiTokens((NEW, OLD))
    assert rotated.parse(ApiTokens((OLD,)).dumps(claims)) == claims
    assert rotated.dumps(claims) == ApiTokens((NEW,)).dumps(claims)
    with pytest.raises(TokenInvalid):
        ApiTokens((OLD,)).parse(rotated.dumps(claims))


def test_a_secret_that_was_taken_away_verifies_no_more(claims: TokenClaims) -> None:
    token = ApiTokens((NEW, OLD)).dumps(claims)
    with pytest.raises(TokenInvalid):
        ApiTokens((OLD, "another-" + "x" * 32)).parse(token)


def test_a_cursor_is_no_token_and_a_token_no_cursor(tokens: ApiTokens, claims: TokenClaims) -> None:
    cursors = Cursors((NEW,))
    with pytest.raises(TokenInvalid):
        tokens.parse(cursors.dumps(Position(1, claims.uid), {}))
    with pytest.raises(InvalidRequest):
        cursors.parse(tokens.dumps(claims), {})


def test_padding_makes_another_string_of_the_same_token(tokens: ApiTokens, claims: TokenClaims) -> None:
    token = tokens.dumps(claims)
    assert tokens.parse(token + "=").kid == tokens.parse(token).kid


def test_a_token_with_any_one_character_changed_names_no_other_key(tokens: ApiTokens, claims: TokenClaims) -> None:
    token = tokens.dumps(claims)
    for place in range(len(token)):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        try:
            assert tokens.parse(forged) == claims, "only the bits that base64 ignores may differ"
            assert place == len(token) - 1
        except TokenInvalid:
            continue


def test_a_token_whose_halves_are_of_two_tokens_is_refused(tokens: ApiTokens, claims: TokenClaims) -> None:
    other = tokens.dumps(TokenClaims(claims.uid, new_kid(), claims.secret))
    with pytest.raises(TokenInvalid):
        tokens.parse(other.rsplit(".", 1)[0] + "." + tokens.dumps(claims).rsplit(".", 1)[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "é.ü",
        "\ud800",
        "\x00",
        "=",
        "A" * 10_240,
        "." * 10_240,
        "é" * 5_000,
        "null",
        "[1,2,3]",
        " ",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_what_is_no_token_is_invalid_and_nothing_worse(tokens: ApiTokens, text: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        tokens.parse(text)
    assert len(text) < 5 or text not in caught.value.detail


@given(text=st.text() | st.text(ALPHABET + ".=", max_size=200))
def test_no_text_is_a_token_by_chance(tokens: ApiTokens, text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.parse(text)


@pytest.mark.parametrize(
    "payload", [[], ["x", "y", "z"], [1, 2, 3], {"uid": "x"}, "text", None, ["4k" + "a" * 22, "k"]]
)
def test_a_signed_string_of_another_shape_is_no_token(tokens: ApiTokens, payload: object) -> None:
    signed = tokens._serializer.dumps(payload)
    with pytest.raises(TokenInvalid):
        tokens.parse(str(signed))


def test_secrets_are_128_random_bits_and_kept_as_their_hash() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(bytes.fromhex(secret)) == 16 for secret in made)
    assert hash_secret("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.builds(Position, TIMES_MS, IDS), st.dictionaries(TEXT, JSON, max_size=3))
def test_a_cursor_names_its_place_in_its_own_list(place: Position, query: dict[str, object]) -> None:
    cursors = Cursors((NEW, OLD))
    assert cursors.parse(cursors.dumps(place, query), query) == place


@pytest.mark.parametrize("other", [{}, {"sort": "-created"}, {"sort": "created", "kind": "room"}])
def test_a_cursor_of_another_list_is_refused_at_the_parameter(other: dict[str, str]) -> None:
    cursors = Cursors((NEW,))
    cursor = cursors.dumps(Position(1, new_uid()), {"sort": "created"})
    with pytest.raises(InvalidRequest) as caught:
        cursors.parse(cursor, other)
    assert caught.value.extensions["errors"][0]["pointer"] == "cursor"


@given(st.text() | st.just("A" * 10_240))
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Cursors((NEW,)).parse(text, {})


@given(iid=IDS, expires_at_s=st.integers(1, 10**11), variant=st.sampled_from(["preview", "thumb"]))
def test_a_signed_view_is_good_for_its_image_and_variant_until_its_time(
    iid: str, expires_at_s: int, variant: str
) -> None:
    views = Views((NEW,))
    signature = views.dumps(iid, variant, expires_at_s)
    assert signature == views.dumps(iid, variant, expires_at_s)
    assert set(signature) <= set(ALPHABET + ".")
    assert views.find_end(signature, iid, variant, expires_at_s - 0.1) == expires_at_s
    assert views.find_end(signature, iid, variant, expires_at_s) is None
    assert views.find_end(signature, new_uid(), variant, 0) is None
    assert views.find_end(signature, iid, variant + "2", 0) is None
    later = signature.replace(str(expires_at_s), str(expires_at_s + 1), 1)
    assert views.find_end(later, iid, variant, 0) is None


def test_a_signed_view_outlives_a_rotation_of_secrets_and_not_the_loss_of_its_own() -> None:
    signature = Views((OLD,)).dumps("i", "preview", 9)
    assert Views((NEW, OLD)).find_end(signature, "i", "preview", 1) == 9
    assert Views((NEW, OLD)).dumps("i", "preview", 9) == Views((NEW,)).dumps("i", "preview", 9)
    assert Views((NEW,)).find_end(signature, "i", "preview", 1) is None


@pytest.mark.parametrize("signature", ["", ".", "9", "9.", ".x", "9.é", "-9.x", "٩.x", "9" * 13 + ".x", "9.x.y", " 9."])
def test_what_is_no_signature_of_a_view_allows_nothing(signature: str) -> None:
    assert Views((NEW,)).find_end(signature, "i", "preview", 1) is None


def test_a_token_or_cursor_signs_no_view(claims: TokenClaims) -> None:
    views = Views((NEW,))
    for other in (ApiTokens((NEW,)).dumps(claims), Cursors((NEW,)).dumps(Position(1, claims.uid), {})):
        assert views.find_end(other, claims.uid, "preview", 0) is None
