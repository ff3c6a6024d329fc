import base64
import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagehost.config import Config
from imagehost.errors import SizeMismatch, Unavailable
from imagehost.ids import new_iid, new_uid, new_version
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.objects import CHUNK_BYTES, Objects
from imagehost.storage.streams import CHUNK_BYTES as STREAM_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA = b"\x89PNG and some more" * 1000


@pytest.fixture
def objects(parts: Parts) -> Objects:
    return parts.objects


@pytest.fixture
def key() -> str:
    uid = new_uid()
    return object_keys.upload(uid, new_iid(uid), new_version(), "a.png", "image/png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def test_the_size_of_an_object_is_found_and_none_where_there_is_none(objects: Objects, key: str, source: Path) -> None:
    assert objects.find_size(key) is None
    objects.put_file(key, source, "image/png")
    assert objects.find_size(key) == len(DATA)
    assert objects.find_size(key + "x") is None
    assert objects.find_size(key.rsplit("/", 1)[0]) is None


def test_a_file_is_stored_with_its_type_and_a_checksum_that_the_store_verified(
    objects: Objects, key: str, source: Path, s3: "S3Client", config: Config
) -> None:
    objects.put_file(key, source, "image/png")
    head = s3.head_object(Bucket=config.bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ContentType"] == "image/png"
    assert head["ContentLength"] == len(DATA)
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(DATA).digest()).decode()


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 1])
def test_a_download_is_what_was_stored(objects: Objects, key: str, tmp_path: Path, size_bytes: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(n * 7 % 256 for n in range(997)) * (size_bytes // 997) + b"x" * (size_bytes % 997))
    objects.put_file(key, source, "image/png")
    assert objects.download(key, target, size_bytes)
    assert target.read_bytes() == source.read_bytes()


def test_a_download_of_nothing_is_false_and_writes_nothing(objects: Objects, key: str, tmp_path: Path) -> None:
    assert objects.download(key, tmp_path / "target", 5) is False
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("off_by", [-1, 1, -len(DATA)])
def test_a_download_of_another_size_is_refused_without_reading_it(
    objects: Objects, key: str, source: Path, tmp_path: Path, off_by: int
) -> None:
    objects.put_file(key, source, "image/png")
    with pytest.raises(SizeMismatch):
        objects.download(key, tmp_path / "target", len(DATA) + off_by)
    assert (tmp_path / "target").stat().st_size == 0


def test_all_below_the_prefixes_is_removed_and_nothing_beside_them(objects: Objects, source: Path) -> None:
    uid = new_uid()
    doomed, spared = new_iid(uid), new_iid(uid)
    beside = object_keys.upload(uid, spared, new_version(), "a.png", "image/png")
    longer = f"uploads/{uid}/{doomed}x/v/a.png"
    objects.put_file(beside, source, "image/png")
    objects.put_file(longer, source, "image/png")
    below = [object_keys.upload(uid, doomed, new_version(), "a.png", "image/png") for _ in range(30)]
    below += [object_keys.variant(uid, doomed, new_version(), "thumb.webp")]
    below += [object_keys.incoming(uid, doomed, "a.png", "image/png")]
    for key in below:
        objects.put_file(key, source, "image/png")
    assert objects.remove_all(*object_keys.prefixes_of_image(uid, doomed))
    assert [key for key in below if objects.find_size(key) is not None] == []
    assert objects.find_size(beside) == objects.find_size(longer) == len(DATA)
    assert objects.remove_all(*object_keys.prefixes_of_image(uid, doomed)), "nothing is left, which is fine"


def test_only_one_version_is_removed_when_only_one_is_meant(objects: Objects, source: Path) -> None:
    uid = new_uid()
    iid, lost, won = new_iid(uid), new_version(), new_version()
    keys = [object_keys.upload(uid, iid, version, "a.png", "image/png") for version in (lost, won)]
    for key in keys:
        objects.put_file(key, source, "image/png")
    assert objects.remove_all(*object_keys.prefixes_of_version(uid, iid, lost))
    assert [objects.find_size(key) for key in keys] == [None, len(DATA)]


def test_what_was_staged_is_removed_and_what_was_published_stays(objects: Objects, source: Path) -> None:
    uid = new_uid()
    iid = new_iid(uid)
    staged = object_keys.incoming(uid, iid, "a.png", "image/png")
    published = object_keys.upload(uid, iid, new_version(), "a.png", "image/png")
    objects.put_file(staged, source, "image/png")
    objects.put_file(published, source, "image/png")
    assert objects.remove_all(object_keys.prefix_of_staging(uid, iid))
    assert [objects.find_size(staged), objects.find_size(published)] == [None, len(DATA)]


def test_an_object_may_be_replaced_and_the_new_one_is_read_at_once(objects: Objects, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for size_bytes in (10, 20, 5):
        source.write_bytes(b"x" * size_bytes)
        objects.put_file(key, source, "image/png")
        assert objects.find_size(key) == size_bytes


def test_the_bucket_is_not_empty_while_it_holds_something(objects: Objects, key: str, source: Path) -> None:
    objects.put_file(key, source, "image/png")
    assert not objects.is_empty()


def test_the_bucket_answers_and_one_that_does_not_exist_is_unavailable(objects: Objects, s3: "S3Client") -> None:
    objects.ping()
    with pytest.raises(Unavailable):
        Objects(s3, "no-such-bucket").ping()
    with pytest.raises(Unavailable):
        Objects(s3, "no-such-bucket").is_empty()
    assert not Objects(s3, "no-such-bucket").remove_all("uploads/x/")


@pytest.mark.parametrize("size_bytes", [1, STREAM_BYTES - 1, STREAM_BYTES, 3 * STREAM_BYTES + 1])
def test_an_object_is_read_as_it_arrives_a_chunk_at_a_time(
    objects: Objects, key: str, tmp_path: Path, size_bytes: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(secrets.token_bytes(size_bytes))
    objects.put_file(key, source, "image/png")
    stream = objects.open(key)
    assert stream is not None
    chunks = list(stream)
    stream.close()
    stream.close()
    assert b"".join(chunks) == source.read_bytes()
    assert stream.size_bytes == size_bytes
    assert max(map(len, chunks)) <= STREAM_BYTES


def test_a_part_of_an_object_is_read_alone(objects: Objects, key: str, source: Path) -> None:
    objects.put_file(key, source, "image/png")
    for part in (range(1), range(5, 9), range(len(DATA) - 1, len(DATA)), range(len(DATA))):
        stream = objects.open(key, part)
        assert stream is not None
        assert (b"".join(stream), stream.size_bytes) == (DATA[part.start : part.stop], len(part))
    with pytest.raises(Unavailable):
        objects.open(key, range(len(DATA), len(DATA) + 5))


def test_an_object_that_is_not_there_is_not_opened(objects: Objects, key: str, s3: "S3Client") -> None:
    assert objects.open(key) is None
    assert objects.open(key, range(5)) is None
    with pytest.raises(Unavailable):
        Objects(s3, "no-such-bucket").open(key)


def test_a_stream_that_is_closed_early_leaves_the_store_usable(objects: Objects, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(40 * STREAM_BYTES))
    objects.put_file(key, source, "image/png")
    for _ in range(60):  # more than there are connections
        stream = objects.open(key)
        assert stream is not None
        assert next(iter(stream)) == bytes(STREAM_BYTES)
        stream.close()
    assert objects.find_size(key) == 40 * STREAM_BYTES
