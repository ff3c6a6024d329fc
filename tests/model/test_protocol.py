"""Every interleaving of a few processes, with crashes, delayed writes, failovers and wipes: nothing is lost, and
everything comes to rest. `make model` goes further."""

import re
from pathlib import Path

import pytest

from imagehost import faults
from tests.model import scripts
from tests.model.configurations import SHORT, Configuration, explore
from tests.model.judgement import describe, judge
from tests.model.rest import come_to_rest

HERE = Path(__file__).parent
LUA = HERE.parents[1] / "imagehost" / "index" / "lua"


@pytest.mark.parametrize("configuration", SHORT, ids=lambda configuration: configuration.name)
def test_nothing_is_lost_and_everything_comes_to_rest(configuration: Configuration) -> None:
    assert list(describe(judge(configuration).findings)) == []


def test_a_sweeper_that_takes_the_intent_of_a_living_edit_may_leave_the_index_behind_until_the_next_check() -> None:
    """Accepted: it needs a pause longer than the lease, and then a death right behind the PUT; nobody was answered."""
    hasty = explore(Configuration("CES"))
    assert hasty.violations == {}
    assert list(come_to_rest(hasty, check=False).left) == ["F3 the record is ready, the index not at it: ready"]
    assert come_to_rest(hasty, check=True).left == {}


def test_a_complete_from_before_a_failover_that_dies_unanswered_may_stay_unknown_until_the_next_check() -> None:
    """Accepted: its reservation is lost with the old master, its record is written after the check has passed by."""
    late = explore(Configuration("CF", flights=0, failovers=1, early=True))
    assert late.violations == {}
    assert "F3 the record is ready, the index not at it: None" in come_to_rest(late, check=False).left
    assert come_to_rest(late, check=True).left == {}


def test_every_fault_point_is_a_step_of_the_model() -> None:
    named = {point for path in HERE.glob("*.py") for point in re.findall(r"\[(after_\w+)\]", path.read_text("utf-8"))}
    assert named == set(faults.POINTS)


@pytest.mark.parametrize(
    "script",
    [
        "reserve_upload",
        "begin_complete",
        "release_lease",
        "note_intent",
        "clear_intent",
        "apply_record",
        "purge_done",
        "drop_reservation",
        "recount_user",
        "begin_rebuild",
        "finish_rebuild",
    ],
)
def test_every_script_that_the_order_of_steps_rests_on_is_in_the_model(script: str) -> None:
    assert (LUA / f"{script}.lua").is_file()
    assert callable(getattr(scripts, script))
