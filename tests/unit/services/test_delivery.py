import copy
import re
from dataclasses import replace
from typing import get_args
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagehost.models import Image
from imagehost.services.delivery import Delivery
from imagehost.services.parts import Parts
from imagehost.services.ways import AS_IT_IS, Purpose, Way
from imagehost.storage import object_keys
from tests.unit.settings import config
from tests.unit.strategies import IMAGES, MIMES, SMALLEST

SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/avif": (".avif",),
}
PURPOSES: st.SearchStrategy[Purpose] = st.sampled_from(get_args(Purpose))
FILENAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
NAMES = FILENAMES | st.builds(
    "{}{}{}".format,
    FILENAMES,
    st.sampled_from(["", ".html", ".svg", ".PNG", ".jpeg", ".webp", ".avif", ".js"]),
    st.sampled_from(["", ".gz", ".png", " ", "."]),
)


@pytest.fixture(scope="module")
def delivery(unconnected: Parts) -> Delivery:
    return Delivery(unconnected)


def overrides(url: str) -> dict[str, str]:
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    return {name.removeprefix("response-"): v[0] for name, v in query.items() if name.startswith("response-")}


def image_of(filename: str, mime: str, variants: tuple[str, ...] = ()) -> Image:
    image = replace(SMALLEST.image, filename=filename, mime=mime, variants=variants)
    return replace(image, key=object_keys.upload(image.uid, image.iid, image.version, filename, mime))


@given(filename=NAMES, mime=MIMES, purpose=PURPOSES)
@example(filename="evil.html", mime="image/png", purpose="download")
@example(filename="evil.png.gz", mime="image/png", purpose="download")
@example(filename="evil.png.br", mime="image/png", purpose="download")
@example(filename="data:image/png,evil.html", mime="image/png", purpose="download")
@example(filename='a"b\\c.png', mime="image/png", purpose="download")
@example(filename="写真 100%.jpeg", mime="image/jpeg", purpose="download")
@example(filename="x.tar.gz", mime="image/webp", purpose="view")
@example(filename="photo.PNG", mime="image/png", purpose="view")
@example(filename="../../etc/passwd", mime="image/gif", purpose="download")
def test_a_download_is_named_as_it_was_without_folders_and_with_an_extension_that_fits(
    delivery: Delivery, filename: str, mime: str, purpose: Purpose
) -> None:
    signed = delivery.presign(image_of(filename, mime), Way(purpose=purpose), 60)
    disposition = overrides(signed.url)["content-disposition"]
    form = r"(inline|attachment); filename=\"([A-Za-z0-9._-]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)"
    match = re.fullmatch(form, disposition)
    assert match is not None
    assert match[1] == ("attachment" if purpose == "download" else "inline")
    assert match[2] == object_keys.slug(match[2], mime)
    name = unquote(match[3], errors="strict")
    assert name.lower().endswith(SUFFIXES[mime])
    assert name.startswith(filename.replace("/", "_").replace("\\", "_"))


@pytest.mark.parametrize(
    "filename, mime, kept",
    [
        ("a.jpeg", "image/jpeg", True),
        ("a.JPG", "image/jpeg", True),
        ("a.png", "image/jpeg", False),
        ("a", "image/gif", False),
    ],
)
def test_a_name_that_fits_already_stays_as_it_is(delivery: Delivery, filename: str, mime: str, kept: bool) -> None:
    signed = delivery.presign(image_of(filename, mime), Way(purpose="view"), 60)
    name = unquote(overrides(signed.url)["content-disposition"].split("''")[1])
    assert (name == filename) == kept


@given(image=IMAGES)
def test_the_type_is_what_was_found_and_caches_hear_whether_it_is_private(delivery: Delivery, image: Image) -> None:
    links = delivery.links(image)
    said = overrides(links.src)
    assert said["content-type"] == image.mime
    assert said["cache-control"].split(",")[0] == ("private" if image.private else "public")
    assert "immutable" in said["cache-control"]
    assert links.url.startswith(f"http://127.0.0.1:8000/i/{image.iid}.")
    assert (links.preview == links.src) == (max(image.width, image.height) <= 1600)
    assert (links.thumb is None) == (not image.variants)


def test_a_thumb_is_served_as_webp_from_the_derivatives(delivery: Delivery) -> None:
    links = delivery.links(image_of("a.png", "image/png", variants=("thumb.webp",)))
    assert links.thumb is not None
    assert "/variants/" in urlsplit(links.thumb).path
    assert overrides(links.thumb)["content-type"] == "image/webp"


def test_a_preview_that_is_stored_is_served_from_the_bucket(delivery: Delivery) -> None:
    image = replace(image_of("a.png", "image/png", variants=("thumb.webp", "preview.webp")), width=10, height=1601)
    preview = delivery.links(image).preview
    assert urlsplit(preview).path.endswith("/preview.webp")
    assert delivery.redirect(image, Way(variant="preview")).url == preview


def test_a_preview_that_has_to_be_made_is_the_apps_own_address(delivery: Delivery) -> None:
    image = replace(image_of("a.png", "image/png"), width=10, height=1601)
    assert delivery.links(image).preview == f"http://127.0.0.1:8000/i/{image.iid}?variant=preview"


