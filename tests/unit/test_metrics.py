import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from imagehost import __version__, metrics
from tests.samples import Samples

ROOT = Path(__file__).resolve().parent.parent.parent


def now() -> Samples:
    return Samples(metrics.to_text(None, None).decode())


def run(directory: Path, code: str) -> Any:
    """What `code` prints, as JSON, in a process of its own that counts in `directory`."""
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory), "PYTHONPATH": str(ROOT)}
    source = f"import json\nfrom imagehost import metrics\n{code}"
    done = subprocess.run([sys.executable, "-c", source], env=environ, check=True, capture_output=True)
    return json.loads(done.stdout or b"null")


def scrape(directory: Path) -> Samples:
    return Samples(run(directory, "print(json.dumps(metrics.to_text(None, None).decode()))"))


def test_a_request_is_counted_by_method_route_and_status_and_timed_by_route() -> None:
    before = now()
    metrics.count_request("GET", "/i/<name>", 302, 0.3)
    metrics.count_request("GET", "/i/<name>", 302, 0.003)
    metrics.count_request("HEAD", "/i/<name>", 404, 40.0)
    after = now()
    labels = {"route": "/i/<name>"}

    def grown(name: str, **more: str) -> float:
        return after(name, **labels, **more) - before(name, **labels, **more)

    assert grown("requests_total", method="GET", status="302") == 2
    assert grown("requests_total", method="HEAD", status="404") == 1
    assert grown("request_seconds_bucket", le="0.005") == 1
    assert grown("request_seconds_bucket", le="0.5") == 2
    assert grown("request_seconds_bucket", le="+Inf") == grown("request_seconds_count") == 3
    assert abs(grown("request_seconds_sum") - 40.303) < 1e-6


def test_what_a_client_makes_up_gets_no_series_of_its_own() -> None:
    for number in range(5):
        metrics.count_request(f"METHOD{number}", None, 405, 0.0)
    after = now()
    assert after.labels("requests_total", "method") <= metrics.METHODS | {"other"}
    assert after("requests_total", method="other", route="none", status="405") >= 5


def test_errors_and_retries_of_each_dependency_are_there_before_the_first() -> None:
    after = now()
    for name in ("errors_total", "retries_total"):
        assert after.labels(name, "dependency") == {"redis", "s3"}


def test_what_runs_is_told() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    assert now()("build_info", version=__version__, python=version) == 1


def test_what_is_looked_up_at_a_scrape_is_left_out_when_it_is_not_known() -> None:
    assert "sweeper_lag_seconds" not in now()
    assert "due_entries" not in now()
    known = Samples(metrics.to_text(0.0, 0).decode())
    assert "sweeper_lag_seconds" in known
    assert "due_entries" in known
    known = Samples(metrics.to_text(61.5, 7).decode())
    assert (known("sweeper_lag_seconds"), known("due_entries")) == (61.5, 7)


def test_every_metric_has_a_help_text_and_a_name_of_ours() -> None:
    lines = metrics.to_text(1.0, 1).decode().splitlines()
    names = {line.split(" ")[2] for line in lines if line.startswith("# TYPE")}
    assert len(names) >= 10
    assert all(name.startswith("imagehost_") for name in names)
    assert {line.split(" ")[2] for line in lines if line.startswith("# HELP") and line.count(" ") > 3} == names


def test_a_scrape_adds_up_what_all_processes_have_counted_those_that_have_ended_too(tmp_path: Path) -> None:
    count = "metrics.SWEPT.labels('upload', 'finished').inc(); metrics.GATE_SECONDS.observe(0.2)"
    for _ in range(3):
        run(tmp_path, count)
    found = scrape(tmp_path)
    assert found("swept_total", kind="upload", outcome="finished") == 3
    assert found("gate_seconds_count") == 3
    assert found("gate_seconds_bucket", le="0.1") == 0
    assert found("gate_seconds_bucket", le="0.25") == 3
    assert "build_info" in found


def test_the_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "metrics"
    run(directory, "")
    assert directory.stat().st_mode & 0o777 == 0o700


def test_files_are_made_at_their_full_size_so_that_a_full_disk_kills_nobody(tmp_path: Path) -> None:
    count = (
        "[metrics.count_request(m, f'/api/v1/{n}', s, .1) for n in range(20) for m in ('GET', 'PUT') for s in (1, 2)]"
    )
    run(tmp_path, count)
    files = list(tmp_path.iterdir())
    assert {file.name.partition("_")[0] for file in files} == {"counter", "histogram"}
    assert len(files) == 2
    for file in files:
        found = file.stat()
        assert found.st_size == metrics.RESERVED_BYTES
        assert found.st_blocks * 512 >= found.st_size
    assert scrape(tmp_path)("requests_total", method="PUT", route="/api/v1/19", status="2") == 1


def test_a_process_with_the_number_of_an_ended_one_counts_on(tmp_path: Path) -> None:
    same = "import os; os.getpid = lambda: 4711"
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    source = f"{same}\nfrom imagehost import metrics\nmetrics.ERRORS.labels('s3').inc()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", source], env=environ, check=True)
    assert (tmp_path / "counter_4711.db").exists()
    assert scrape(tmp_path)("errors_total", dependency="s3") == 2
