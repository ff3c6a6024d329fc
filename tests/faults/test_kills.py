"""A process is killed at every named point of every operation on an image, and the operation is then repeated by
another process, or by nobody.

All of it happens first, many at a time, with sweepers that are killed as well; every test looks at one end of it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from imagehost.errors import ImageDeleted, ImagehostError
from tests.consistency import World, assert_consistent
from tests.faults.driver import Answer
from tests.faults.stack import PICTURE, ROOT, Stage, eventually, fate, findings_about, stage

__all__ = ["stage"]

AT_ONCE = 4
BROKEN = PICTURE[:-30]
CHANGE = {"title": "changed", "tags": ("one", "two")}
CREATED, FOUND, ENDED, GONE = {"created": True}, {"created": False}, {"gone": True}, {"problem": "image-deleted"}
UNREADABLE, MISFIT = {"problem": "unreadable-image"}, {"problem": "size-mismatch"}
FENCED, REFUSED, DELETED, CANCELLED = "dead fenced", "dead refused", "dead deleted", "dead cancelled"


@dataclass(frozen=True)
class Kill:
    """One case. `alone` and `repeated` are the image's fates (those of `fate`) when nobody repeats the operation, and
    when somebody does, who is answered `answer` (what is not named in it does not matter)."""

    operation: str
    point: str
    alone: str
    repeated: str
    answer: Mapping[str, Any]


KILLS = (
    Kill("request", "after_reserve", "absent", "absent", {}),
    Kill("complete", "after_begin", FENCED, "ready 1", CREATED),
    Kill("complete", "after_gate", FENCED, "ready 1", CREATED),
    Kill("complete", "after_put", FENCED, "ready 1", CREATED),
    Kill("complete", "after_record", "ready 1", "ready 1", FOUND),
    Kill("complete", "after_apply", "ready 1", "ready 1", FOUND),
    Kill("refuse", "after_begin", FENCED, REFUSED, UNREADABLE),
    Kill("refuse", "after_refuse", REFUSED, REFUSED, UNREADABLE),
    Kill("refuse", "after_dead_apply", REFUSED, REFUSED, UNREADABLE),
    Kill("refuse", "after_objects", REFUSED, REFUSED, UNREADABLE),
    Kill("misfit", "after_refuse", REFUSED, REFUSED, MISFIT),
    Kill("misfit", "after_dead_apply", REFUSED, REFUSED, MISFIT),
    Kill("misfit", "after_objects", REFUSED, REFUSED, MISFIT),
    Kill("edit", "after_intent", "ready 1", "ready 2", {"rev": 2}),
    Kill("edit", "after_edit", "ready 2", "ready 2", {"rev": 2}),
    Kill("delete", "after_intent", "ready 1", DELETED, ENDED),
    Kill("delete", "after_dead", DELETED, DELETED, GONE),
    Kill("delete", "after_dead_apply", DELETED, DELETED, GONE),
    Kill("delete", "after_objects", DELETED, DELETED, GONE),
    Kill("delete", "after_purge", DELETED, DELETED, GONE),
    Kill("cancel", "after_intent", "absent", CANCELLED, ENDED),
    Kill("cancel", "after_dead", CANCELLED, CANCELLED, GONE),
    Kill("cancel", "after_dead_apply", CANCELLED, CANCELLED, GONE),
    Kill("cancel", "after_objects", CANCELLED, CANCELLED, GONE),
    Kill("cancel", "after_purge", CANCELLED, CANCELLED, GONE),
)
CASES = [(kill, repeated) for kill in KILLS for repeated in (False, True)]


def name_of(kill: Kill, repeated: bool) -> str:
    return f"{kill.operation} killed {kill.point}, {'repeated' if repeated else 'alone'}"


NAMES = [name_of(*case) for case in CASES]
REPEATED = [name_of(*case) for case in CASES if case[1]]
# What may be left for the check to remove: the bytes of an attempt that died before it committed, when another came
# after it.
MAY_BE_LEFT = {name_of(KILLS[3], True): {"F1"}}


@dataclass(frozen=True)
class History:
    """What happened in one case, to the one image of a user."""

    kill: Kill
    repeated: bool
    uid: str
    iid: str
    exit_code: int
    answer: Answer | None


@dataclass(frozen=True)
class After:
    """All histories, the exit codes of the sweepers that were killed, and the world that they left: as the next sweeper
    leaves it, and then as a check does that repairs."""

    histories: Mapping[str, History]
    sweepers: tuple[int, int]
    swept: World
    repaired: World


def begin(stage: Stage, uid: str, operation: str) -> tuple[str, tuple[Any, ...]]:
    """All that comes before the operation; the image, and what to perform with which arguments."""
    if operation == "request":
        return "", ("request", uid, len(PICTURE))
    if operation in ("edit", "delete"):
        iid = stage.publish(uid)
        return iid, (operation, uid, iid, *([CHANGE] if operation == "edit" else []))
    data = BROKEN if operation == "refuse" else PICTURE
    iid = stage.stage(uid, data, len(PICTURE) + 1 if operation == "misfit" else None)
    return iid, ("delete" if operation == "cancel" else "complete", uid, iid)


def play(stage: Stage, kill: Kill, repeated: bool) -> History:
    uid = stage.new_uid()
    iid, call = begin(stage, uid, kill.operation)
    exit_code = stage.kill(kill.point, *call)
    if kill.operation == "request":  # whoever asked was not told
        iid = next(iter(stage.images_of(uid)))
    return History(kill, repeated, uid, iid, exit_code, perform_again(stage, *call) if repeated else None)


def perform_again(stage: Stage, *call: Any) -> Answer:
    """As a client does: once more as long as the answer is that the dead process has the lease."""
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(stage.perform(*call))
        return answers[-1] != {"problem": "upload-busy"}

    eventually(answered, "another process gets the lease")
    return answers[-1]


def kill_sweeper(stage: Stage, point: str) -> int:
    """The exit code of the command, as its users start it, once there is work on which it comes to the point."""
    command = [sys.executable, "-m", "imagehost", "sweep", "--once"]
    environ = {**stage.environ, "IMAGEHOST_FAULT": f"{point}:kill", "PYTHONPATH": str(ROOT)}
    codes: list[int] = []

    def killed() -> bool:
        codes.append(subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False).returncode)
        return codes[-1] != 0

    eventually(killed, f"a sweeper comes to {point}")
    return codes[-1]


@pytest.fixture(scope="module")
def after(stage: Stage) -> Iterator[After]:
    """Everything, in one go."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        histories = list(pool.map(lambda case: play(stage, *case), CASES))
    sweepers = kill_sweeper(stage, "after_dead_apply"), kill_sweeper(stage, "after_objects")
    stage.settle()
    swept = stage.look()
    stage.repair()
    yield After({name_of(h.kill, h.repeated): h for h in histories}, sweepers, swept, stage.look())
    assert_consistent(stage.environ)