def test_the_preview_of_a_private_image_carries_a_signature_that_lasts_as_long_as_the_other_addresses(
    unconnected: Parts,
) -> None:
    now_s = [1_800_000_000.0]
    presigner = copy.copy(unconnected.presigner)
    presigner._clock = lambda: now_s[0]
    delivery = Delivery(replace(unconnected, presigner=presigner))
    image = replace(image_of("a.png", "image/png"), width=1601, height=10, private=True)
    links = delivery.links(image)
    query = parse_qs(urlsplit(links.preview).query)
    assert query["variant"] == ["preview"]
    (signature,) = query["sig"]
    now_s[0] = links.expires_at_s - 1
    assert delivery.find_end(signature, image.iid, Way(variant="preview")) == links.expires_at_s
    assert delivery.find_end(signature, image.uid, Way(variant="preview")) is None
    assert delivery.find_end(signature, image.iid, Way(variant="thumb")) is None
    assert delivery.find_end(signature, image.iid, AS_IT_IS) is None
    assert delivery.find_end(None, image.iid, Way(variant="preview")) is None
    now_s[0] = links.expires_at_s
    assert delivery.find_end(signature, image.iid, Way(variant="preview")) is None
    assert delivery.links(image).preview != links.preview


def test_a_redirect_may_be_kept_until_its_window_ends(delivery: Delivery, unconnected: Parts) -> None:
    image = image_of("a.png", "image/png")
    window = unconnected.presigner.window(image.iid)
    target = delivery.redirect(image)
    assert 0 <= target.max_age_s <= window.length_s
    assert target.max_age_s <= window.expires_at_s - unconnected.presigner.now_s()


def test_a_variant_that_was_never_made_is_answered_by_the_original(delivery: Delivery) -> None:
    image = image_of("a.png", "image/png")
    assert delivery.redirect(image, Way(variant="thumb")).url == delivery.redirect(image).url


def test_a_head_is_signed_as_a_head(delivery: Delivery) -> None:
    image = image_of("a.png", "image/png")
    assert delivery.redirect(image, method="HEAD").url != delivery.redirect(image).url


def test_a_redirect_keeps_to_the_purpose_of_the_address_that_led_to_it(delivery: Delivery) -> None:
    image = image_of("a.png", "image/png")
    kinds = {
        purpose: overrides(delivery.redirect(image, Way(purpose=purpose)).url)["content-disposition"].split(";")[0]
        for purpose in get_args(Purpose)
    }
    assert kinds == {"view": "inline", "download": "attachment", "embed": "inline"}


def test_where_the_app_sends_the_bytes_every_address_that_ends_is_its_own_and_signed(unconnected: Parts) -> None:
    delivery = Delivery(replace(unconnected, config=config(IMAGEHOST_DELIVERY="proxy")))
    image = replace(image_of("a.png", "image/png", variants=("thumb.webp",)), width=1601, height=10)
    links = delivery.links(image)
    assert links.thumb is not None
    for url, variant, extension in (
        (links.src, None, "png"),
        (links.thumb, "thumb", "webp"),
        (links.preview, "preview", "webp"),
    ):
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://127.0.0.1:8000/i/{image.iid}.{extension}"
        query = parse_qs(parts.query)
        assert query.get("variant") == (variant and [variant])
        others = (None, "thumb", "preview")
        for other in others:
            end = links.expires_at_s if other == variant else None
            assert delivery.find_end(query["sig"][0], image.iid, Way(variant=other)) == end
            assert delivery.find_end(query["sig"][0], image.iid, Way(variant=other, purpose="view")) is None
    small = delivery.links(replace(image, width=10))
    assert small.preview == small.src


def test_where_the_app_sends_the_bytes_a_presigned_address_is_signed_for_its_purpose(unconnected: Parts) -> None:
    delivery = Delivery(replace(unconnected, config=config(IMAGEHOST_DELIVERY="proxy")))
    image = image_of("a.png", "image/png")
    for purpose in get_args(Purpose):
        signed = delivery.presign(image, Way(purpose=purpose), 60)
        query = parse_qs(urlsplit(signed.url).query)
        assert query["purpose"] == [purpose]
        for other in (None, *get_args(Purpose)):
            end = signed.expires_at_s if other == purpose else None
            assert delivery.find_end(query["sig"][0], image.iid, Way(purpose=other)) == end
        assert delivery.find_end(query["sig"][0], image.iid, Way(variant="thumb", purpose=purpose)) is None


def test_bytes_may_be_kept_to_the_end_of_the_address_that_leads_to_nothing_else(delivery: Delivery) -> None:
    image = image_of("a.png", "image/png")
    window = delivery._presigner.window(image.iid)
    now_s = int(delivery._presigner.now_s())
    certain = delivery.find_source(image)
    assert not certain.stands_in
    for source, ends_at_s, form in (
        (certain, now_s + 5000, r"public, max-age=(\d+), immutable"),
        (certain, None, r"public, max-age=(\d+)"),
        (replace(certain, stands_in=True), now_s + 5000, r"public, max-age=(\d+)"),
    ):
        found = re.fullmatch(form, delivery.cache_control(image, source, ends_at_s))
        assert found is not None
        assert (4990 <= int(found[1]) <= 5000) if form.endswith("immutable") else (int(found[1]) <= window.length_s)
    assert delivery.cache_control(replace(image, private=True), certain, None).startswith("private, max-age=")


def test_bytes_have_one_tag_whatever_was_edited_and_each_derivative_its_own(delivery: Delivery) -> None:
    image = image_of("a.png", "image/png", variants=("thumb.webp",))
    edited = replace(image, rev=image.rev + 1, filename="b.png", private=True)
    tag = delivery.find_source(image).tag
    assert delivery.find_source(edited).tag == delivery.find_source(image, Way(purpose="download")).tag == tag
    assert delivery.find_source(image, Way(variant="thumb")).tag not in (
        tag,
        delivery.find_source(replace(image, version="v"), Way(variant="thumb")).tag,
    )
