"""The index as text: what is in it, in which order, and that two indexes of one bucket are the same text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from imagehost.errors import IndexRebuilding
from imagehost.ids import SHARDS
from imagehost.index import contents
from imagehost.models import ReadyRecord
from imagehost.services.dump import Dump
from imagehost.services.facade import Services
from imagehost.services.parts import Parts
from tests import synthetic
from tests.contract.raw import Raw


@pytest.fixture
def raw(environment: Mapping[str, str]) -> Iterator[Raw]:
    made = Raw(environment["REDIS_URL"])
    yield made
    made.client.close()


@pytest.fixture
def indexed(parts: Parts, raw: Raw) -> Iterator[tuple[Any, list[Any]]]:
    """An account with five published images and a deleted one, in the index alone."""
    account, records = synthetic.account(images=5, dead=1)
    parts.accounts.apply(account, "")
    for record in records[::-1]:
        parts.images.apply(record, "")
    yield account, records
    raw.forget(account.uid)


def lines_of(services: Services, uid: str) -> list[str]:
    return [line for line in services.dump.lines() if uid in line]


def test_it_says_all_that_records_say_and_nothing_that_they_do_not(
    services: Services, raw: Raw, indexed: tuple[Any, list[Any]]
) -> None:
    account, records = indexed
    services.parts.images.count_views({records[0].iid: 1})
    first, *images = [json.loads(line) for line in lines_of(services, account.uid)]
    published = {r.iid: r.image for r in records if isinstance(r, ReadyRecord)}
    assert first == {
        "account": {
            "uid": account.uid,
            "username": account.username,
            "created_at": account.created_at_ms,
            "rev": 2,
            "api_keys": {key.kid: asdict(key) | {"scopes": list(key.scopes)} for key in account.api_keys},
            "images": [[iid, image.created_at_ms] for iid, image in published.items()],
            "used_bytes": sum(image.size for image in published.values()),
            "used_count": 5,
        }
    }
    assert [line["image"]["id"] for line in images] == sorted(published)
    third = next(line["image"] for line in images if line["image"]["id"] == records[2].iid)
    image = published[records[2].iid]
    assert third == {
        "id": image.iid,
        "owner_uid": image.uid,
        "state": "ready",
        "rev": 3,
        "version": image.version,
        "key": image.key,
        "filename": image.filename,
        "mime": "image/jpeg",
        "private": 0,
        "tags": ["sea", "sommer"],
        "size": image.size,
        "sha256": image.sha256,
        "source_size": image.source_size,
        "source_sha256": image.source_sha256,
        "width": 800,
        "height": 600,
        "frames": 1,
        "variants": "preview.webp,thumb.webp",
        "placeholder": image.placeholder,
        "status": "generated",
        "created_at": image.created_at_ms,
    }


def test_it_is_canonical(services: Services, indexed: tuple[Any, list[Any]]) -> None:
    for line in lines_of(services, indexed[0].uid):
        document = json.loads(line)
        assert line == json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert any("№" in line for line in lines_of(services, indexed[0].uid))


def test_accounts_come_in_the_order_of_their_ids_each_before_its_images(
    services: Services, parts: Parts, raw: Raw, indexed: tuple[Any, list[Any]]
) -> None:
    other, records = synthetic.account(images=2)
    parts.accounts.apply(other, "")
    for record in records:
        parts.images.apply(record, "")
    documents = [json.loads(line) for line in services.dump.lines()]
    places = [
        (d["account"]["uid"], "") if "account" in d else (d["image"]["owner_uid"], d["image"]["id"]) for d in documents
    ]
    assert places == sorted(places)
    assert {other.uid, indexed[0].uid} <= {uid for uid, _ in places}
    raw.forget(other.uid)


def test_it_is_the_same_however_few_are_held_at_once(
    services: Services, indexed: tuple[Any, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lines_of(services, indexed[0].uid)
    monkeypatch.setattr(contents, "CHUNK", 2)
    assert lines_of(services, indexed[0].uid) == before


def test_an_image_that_ends_meanwhile_is_not_in_it(services: Services, indexed: tuple[Any, list[Any]]) -> None:
    account, records = indexed
    last = max(r.iid for r in records if isinstance(r, ReadyRecord))
    lines = []
    for line in services.dump.lines():
        lines.append(line)
        if line.startswith('{"account"') and account.uid in line:
            services.parts.images.apply(replace(synthetic.deleted(account.uid), iid=last, rev=9), "")
    images = [json.loads(line)["image"]["id"] for line in lines if line.startswith('{"image"') and account.uid in line]
    assert len(images) == 4
    assert last not in images


def test_a_wiped_index_is_not_dumped(parts: Parts) -> None:
    class Wiped:
        def list_wiped(self) -> list[str]:
            return list(SHARDS)

    wiped: Any = Wiped()
    with pytest.raises(IndexRebuilding, match=r"1024 shards have no index: run `imagehost rebuild`"):
        next(Dump(replace(parts, shards=wiped)).lines())
