import pytest

from bench import processes, rounds
from bench.figures import Figure
from bench.load import Load
from bench.rounds import Series, Shot
from bench.servers import Web


class Still(Web):
    """A server that is none."""

    def __init__(self, pid: int) -> None:
        self._number = pid

    @property
    def pid(self) -> int:
        return self._number


def test_shots_take_turns_and_each_round_begins_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    used_s = {1: 0.0, 2: 0.0}
    monkeypatch.setattr(processes, "cpu_s", lambda pid: used_s[pid])

    def fire(web: Web) -> Load:
        used_s[web.pid] += web.pid
        return Load(requests=100, errors=0, seconds=2.0)

    told: list[str] = []
    series = rounds.take_turns([Shot("a", Still(1), fire), Shot("b", Still(2), fire)], 3, told.append)
    assert told == ["a", "b", "b", "a", "a", "b"]
    assert series["a"].rates == [50.0] * 3
    assert series["b"].cpu_us == pytest.approx([20_000.0] * 3)


def test_figures_are_medians_and_ratios_to_each_rival() -> None:
    series = {
        "list": Series([10.0, 30.0, 20.0], [100.0, 100.0, 100.0]),
        "list.boto3": Series([1.0, 3.0, 2.0], [400.0, 400.0, 800.0]),
    }
    figures = rounds.to_figures(series, {"list": ["list.boto3"]})
    assert Figure("list.rate", 20.0, "requests/s") in figures
    assert Figure("list.boto3.cpu", 400.0, "µs") in figures
    assert Figure("list.rate_of_boto3", 10.0) in figures
    assert Figure("list.cpu_of_boto3", 0.25) in figures
