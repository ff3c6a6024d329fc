"""The size of things: small modules are a promise to whoever reads them next."""

import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = [*ROOT.glob("imagehost/**/*.py"), *ROOT.glob("tools/*.py"), *ROOT.glob("*.py")]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def too_long(pattern: str, limit: int) -> dict[str, int]:
    paths = [p for p in ROOT.glob(pattern) if not {".venv", "vendor", "node_modules", "site-packages"} & set(p.parts)]
    return {str(p.relative_to(ROOT)): lines(p) for p in paths if lines(p) > limit}


def test_no_module_is_longer_than_300_lines() -> None:
    assert too_long("imagehost/**/*.py", 300) == {}
    assert too_long("tests/**/*.py", 300) == {}
    assert too_long("tools/**/*.py", 300) == {}
    assert too_long("bench/**/*.py", 300) == {}
    assert too_long("static/**/*.js", 300) == {}


def test_the_style_sheet_is_not_longer_than_900_lines() -> None:
    assert too_long("static/**/*.css", 900) == {}


def test_the_median_module_has_at_most_120_lines_and_nine_in_ten_at_most_220() -> None:
    lengths = sorted(lines(path) for path in MODULES if lines(path))
    assert statistics.median(lengths) <= 120
    assert lengths[len(lengths) * 9 // 10] <= 220


def test_packages_are_one_level_deep() -> None:
    deep = [p for p in ROOT.glob("imagehost/*/*/*.py") if p.parent.parent.name != "web"]
    assert deep == []
