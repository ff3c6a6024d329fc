"""A process is stopped (SIGSTOP) in the middle, past its lease, while others go on without it; then it goes on too.

All pairs of a pause and what happens meanwhile are played at once, each with an image and an owner of its own."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from imagehost.errors import UploadBusy
from tests.consistency import World
from tests.faults.driver import Answer
from tests.faults.stack import Process, Stage, eventually, fate, findings_about, stage

__all__ = ["stage"]

EDIT, OTHER_EDIT = {"title": "paused"}, {"tags": ("meanwhile",)}


@dataclass(frozen=True)
class Pause:
    """`operation` stands still at `point` while `meanwhile` happens; `killed_at`: it dies there, once it goes on. Then
    it answers `answer` (what is not named does not matter), and the image has the fate `became`."""

    operation: str
    point: str
    meanwhile: str
    answer: Mapping[str, Any]
    became: str
    killed_at: str | None = None

    def __str__(self) -> str:
        died = f" dies {self.killed_at}" if self.killed_at else ""
        return f"{self.operation} paused {self.point}, {self.meanwhile}{died}"


GONE, DELETED, FENCED = {"problem": "image-deleted"}, "dead deleted", "dead fenced"
FOUND, CREATED = {"created": False}, {"created": True}
PAUSES = (
    *(Pause("complete", point, "completed", FOUND, "ready 1") for point in ("after_begin", "after_gate", "after_put")),
    *(Pause("complete", point, "swept", GONE, FENCED) for point in ("after_begin", "after_gate", "after_put")),
    *(
        Pause("complete", point, "deleted", GONE, "dead cancelled")
        for point in ("after_begin", "after_gate", "after_put")
    ),
    # These were published before they paused: the answer is true, and what came later stands.
    Pause("complete", "after_record", "completed", CREATED, "ready 1"),
    Pause("complete", "after_record", "swept", CREATED, "ready 1"),
    Pause("complete", "after_record", "edited", CREATED, "ready 2"),
    Pause("complete", "after_record", "deleted", CREATED, DELETED),
    Pause("edit", "after_intent", "edited", {"rev": 3}, "ready 3"),
    Pause("edit", "after_intent", "swept", {"rev": 2}, "ready 2"),
    Pause("edit", "after_intent", "deleted", GONE, DELETED),
    Pause("edit", "after_intent", "swept", {}, "ready 2", killed_at="after_edit"),
    Pause("edit", "after_edit", "edited", {"rev": 2}, "ready 3"),
    Pause("edit", "after_edit", "swept", {"rev": 2}, "ready 2"),
    Pause("edit", "after_edit", "deleted", {"rev": 2}, DELETED),
    Pause("delete", "after_intent", "edited", {"gone": True}, DELETED),
    Pause("delete", "after_intent", "deleted", GONE, DELETED),
    Pause("delete", "after_intent", "swept", {}, DELETED, killed_at="after_dead"),
    *(Pause("delete", point, "swept", {"gone": True}, DELETED) for point in ("after_dead", "after_dead_apply")),
    Pause("delete", "after_objects", "swept", {"gone": True}, DELETED),
)
FATAL = [pause for pause in PAUSES if pause.killed_at]
LASTING = [pause for pause in PAUSES if not pause.killed_at]


@dataclass
class History:
    """One image, and the process that stands still over it. `seen`: the version that others published or changed
    meanwhile."""

    pause: Pause
    uid: str
    iid: str
    process: Process
    seen: str | None = None
    exit_code: int | None = None
    answer: Answer = field(default_factory=dict)


def begin(stage: Stage, pause: Pause, ended: ExitStack) -> History:
    """Start it, and wait until it stands still."""
    uid = stage.new_uid()
    iid = stage.stage(uid) if pause.operation == "complete" else stage.publish(uid)
    points = (f"{pause.point}:stop", *([f"{pause.killed_at}:kill"] if pause.killed_at else []))
    arguments = (uid, iid, EDIT) if pause.operation == "edit" else (uid, iid)
    process = ended.enter_context(stage.process(pause.operation, *arguments, points=points))
    process.wait_for_stop()
    return History(pause, uid, iid, process)


def complete_meanwhile(stage: Stage, history: History) -> None:
    """By somebody who waits until the lease is free."""

    def completed() -> bool:
        try:
            done = stage.services.completion.complete(history.uid, history.iid)
        except UploadBusy:
            return False
        history.seen = done.published.image.version
        return True

    eventually(completed, "the lease is over")


def edit_meanwhile(stage: Stage, history: History) -> None:
    if history.pause.operation == "complete":  # only now does anybody know of the image
        complete_meanwhile(stage, history)
    history.seen = stage.services.changes.edit(history.uid, history.iid, OTHER_EDIT).image.version


def delete_meanwhile(stage: Stage, history: History) -> None:
    assert stage.services.changes.delete(history.uid, history.iid)


MEANWHILE: Mapping[str, Callable[[Stage, History], None]] = {
    "completed": complete_meanwhile,
    "edited": edit_meanwhile,
    "deleted": delete_meanwhile,
    "swept": lambda stage, history: None,  # as all are
}


def go_on(history: History) -> None:
    history.process.go_on()
    if history.pause.killed_at:
        history.exit_code = history.process.wait_for_end()
    else:
        history.answer = history.process.answer()


@pytest.fixture(scope="module")
def after(stage: Stage) -> Iterator[tuple[Mapping[str, History], World]]:
    """All histories by the names of their pauses, and the world in the end; no check has repaired anything."""
    with ThreadPoolExecutor(4) as pool, ExitStack() as ended:
        histories = list(pool.map(lambda pause: begin(stage, pause, ended), PAUSES))
        list(pool.map(lambda h: MEANWHILE[h.pause.meanwhile](stage, h), histories))
        stage.settle()
        list(pool.map(go_on, histories))
        stage.settle()
        world = stage.look()
        yield {str(h.pause): h for h in histories}, world
    stage.repair()


After = tuple[Mapping[str, History], World]


@pytest.mark.parametrize("pause", LASTING, ids=str)
def test_whoever_wakes_up_hears_what_became_of_it(pause: Pause, after: After) -> None:
    answer = after[0][str(pause)].answer
    assert pause.answer.items() <= answer.items()


@pytest.mark.parametrize("pause", FATAL, ids=str)
def test_one_dies_after_it_woke_up(pause: Pause, after: After) -> None:
    assert after[0][str(pause)].exit_code == -9


@pytest.mark.parametrize("pause", PAUSES, ids=str)
def test_what_others_did_meanwhile_stands(pause: Pause, after: After) -> None:
    histories, world = after
    history = histories[str(pause)]
    assert fate(world, history.iid) == pause.became
    if pause.became.startswith("ready"):
        record = world.records[history.iid]
        assert history.seen in (None, record["version"])
        assert history.answer.get("version", record["version"]) == record["version"]
        assert record["tags"] == (["meanwhile"] if pause.meanwhile == "edited" else [])
        assert record.get("title") == ("paused" if pause.operation == "edit" else None)


@pytest.mark.parametrize("pause", PAUSES, ids=str)
def test_nothing_of_the_loser_is_left(pause: Pause, after: After) -> None:
    histories, world = after
    history = histories[str(pause)]
    assert findings_about(world, history.uid) == []
    left = {
        key.split("/")[3] for key in world.objects if key.startswith(("uploads/", "variants/")) and history.iid in key
    }
    assert left == ({world.records[history.iid]["version"]} if pause.became.startswith("ready") else set())
