import io
import json
from pathlib import Path

from rich.console import Console

from bench import report
from bench.figures import Figure

FIGURES = [
    Figure("view.rate_of_flask", 0.4321987),
    Figure("list.rate_of_boto3", 1.5),
    Figure("view.rate", 1234.5, "requests/s"),
]


def test_the_table_says_which_targets_are_met() -> None:
    out = io.StringIO()
    report.show(FIGURES, Console(file=out, width=100))
    lines = {line.split("│")[1].strip(): line for line in out.getvalue().splitlines() if line.count("│") > 2}
    assert "0.432" in lines["view.rate_of_flask"]
    assert "≥ 0.4" in lines["view.rate_of_flask"]
    assert "not met" not in lines["view.rate_of_flask"]
    assert "not met" in lines["list.rate_of_boto3"]
    assert "1,234" in lines["view.rate"]


def test_results_name_figures_versions_and_the_processor_and_nothing_of_where(tmp_path: Path) -> None:
    report.write(FIGURES, tmp_path / "results.json")
    document = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert document["figures"][0] == {
        "name": "view.rate_of_flask",
        "value": 0.4322,
        "unit": "×",
        "target": "≥ 0.4",
        "met": True,
    }
    assert document["figures"][2]["met"] is None
    assert {"imagehost", "python", "flask", "gunicorn", "load"} <= document["versions"].keys()
    assert document["machine"].keys() == {"system", "cores", "cpu"}


def test_the_results_that_are_kept_are_of_this_form() -> None:
    document = json.loads(report.RESULTS.read_text(encoding="utf-8"))
    assert {figure["name"] for figure in document["figures"] if figure["target"]}
    assert document["machine"].keys() == {"system", "cores", "cpu"}
    assert "/" not in json.dumps([document["versions"], document["machine"]])


def test_the_processor_is_read_from_cpuinfo(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel\t\t: 1\nmodel name\t: A Fast One @ 3 GHz\n")
    assert report.machine(cpuinfo)["cpu"] == "A Fast One @ 3 GHz"
    assert report.machine(tmp_path / "nowhere")["cpu"] == "unknown"
