"""The rules of one image, each on a view made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from imagehost import ids
from imagehost.index.mend import fields_of_image
from imagehost.models import ReadyRecord
from imagehost.services.fsck_faults import OTHER_BUCKET, REBUILD, Damaged
from imagehost.services.fsck_images import ImageView, judge
from imagehost.services.fsck_listing import Listing, parse_place
from imagehost.storage.inventory import Listed
from imagehost.storage.records import Stored
from tests.contract.builders import dead, ready

UID = "0k" + "U" * 22
IID = "0k" + "I" * 22
NOW_S = 1_000_000.0
NOW_MS = 1_000_000_000
DAY_S = 86_400.0
OP = "a" * 32


def listed(object_key: str, size_bytes: int = 7, *, age_s: float = 2 * DAY_S) -> Listed:
    return Listed(object_key, size_bytes, NOW_S - age_s, '"e"')


def good(record: ReadyRecord, **change: Any) -> ImageView:
    """A published image with which all is well, but for what is changed."""
    view = ImageView(
        iid=IID,
        stored=Stored(record, '"e"'),
        listed=listed(f"records/0k/{IID}.json"),
        fields=fields_of_image(record) | {"checked": "e", "views": "3"},
        objects=[listed(record.image.key)],
        due={},
        places={UID: record.image.created_at_ms},
        now_ms=NOW_MS,
    )
    return replace(view, **change)


def pending(**change: str) -> dict[str, str]:
    return {"id": IID, "owner_uid": UID, "state": "pending", "op": OP, "size": "7", "begun": "1"} | change


def codes(view: ImageView, *, min_age_s: float = DAY_S) -> list[str]:
    return [fault.code for fault in judge(view, now_s=NOW_S, min_age_s=min_age_s)]


@pytest.fixture
def record() -> ReadyRecord:
    return ready(UID, IID)


def test_an_image_with_which_all_is_well_has_no_faults(record: ReadyRecord) -> None:
    assert codes(good(record), min_age_s=0) == []


def test_an_image_of_another_owner_is_left_to_a_rebuild(record: ReadyRecord) -> None:
    (fault,) = judge(good(record, fields=fields_of_image(record) | {"owner_uid": "other"}), now_s=NOW_S, min_age_s=0)
    assert (fault.code, fault.remedy, fault.cure) == ("F3", "none", REBUILD)


@pytest.mark.parametrize("change", [{"rev": "2"}, {"state": "dead"}])
def test_an_index_that_is_ahead_is_the_only_fault_and_has_no_remedy(
    record: ReadyRecord, change: dict[str, str]
) -> None:
    stray = listed(f"uploads/{UID}/{IID}/other/a.png")
    view = good(record, fields=fields_of_image(record) | change, objects=[stray], places={})
    (fault,) = judge(view, now_s=NOW_S, min_age_s=0)
    assert (fault.code, fault.remedy, fault.cure) == ("F3", "none", OTHER_BUCKET)


@pytest.mark.parametrize(
    "fields, due, expected",
    [
        (pending(), {}, ["F3"]),
        (pending(lease_until=str(NOW_MS + 1)), {}, []),
        (pending(lease_until=str(NOW_MS - 1)), {}, ["F3"]),
        (pending(), {f"upload:{OP}:{IID}": NOW_MS - 1}, []),
        (pending(), {f"upload:{OP}:{IID}": NOW_MS + 1}, ["F3"]),
        (pending(), {f"check:{OP}:{IID}": NOW_MS + 1}, []),
        ({}, {f"check:{OP}:{IID}": NOW_MS - 1}, []),
        ({}, {}, ["F3"]),
        ({"views": "1"}, {}, ["F3"]),
    ],
)
def test_an_index_that_is_behind_is_a_fault_unless_somebody_is_at_it(
    record: ReadyRecord, fields: dict[str, str], due: dict[str, int], expected: list[str]
) -> None:
    assert codes(good(record, fields=fields, due=due, places={})) == expected


def test_what_follows_from_a_wrong_hash_is_not_a_fault_of_its_own(record: ReadyRecord) -> None:
    view = good(record, fields=fields_of_image(record) | {"title": "wrong"}, places={})
    assert codes(view) == ["F3"]


def test_a_stranger_in_an_images_own_version_is_reported_and_has_no_remedy(record: ReadyRecord) -> None:
    beside = record.image.key.rsplit("/", 1)[0] + "/b.png"
    view = good(record, objects=[listed(record.image.key), listed(beside)])
    (fault,) = judge(view, now_s=NOW_S, min_age_s=0)
    assert (fault.code, fault.remedy) == ("F1", "none")


def test_a_derivative_that_no_record_names_belongs_to_its_version(record: ReadyRecord) -> None:
    made = f"variants/{UID}/{IID}/{record.image.version}/preview.webp"
    assert codes(good(record, objects=[listed(record.image.key), listed(made)]), min_age_s=0) == []


def test_a_version_is_as_young_as_its_youngest_object(record: ReadyRecord) -> None:
    old, young = (f"{prefix}/{UID}/{IID}/{OP}/x.webp" for prefix in ("uploads", "variants"))
    objects = [listed(record.image.key), listed(old), listed(young, age_s=60)]
    assert codes(good(record, objects=objects)) == []
    assert codes(good(record, objects=objects), min_age_s=60) == ["F1"]
    assert codes(good(record, objects=[*objects[:2], listed(young, age_s=-5)]), min_age_s=0) == ["F1"]


@pytest.mark.parametrize(
    "fields, expected",
    [
        (pending(), []),
        ({}, ["F1"]),
        ({"state": "dead", "owner_uid": UID}, ["F1"]),
        ({"state": "dead", "owner_uid": UID, "purge": f"purge:{OP}:{IID}"}, []),
    ],
)
def test_bytes_without_a_record_belong_to_an_upload_or_to_nobody(fields: dict[str, str], expected: list[str]) -> None:
    due = {f"upload:{OP}:{IID}": NOW_MS + 1} if fields.get("state") == "pending" else {}
    due |= {fields["purge"]: 0} if "purge" in fields else {}
    view = ImageView(IID, None, None, fields, [listed(f"uploads/{UID}/{IID}/{OP}/a.png")], due, {}, NOW_MS)
    assert codes(view) == expected


def test_a_dead_image_needs_no_hash_and_may_have_no_bytes() -> None:
    record = dead(UID, IID, rev=2)
    view = ImageView(IID, Stored(record, '"e"'), None, {}, [], {}, {}, NOW_MS)
    assert codes(view) == []
    assert codes(replace(view, objects=[listed(f"variants/{UID}/{IID}/{OP}/a.webp")])) == ["F2"]
    assert codes(replace(view, fields=fields_of_image(record) | {"reason": "expired"})) == ["F3"]


def test_of_an_image_whose_record_cannot_be_read_nothing_else_is_said(record: ReadyRecord) -> None:
    view = good(record, stored=Damaged("torn"), objects=[listed(f"uploads/{UID}/{IID}/{OP}/a.png")], places={})
    assert codes(view, min_age_s=0) == ["F8"]


@pytest.mark.parametrize(
    "object_key",
    [
        "uploads/x",
        f"uploads/{UID}/{IID}/{OP}",
        f"uploads/{UID}/{IID}/{OP}/",
        f"uploads/{UID}/{IID}//a.png",
        f"uploads/{UID}/{IID}/{OP}/a/b.png",
        f"uploads/{UID}/00{IID[2:]}/{OP}/a.png",
        f"uploads/uu{UID[2:]}/uu{IID[2:]}/{OP}/a.png",
        f"incoming/{UID}/{IID}/{OP}/a.png",
    ],
)
def test_a_key_that_imagehost_never_makes_has_no_place(object_key: str) -> None:
    assert parse_place(object_key) is None
    prefix = object_key.split("/", 1)[0] + "/"
    assert Listing.of({prefix: [listed(object_key)]}).strangers == [object_key]


def test_a_listing_is_sorted_by_image_and_account() -> None:
    uid, iid = ids.new_uid(), ids.new_iid(UID)
    bytes_of = [listed(f"uploads/{UID}/{IID}/{OP}/a.png", 5), listed(f"variants/{UID}/{IID}/{OP}/thumb.webp", 2)]
    listing = Listing.of(
        {
            "records/": [listed(f"records/0k/{iid}.json", 1), listed(f"records/0k/{IID}.txt", 1)],
            "accounts/": [listed(f"accounts/{uid[:2]}/{uid}.json", 1)],
            "uploads/": bytes_of[:1],
            "variants/": bytes_of[1:],
        }
    )
    assert (list(listing.records), list(listing.accounts)) == ([iid], [uid])
    assert listing.objects == {IID: bytes_of}
    assert listing.strangers == [f"records/0k/{IID}.txt"]
    assert (listing.count, listing.size_bytes) == (5, 10)