@pytest.mark.parametrize("name", NAMES)
def test_the_process_dies_at_the_point(name: str, after: After) -> None:
    assert after.histories[name].exit_code == -9


def test_sweepers_die_as_well(after: After) -> None:
    assert after.sweepers == (-9, -9)


@pytest.mark.parametrize("name", REPEATED)
def test_a_repeat_is_answered_as_if_nobody_had_died(name: str, after: After) -> None:
    history = after.histories[name]
    assert history.answer is not None
    assert history.kill.answer.items() <= history.answer.items()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_wholly_done_or_wholly_undone(name: str, after: After) -> None:
    history = after.histories[name]
    expected = history.kill.repeated if history.repeated else history.kill.alone
    assert fate(after.swept, history.iid) == fate(after.repaired, history.iid) == expected


@pytest.mark.parametrize("name", NAMES)
def test_after_a_sweep_nothing_is_wrong_but_bytes_that_nobody_needs(name: str, after: After) -> None:
    history = after.histories[name]
    assert set(findings_about(after.swept, history.uid)) <= MAY_BE_LEFT.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_and_counted_is_one_image_or_nothing(name: str, after: After) -> None:
    history, world = after.histories[name], after.repaired
    objects = sorted(key for key in world.objects if history.uid in key and not key.startswith("accounts/"))
    user = world.users[history.uid]
    counters = [int(user.get(f"{what}_{of}", 0)) for what in ("used", "reserved") for of in ("bytes", "count")]
    if fate(world, history.iid).startswith("ready"):
        record = world.records[history.iid]
        thumb = f"variants/{history.uid}/{history.iid}/{record['version']}/thumb.webp"
        assert objects == [record["key"], thumb]
        assert counters == [record["size"], 1, 0, 0]
    else:
        assert objects == []
        assert counters == [0, 0, 0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_whoever_completes_it_now_hears_what_it_became(name: str, after: After, stage: Stage) -> None:
    history = after.histories[name]
    became = fate(after.repaired, history.iid)
    heard: str | tuple[bool, int]
    try:
        completed = stage.services.completion.complete(history.uid, history.iid)
        heard = (completed.created, completed.published.image.rev)
    except ImagehostError as exc:
        heard = exc.code
    if became.startswith("ready"):
        assert heard == (False, int(became[-1]))
    elif became == REFUSED:
        assert heard == history.kill.answer["problem"]
    else:
        assert heard == ("image-not-found" if became == "absent" else ImageDeleted.code)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("edit")])
def test_an_edit_is_there_with_all_its_fields_or_not_at_all(name: str, after: After) -> None:
    record = after.repaired.records[after.histories[name].iid]
    fields = (record.get("title"), tuple(record["tags"]))
    assert fields == ((CHANGE["title"], CHANGE["tags"]) if record["rev"] == 2 else (None, ()))
