import re
from pathlib import Path

from hypothesis import given
from redis.crc import key_slot

from imagehost.ids import SHARDS, new_iid, new_uid, shard_of
from imagehost.index import hashes, keyspace
from imagehost.index import scripts as scripts_module
from imagehost.models import DeadRecord, ReadyRecord
from tests.unit.strategies import DEAD, IDS, READY

LEGEND = keyspace.__doc__ or ""
WORDS = frozenset(re.findall(r"\w+", LEGEND))
LUA = Path(scripts_module.__file__).parent / "lua"


def slot(redis_key: str) -> int:
    return key_slot(redis_key.encode())


@given(IDS)
def test_all_redis_keys_of_one_users_call_are_in_one_slot(uid: str) -> None:
    iid = new_iid(uid)
    shard = shard_of(uid)
    keys = [
        keyspace.user(uid),
        keyspace.user_images(uid),
        keyspace.image(iid),
        keyspace.lease(iid, "preview.webp"),
        keyspace.due(shard),
        keyspace.due_of(iid),
        keyspace.meta(shard),
    ]
    assert len({slot(key) for key in keys}) == 1
    assert len(set(keys)) == len(keys) - 1, "due_of names the shard's queue"


def test_the_shards_are_spread_over_a_clusters_slots() -> None:
    assert len({slot(keyspace.meta(shard)) for shard in SHARDS}) > 800


@given(IDS, IDS)
def test_different_ids_have_different_redis_keys(a: str, b: str) -> None:
    for make in (keyspace.user, keyspace.user_images, keyspace.image):
        assert (make(a) == make(b)) == (a == b)
    assert keyspace.user(a) != keyspace.image(a)


def test_the_legend_has_a_line_for_every_kind_of_redis_key() -> None:
    iid = "4k" + "a" * 22
    for redis_key in (
        keyspace.user(iid),
        keyspace.user_images(iid),
        keyspace.image(iid),
        keyspace.lease(iid, "preview.webp"),
        keyspace.due("4k"),
        keyspace.meta("4k"),
    ):
        pattern = re.escape(redis_key).replace("a" * 22, r"\w+…")
        assert re.search(rf"^    {pattern}\s+(hash|zset|string) ", LEGEND, re.MULTILINE), redis_key
    assert keyspace.due_member("{kind}", "{op}", "{iid}") in LEGEND
    assert keyspace.api_key_field("{kid}") in LEGEND


def test_every_function_that_makes_a_redis_key_has_its_line() -> None:
    functions = {name for name, value in vars(keyspace).items() if callable(value) and not name.startswith("_")}
    assert functions == {
        "user", "user_images", "image", "lease", "due", "meta", "due_of", "due_member", "api_key_field", "parse",
        "find_shard", "shard_of",
    }  # fmt: skip


@given(READY | DEAD)
def test_every_field_of_an_image_is_in_the_legend(record: ReadyRecord | DeadRecord) -> None:
    assert {str(name) for name in hashes.from_record(record)[::2]} <= WORDS


def test_every_field_that_a_script_names_is_in_the_legend() -> None:
    for path in LUA.glob("*.lua"):
        code = re.sub(r"--.*", "", path.read_text("utf-8"))
        calls = re.findall(r"'(?:HSET|HINCRBY|HDEL|HMGET|HGET|HEXISTS)'(.*?)\)", code, re.DOTALL)
        named = {field for call in calls for field in re.findall(r"'([a-z_]+)'", call)} - {"ready", "dead", "pending"}
        assert named <= WORDS, (path.name, named - WORDS)


def test_every_script_is_registered() -> None:
    assert {path.stem for path in LUA.glob("*.lua")} == set(scripts_module.NAMES)


def test_no_other_module_spells_out_a_redis_key() -> None:
    package = Path(keyspace.__file__).parent.parent
    literal = re.compile(r"""["'](user|img|due|meta):\{""")
    guilty = [p.name for p in package.rglob("*.py") if p.name != "keyspace.py" and literal.search(p.read_text("utf-8"))]
    assert guilty == []


def test_a_redis_key_is_what_the_legend_shows() -> None:
    uid = new_uid()
    assert keyspace.user(uid) == f"user:{{{uid[:2]}}}{uid[2:]}"
    assert keyspace.due_member("check", "f" * 32, uid) == f"check:{'f' * 32}:{uid}"
