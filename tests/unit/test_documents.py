"""The documents against the code: what exists is documented, with the name and the default that it really has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from pydantic_core import PydanticUndefined

from imagehost.app import ROUTES
from imagehost.config import Config, variables
from imagehost.errors import BadRequest, ConditionFailed, Conflict, Forbidden, ImagehostError, Refused
from imagehost.web.api.route import api

ROOT = Path(__file__).resolve().parent.parent.parent
# Families, only ever raised as one of their members, and what never leaves the services.
NEVER_SEEN = {BadRequest, Forbidden, Conflict, Refused, ConditionFailed}
FACTORS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in text.splitlines():
        if line.lstrip().startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def row_of(text: str, name: str) -> list[str]:
    """The row whose first cell names this in backticks."""
    found = [cells for cells in rows(text) if f"`{name}`" in cells[0]]
    assert found, f"no table has a row for `{name}`"
    return found[0]


def shown(value: object) -> set[str]:
    """The ways in which a document may write a default."""
    if isinstance(value, bool):
        return {str(int(value)), str(value).lower()}
    if isinstance(value, int):
        plain = {str(value), f"{value:,}"}
        return plain | {f"{value // factor} {unit}" for unit, factor in FACTORS.items() if value % factor == 0}
    if isinstance(value, tuple):
        return {",".join(value)}
    return {str(value)}


def classes(root: type[ImagehostError] = ImagehostError) -> Iterator[type[ImagehostError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


def without_names(path: str) -> str:
    """A path whose parameters have lost their names, and a part of one that is a parameter its extension."""
    return re.sub(r"{[^/?\s]*}", "{}", path)


def api_routes() -> list[tuple[str, str]]:
    """Method and path (as documents write it) of every route of the API."""
    assert ROUTES
    app = Flask("routes", static_folder=None)
    app.register_blueprint(api)
    return sorted(
        (method, without_names(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


@pytest.mark.parametrize("name", sorted(name for names in variables().values() for name in names))
def test_every_variable_is_in_the_deployment_guide(name: str) -> None:
    assert row_of(read("deploy.md"), name)


@pytest.mark.parametrize("field", [f for f in variables() if Config.model_fields[f].default is not PydanticUndefined])
def test_every_default_is_in_the_deployment_guide(field: str) -> None:
    default = Config.model_fields[field].default
    if default is None:
        return
    cells = row_of(read("deploy.md"), variables()[field][0])
    written = " ".join(cells[1:]).replace("`", "")
    assert any(re.search(rf"(?<![\w,.]){re.escape(form)}(?![\w,.]*\w)", written) for form in shown(default)), (
        written,
        shown(default),
    )


def test_the_deployment_guide_names_no_variable_that_does_not_exist() -> None:
    known = {name for names in variables().values() for name in names} | {"IMAGEHOST_URL", "IMAGEHOST_TOKEN"}
    named = {name for cells in rows(read("deploy.md")) for name in re.findall(r"`(IMAGEHOST_[A-Z_]+)`", cells[0])}
    assert named <= known


@pytest.mark.parametrize("method, path", api_routes(), ids=lambda part: part)
def test_every_route_is_in_the_api_guide(method: str, path: str) -> None:
    text = read("api.md")
    named = [code for code in re.findall(r"`([^`]+)`", text) if method in re.findall("[A-Z]+", code)]
    assert any(code.split("?")[0].endswith(f" {path}") for code in map(without_names, named)), (
        f"api.md names no `{method} {path}`"
    )


@pytest.mark.parametrize("code", sorted({cls.code for cls in set(classes()) - NEVER_SEEN}))
def test_every_error_code_that_a_client_can_see_is_in_the_api_guide(code: str) -> None:
    assert any(f"`{code}`" in cell for cells in rows(read("api.md")) for cell in cells)


def test_the_families_of_errors_are_never_raised_themselves() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "imagehost").rglob("*.py"))
    for family in NEVER_SEEN - {ConditionFailed}:
        assert not re.search(rf"raise {family.__name__}\b", source)


def test_the_readme_names_the_two_commands_and_continuous_integration_runs_one_of_them() -> None:
    readme = read("README.md")
    assert "make run" in readme
    assert "make test" in readme
    commands = [line for line in read(".ci/run").splitlines() if line and not line.startswith("#")]
    assert commands[-1].split()[-2:] == ["make", "test"]


def test_every_target_that_the_readme_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", read("README.md"))) <= targets
