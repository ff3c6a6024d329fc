import pytest

from bench.figures import TARGETS, Figure, Target, ratio


def test_a_ratio_is_the_median_of_the_rounds_ratios_so_that_a_slow_round_slows_both() -> None:
    assert ratio([2.0, 1.0, 40.0], [1.0, 0.5, 10.0]) == 2.0
    assert ratio([10.0, 1.0], [1.0, 1.0]) == 5.5


def test_a_ratio_of_unequal_rounds_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    "target,met,missed", [(Target("at least", 5), (5, 6), (4.9,)), (Target("at most", 3), (3, 0), (3.1,))]
)
def test_a_target_is_met_at_its_limit(target: Target, met: tuple[float, ...], missed: tuple[float, ...]) -> None:
    assert all(target.is_met(value) for value in met)
    assert not any(target.is_met(value) for value in missed)


def test_a_figure_finds_its_target_by_its_name() -> None:
    assert Figure("view.rate_of_flask", 0.41).met is True
    assert Figure("view.rate_of_flask", 0.39).met is False
    assert Figure("view.rate", 900, "requests/s").met is None


def test_targets_are_written_as_people_read_them() -> None:
    assert str(TARGETS["request.rate_of_flask"]) == "≥ 0.35"
    assert str(TARGETS["index.bytes"]) == "≤ 600"
