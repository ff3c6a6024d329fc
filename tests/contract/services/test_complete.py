"""Completing an upload when answers are lost, writes arrive late, processes die, and others do the same at once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagehost import ids
from imagehost.errors import (
    ImageDeleted,
    ImageNotFound,
    OutcomeUnknown,
    SizeMismatch,
    Unavailable,
    UnreadableImage,
    UnsupportedImage,
    UploadBusy,
    UploadNotReceived,
)
from imagehost.models import Details, ReadyRecord, Reservation, Tombstone
from imagehost.services.publish import Completed, Publisher
from imagehost.storage import object_keys
from tests import images
from tests.contract.builders import edited
from tests.contract.services.conftest import PHOTO, Bench, Crash


def test_complete_publishes_once_and_every_repeat_answers_the_same(bench: Bench) -> None:
    iid = bench.request(title="Start").iid
    first = bench.services.completion.complete(bench.uid, iid)
    again = bench.services.completion.complete(bench.uid, iid)
    assert (first.created, again.created) == (True, False)
    assert again.published.image == first.published.image
    assert first.published.image.title == "Start"
    assert bench.raw.counters(bench.uid) == (len(PHOTO), 1, 0, 0)


@pytest.mark.parametrize("keep_metadata", [False, True])
def test_where_it_was_taken_is_published_only_if_the_owner_asked_for_it(bench: Bench, keep_metadata: bool) -> None:
    sent = images.described("image/jpeg", 6)
    iid = bench.request(sent + b"something else", keep_metadata=keep_metadata).iid
    image = bench.services.completion.complete(bench.uid, iid).published.image
    stored = b"".join(bench.parts.objects.open(image.key) or ())
    assert (images.SECRET_PLACE in stored) == keep_metadata
    assert b"something else" not in stored
    assert (image.size, image.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert image.source_size == len(sent) + len(b"something else")
    assert (image.width, image.height) == (40, 60)
    assert bench.raw.counters(bench.uid) == (len(stored), 1, 0, 0)


def test_a_record_that_was_written_though_the_answer_was_lost_is_ours(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["apply"]
    assert bench.faulty.completion.complete(bench.uid, iid).created


def test_a_record_that_never_arrived_is_written_again(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["drop", "drop"]
    assert bench.faulty.completion.complete(bench.uid, iid).created
    assert len(bench.objects_of(iid)) == 1


def test_our_record_is_ours_though_an_editor_has_replaced_its_operation(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan = {"write_image": ["apply"], "find_image": ["do"]}
    bench.records.first = lambda: _write_title(bench, iid)
    done = bench.faulty.completion.complete(bench.uid, iid)
    assert done.created
    assert (done.published.image.rev, done.published.image.title) == (2, "edited")


def _write_title(bench: Bench, iid: str) -> None:
    """An edit by somebody who saw the record before this process did."""
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, ReadyRecord)
    bench.parts.records.write_image(edited(stored.record, title="edited"), etag=stored.etag)


def test_an_outcome_that_stays_unknown_keeps_the_objects_and_a_late_write_still_counts(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["late", "drop", "drop"]
    with pytest.raises(OutcomeUnknown):
        bench.faulty.completion.complete(bench.uid, iid)
    (kept,) = bench.objects_of(iid)
    assert isinstance(bench.parts.images.find(iid).entry, Reservation)
    bench.records.land()
    done = bench.services.completion.complete(bench.uid, iid)
    assert not done.created
    assert done.published.image.version == kept
    assert bench.objects_of(iid) == {kept}


def test_a_write_that_arrives_after_another_version_won_changes_nothing(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["late", "drop", "drop"]
    with pytest.raises(OutcomeUnknown):
        bench.faulty.completion.complete(bench.uid, iid)
    (orphan,) = bench.objects_of(iid)
    winner = bench.services.completion.complete(bench.uid, iid).published.image
    bench.records.land()
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, ReadyRecord)
    assert stored.record.image == winner
    # What the first attempt left is the daily check's to remove; here it is removed by hand.
    bench.remove_version(iid, orphan)


def test_complete_before_the_bytes_arrived_changes_nothing(bench: Bench) -> None:
    details = Details(filename="photo.jpg", mime="image/jpeg")
    ticket = bench.services.uploads.request(bench.uid, details, size_bytes=10, sha256=None)
    with pytest.raises(UploadNotReceived):
        bench.services.completion.complete(bench.uid, ticket.iid)
    entry = bench.parts.images.find(ticket.iid).entry
    assert isinstance(entry, Reservation)
    assert not entry.begun


def test_an_unknown_id_and_one_of_somebody_else_are_both_not_found(bench: Bench) -> None:
    iid = bench.request().iid
    for uid, wanted in ((ids.new_uid(), iid), (bench.uid, ids.new_iid(bench.uid))):
        with pytest.raises(ImageNotFound):
            bench.services.completion.complete(uid, wanted)
    assert bench.services.completion.complete(bench.uid, iid).created
    with pytest.raises(ImageNotFound):
        bench.services.completion.complete(ids.new_uid(), iid)


def test_a_refusal_is_committed_and_the_same_on_every_retry(bench: Bench) -> None:
    iid = bench.request(b"<html>no image</html>").iid
    details = []
    for _ in range(2):
        with pytest.raises(UnsupportedImage) as caught:
            bench.services.completion.complete(bench.uid, iid)
        details.append(caught.value.detail)
    assert details[0] == details[1] != ""
    entry = bench.parts.images.find(iid).entry
    assert isinstance(entry, Tombstone)
    assert entry.purged
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


@pytest.mark.parametrize("fault", ["apply", "drop"])
def test_a_refusal_whose_write_is_in_doubt_is_still_one_refusal(bench: Bench, fault: str) -> None:
    iid = bench.request(b"\x89PNG\r\n\x1a\n and no more").iid
    bench.records.plan["write_image"] = [fault]
    with pytest.raises(UnreadableImage):
        bench.faulty.completion.complete(bench.uid, iid)


def test_a_verdict_against_an_image_that_was_published_meanwhile_is_void(bench: Bench) -> None:
    iid = bench.request().iid
    found = bench.parts.images.find(iid)
    assert isinstance(found.entry, Reservation)
    image = bench.services.completion.complete(bench.uid, iid).published.image
    verdict = SizeMismatch("another process thought so")
    stands = Publisher(bench.parts).refuse(found.entry, "f" * 32, found.epoch or "", verdict)
    assert stands.published.image == image
    assert not stands.created


def test_a_file_of_another_size_than_announced_is_refused_even_if_the_store_let_it_in(bench: Bench) -> None:
    details = Details(filename="photo.jpg", mime="image/jpeg")
    iid = bench.services.uploads.request(bench.uid, details, size_bytes=10, sha256=None).iid
    staging = object_keys.incoming(bench.uid, iid, details.filename, details.mime)
    bench.parts.objects._s3.put_object(Bucket=bench.parts.config.bucket, Key=staging, Body=b"eleven bytes")
    for _ in range(2):
        with pytest.raises(SizeMismatch):
            bench.services.completion.complete(bench.uid, iid)


@pytest.mark.parametrize("adapter, method", [("sandbox", "inspect"), ("objects", "put_file"), ("objects", "download")])
def test_what_fails_on_the_way_decides_nothing_and_gives_the_lease_back(
    bench: Bench, adapter: str, method: str
) -> None:
    iid = bench.request().iid
    getattr(bench, adapter).plan[method] = ["fail"]
    with pytest.raises(Unavailable):
        bench.faulty.completion.complete(bench.uid, iid)
    assert "lease_version" not in bench.raw.image(iid)
    assert bench.services.completion.complete(bench.uid, iid).created


def test_an_image_deleted_while_it_was_gated_stays_deleted(bench: Bench) -> None:
    iid = bench.request().iid
    bench.objects.plan["put_file"] = ["do"]
    bench.objects.first = lambda: bench.services.changes.delete(bench.uid, iid)
    with pytest.raises(ImageDeleted):
        bench.faulty.completion.complete(bench.uid, iid)
    assert bench.objects_of(iid) == set()


@pytest.mark.parametrize(
    "adapter, method, step",
    [
        ("images", "begin_complete", "after"),
        ("sandbox", "inspect", "after"),
        ("objects", "put_file", "before"),
        ("records", "write_image", "before"),
        ("records", "write_image", "after"),
        ("images", "apply", "after"),
    ],
)
@pytest.mark.parametrize("retried", [True, False])
def test_a_process_that_dies_at_any_step_loses_nothing_and_leaves_nothing(
    bench: Bench, adapter: str, method: str, step: str, retried: bool
) -> None:
    iid = bench.request().iid
    getattr(bench, adapter).plan[method] = [step]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(bench.uid, iid)
    committed = bench.parts.records.find_image(iid) is not None
    if retried:
        bench.expire_lease(iid)
        done = bench.services.completion.complete(bench.uid, iid)
        assert done.created is not committed
    bench.pass_deadline(iid) if isinstance(bench.parts.images.find(iid).entry, Reservation) else None
    bench.sweep_now(iid)
    if retried or committed:
        assert bench.services.library.get_for_viewer(iid, bench.uid).image.iid == iid
        kept = bench.services.library.get_for_viewer(iid, bench.uid).image.version
        for orphan in bench.objects_of(iid) - {kept}:  # of the attempt that died; the daily check's to remove
            bench.remove_version(iid, orphan)
        # Between apply_record and the last step nothing is left that would come back for the staging bytes: the
        # bucket's lifecycle takes them after two days.
        if (method, step) == ("apply", "after"):
            bench.parts.objects.remove_all(f"incoming/{bench.uid}/{iid}/")
    else:
        assert isinstance(bench.parts.images.find(iid).entry, Tombstone)
        assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


def test_of_many_completes_at_once_one_publishes_and_no_version_is_left_over(bench: Bench) -> None:
    iid = bench.request().iid

    def complete(_: int) -> Completed | UploadBusy:
        try:
            return bench.services.completion.complete(bench.uid, iid)
        except UploadBusy as exc:
            return exc

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(complete, range(12)))
    published = [answer for answer in answers if isinstance(answer, Completed)]
    assert sum(answer.created for answer in published) == 1
    assert {answer.published.image.version for answer in published} == bench.objects_of(iid)
    assert all(int(a.headers["Retry-After"]) >= 1 for a in answers if isinstance(a, UploadBusy))


def test_a_stale_index_is_not_believed_when_it_says_ready(bench: Bench) -> None:
    """As after a failover to a replica that had missed a delete."""
    iid = bench.publish()
    name = f"img:{{{iid[:2]}}}{iid[2:]}"
    before = bench.raw.image(iid)
    bench.services.changes.delete(bench.uid, iid)
    after = bench.raw.image(iid)
    bench.raw.client.delete(name)
    bench.raw.client.hset(name, mapping={**before, "checked": "older"})
    with pytest.raises(ImageDeleted):
        bench.services.completion.complete(bench.uid, iid)
    assert bench.raw.image(iid)["state"] == "dead"
    bench.raw.client.delete(name)
    for kind_op in bench.raw.due(iid):
        bench.raw.client.zrem(f"due:{{{iid[:2]}}}", f"{kind_op}:{iid}")
    bench.raw.client.hset(name, mapping=after)


def test_bytes_that_a_delete_took_meanwhile_are_an_image_deleted_not_an_upload_missing(bench: Bench) -> None:
    iid = bench.request().iid
    bench.objects.plan["download"] = ["do"]
    bench.objects.first = lambda: bench.services.changes.delete(bench.uid, iid)
    with pytest.raises(ImageDeleted):
        bench.faulty.completion.complete(bench.uid, iid)


def test_a_view_is_shown_though_it_cannot_be_counted(bench: Bench) -> None:
    iid = bench.publish()
    library, published = bench.faulty.library, bench.services.library.get_for_viewer(iid, None)
    bench.images.plan["count_views"] = ["fail"]
    for _ in range(3):
        library.count_view(published)
        library.flush_views()
    assert library.get_for_viewer(iid, None).views == 2
