"""Bytes that are not what was announced, or no image at all: S3 or the gate refuses them, and nothing is left."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import images
from tests.e2e.client import API, Client, assert_problem, fetch, pointers, put, sha256, sha256_base64
from tests.e2e.server import Server

PNG = images.encode(images.corner(), "image/png")
NOT_IMAGES = images.not_images()


def same_length(data: bytes) -> bytes:
    """Other bytes, as many."""
    return bytes(reversed(data))


def assert_refused(server: Server, account: Client, stranger: Client, iid: str, code: str) -> None:
    """Refused with this code and the same words each time, and gone."""
    first = assert_problem(account.complete(iid), 422, code)
    again = assert_problem(account.complete(iid), 422, code)
    assert first["detail"] == again["detail"]
    server.assert_nothing_left(account)
    assert account.list_all() == []
    assert_problem(account.meta(iid), 410, "image-deleted")
    assert_problem(account.get(f"/i/{iid}"), 410, "image-deleted")
    assert_problem(account.delete(iid), 410, "image-deleted")
    assert_problem(stranger.meta(iid), 404, "image-not-found")
    assert_problem(account.complete(iid), 422, code)


@pytest.mark.parametrize("signed", [True, False], ids=["with a hash", "without a hash"])
def test_s3_refuses_bytes_other_than_announced(signed: bool, server: Server, account: Client) -> None:
    ticket = account.reserve(PNG, "image/png", signed=signed)
    attempts = [
        put(ticket, PNG + b"x"),
        put(ticket, PNG[:-1]),
        put(ticket, b""),
        put(ticket, PNG, content_type="image/jpeg"),
        put(ticket, PNG, content_type=None),
        fetch("PUT", ticket["upload"]["url"].replace("/incoming/", "/uploads/"), data=PNG),
        fetch("PUT", ticket["upload"]["url"].split("?")[0], data=PNG, headers=ticket["upload"]["headers"]),
        fetch("GET", ticket["upload"]["url"]),
    ]
    if signed:
        other = same_length(PNG)
        attempts += [
            put(ticket, other),
            put(ticket, PNG, x_amz_checksum_sha256=None),
            put(ticket, other, x_amz_checksum_sha256=None),
            put(ticket, other, x_amz_checksum_sha256=sha256_base64(other)),
        ]
    assert {attempt.status_code for attempt in attempts} <= {400, 403}
    assert_problem(account.complete(ticket["id"]), 409, "upload-not-received")
    assert server.objects_of(account.uid) == []
    assert put(ticket, PNG).status_code == 200
    assert account.complete(ticket["id"]).status_code == 201


@pytest.mark.parametrize(
    "announced,sent",
    [
        ("image/jpeg", "image/png"),
        ("image/png", "image/jpeg"),
        ("image/avif", "image/webp"),
        ("image/gif", "image/avif"),
    ],
)
def test_another_accepted_format_than_announced_is_corrected(
    announced: str, sent: str, account: Client, anonymous: Client
) -> None:
    data, extension = images.photo_as(sent), {"image/jpeg": "jpg"}.get(sent, sent.removeprefix("image/"))
    image = account.upload(data, announced, filename="holiday." + announced.removeprefix("image/"))
    assert image["mime"] == sent
    assert image["url"].endswith(f"/i/{image['id']}.{extension}")
    assert image["src"].split("?")[0].endswith(f"/holiday.{extension}")
    got = fetch("GET", image["src"])
    assert (got.headers["Content-Type"], got.content) == (sent, data)
    assert got.headers["Content-Disposition"].endswith(f".{extension}")
    assert anonymous.meta(image["id"]).json()["mime"] == sent


def test_what_is_no_accepted_image_is_refused_for_good(server: Server, account: Client, stranger: Client) -> None:
    for what, data in NOT_IMAGES.items():
        iid = account.send_bytes(data, "image/png", signed=True, filename=f"{what}.png")
        assert_refused(server, account, stranger, iid, "unsupported-image")


def test_a_truncated_file_is_refused_for_good(server: Server, account: Client, stranger: Client) -> None:
    for mime in images.PILLOW_NAMES:
        data = images.photo_as(mime)
        iid = account.send_bytes(data[: len(data) // 2], mime, signed=True)
        assert_refused(server, account, stranger, iid, "unreadable-image")


def test_a_damaged_file_is_refused_for_good(server: Server, account: Client, stranger: Client) -> None:
    iid = account.send_bytes(images.png_with_wrong_crc(), "image/png")
    assert_refused(server, account, stranger, iid, "unreadable-image")


def test_178_megapixels_are_refused_for_good(server: Server, account: Client, stranger: Client) -> None:
    iid = account.send_bytes(images.one_bit_png(), "image/png")
    assert_refused(server, account, stranger, iid, "image-dimensions")


def test_bombs_are_refused_while_others_upload(server: Server, account: Client, stranger: Client) -> None:
    progressive = images.encode(images.corner(), "image/jpeg", progressive=True)
    bombs = {
        "image/png": images.one_bit_png(20_000, 20_000),
        "image/jpeg": progressive[:-2] + progressive[progressive.rindex(b"\xff\xda") : -2] * 600 + b"\xff\xd9",
        "image/gif": images.gif_of(200_000, 1, 1),
        "image/webp": images.with_size(images.animated("image/webp"), 8_000, 8_000),
        "image/avif": images.with_size(images.photo_as("image/avif"), 65_500, 65_500),
    }
    sent = [account.send_bytes(data, mime) for mime, data in bombs.items()]
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(account.complete, sent)
        for _ in range(3):
            iid = stranger.upload(PNG, "image/png")["id"]
            assert stranger.delete(iid).status_code == 204
        assert [answer.status_code for answer in answers] == [422] * len(bombs)
    server.assert_nothing_left(account)


def test_501_frames_are_refused_for_good(server: Server, account: Client, stranger: Client) -> None:
    iid = account.send_bytes(images.gif_of(501, 4, 4), "image/gif")
    assert_refused(server, account, stranger, iid, "image-dimensions")


def test_an_empty_file_cannot_be_announced(server: Server, account: Client) -> None:
    assert pointers(account.ask(filename="empty.png", mime="image/png", size=0)) == ["/size"]
    server.assert_nothing_left(account)


def test_a_cancelled_upload_leaves_nothing(server: Server, account: Client) -> None:
    waiting = account.reserve(PNG, "image/png")["id"]
    arrived = account.send_bytes(PNG, "image/png")
    for iid in (waiting, arrived):
        assert account.delete(iid).status_code == 204
        assert_problem(account.delete(iid), 410, "image-deleted")
        assert_problem(account.complete(iid), 410, "image-deleted")
        assert_problem(account.meta(iid), 410, "image-deleted")
    server.assert_nothing_left(account)


def test_a_put_replayed_after_complete_changes_nothing(server: Server, account: Client) -> None:
    ticket = account.reserve(PNG, "image/png")
    put(ticket, PNG)
    image = account.complete(ticket["id"]).json()
    assert put(ticket, same_length(PNG)).status_code == 200
    assert account.complete(ticket["id"]).json() == image
    assert fetch("GET", image["src"]).content == PNG
    # The bucket's lifecycle removes what such a PUT leaves in staging after two days; nobody reads it.
    [leftover] = [object_key for object_key in server.objects_of(account.uid) if object_key.startswith("incoming/")]
    server.remove_object(leftover)


def test_a_put_replayed_after_a_refusal_changes_nothing(server: Server, account: Client) -> None:
    ticket = account.reserve(same_length(PNG), "image/png")
    put(ticket, same_length(PNG))
    assert_problem(account.complete(ticket["id"]), 422, "unsupported-image")
    assert put(ticket, PNG).status_code == 200
    assert_problem(account.complete(ticket["id"]), 422, "unsupported-image")
    [leftover] = server.objects_of(account.uid)
    server.remove_object(leftover)


def test_an_image_of_one_pixel_is_accepted(account: Client) -> None:
    data = images.encode(images.corner(1, 1), "image/png")
    image = account.upload(data, "image/png")
    assert (image["width"], image["height"], image["size"]) == (1, 1, len(data))


def test_an_animation_keeps_all_its_frames(account: Client) -> None:
    for mime in images.ANIMATED:
        data = images.animated(mime)
        image = account.upload(data, mime)
        assert (image["mime"], image["frames"]) == (mime, 3)
        assert images.appearance(fetch("GET", image["src"]).content) == images.appearance(data)


@pytest.mark.parametrize("mime", images.PILLOW_NAMES)
def test_what_a_file_tells_beside_its_picture_is_not_stored(mime: str, account: Client) -> None:
    sent = images.described(mime) + b"<script>alert(1)</script>"
    image = account.upload(sent, mime, signed=True)
    stored = fetch("GET", image["src"]).content
    assert (image["size"], image["sha256"]) == (len(stored), sha256(stored))
    assert not [secret for secret in (*images.SECRETS, b"<script>") if secret in stored]
    assert images.appearance(stored) == images.appearance(images.described(mime))


def test_who_asks_for_it_keeps_exif_and_xmp(account: Client) -> None:
    sent = images.described("image/jpeg", 6)
    ticket = account.reserve(sent, "image/jpeg", keep_metadata=True)
    put(ticket, sent)
    image = account.complete(ticket["id"]).json()
    stored = fetch("GET", image["src"]).content
    assert (image["width"], image["height"]) == (40, 60)
    assert [secret in stored for secret in images.SECRETS] == [True, True, True, False, False]
    assert "keep_metadata" not in image


def test_the_upload_of_a_pending_image_is_not_to_be_seen(account: Client, anonymous: Client) -> None:
    iid = account.send_bytes(PNG, "image/png")
    for path in (f"/i/{iid}", f"{API}/image/{iid}", f"{API}/image/{iid}/meta"):
        for viewer in (account, anonymous):
            assert_problem(viewer.get(path), 404, "image-not-found")
    assert_problem(account.patch(iid, {"title": "early"}), 404, "image-not-found")
    assert account.list_all() == []
