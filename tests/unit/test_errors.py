import re
from collections.abc import Iterator

import pytest

from imagehost import errors
from imagehost.errors import ImagehostError

LINE = re.compile(r"(?P<indent>[│├└─ ]*)(?P<name>[A-Z][A-Za-z]+)\s*(?P<status>[1-5]\d\d)?,?\s*(?P<rest>.*)")


def all_classes(root: type[ImagehostError] = ImagehostError) -> Iterator[type[ImagehostError]]:
    yield root
    for child in root.__subclasses__():
        yield from all_classes(child)


def drawn() -> Iterator[tuple[str, str | None, str | None, str]]:
    """Name, parent's name, status and the rest of each line of the docstring's tree."""
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if not line.startswith("    ") or (match := LINE.fullmatch(line.removeprefix("    "))) is None:
            continue
        depth = len(match["indent"])
        while path and path[-1][0] >= depth:
            path.pop()
        yield match["name"], path[-1][1] if path else None, match["status"], match["rest"]
        path.append((depth, match["name"]))


def test_every_class_is_drawn_below_its_parent_and_every_drawn_class_exists() -> None:
    expected = [(c.__name__, None if c is ImagehostError else c.__bases__[0].__name__) for c in all_classes()]
    assert sorted(expected, key=str) == sorted([(name, parent) for name, parent, _, _ in drawn()], key=str)


def test_a_drawn_status_and_code_are_the_classs_own() -> None:
    for name, _, status, rest in drawn():
        cls: type[ImagehostError] = getattr(errors, name)
        assert status is None or int(status) == cls.status, name
        leaf = not cls.__subclasses__()
        if leaf and "code" in vars(cls):
            assert re.match(rf"{cls.code}(?![a-z-])", rest), name


def test_codes_are_kebab_case_and_statuses_are_of_errors() -> None:
    for cls in all_classes():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", cls.code)
        assert 400 <= cls.status < 600
        assert cls.title
        assert not cls.title.endswith(".")


def test_no_two_classes_declare_the_same_code() -> None:
    declared = [cls.code for cls in all_classes() if "code" in vars(cls)]
    assert sorted(declared) == sorted(set(declared))


def test_a_class_without_a_code_of_its_own_has_its_parents() -> None:
    for cls in all_classes():
        if "code" not in vars(cls):
            assert any(cls.code == vars(base).get("code") for base in cls.__mro__[1:])


def test_the_gates_verdicts_are_found_again_by_their_code() -> None:
    assert set(errors.REFUSALS.values()) == set(errors.Refused.__subclasses__())
    assert all(cls.code == code and cls.status == 422 for code, cls in errors.REFUSALS.items())


@pytest.mark.parametrize("cls", [c for c in all_classes() if c.status == 401])
def test_a_401_says_how_to_authenticate(cls: type[errors.Unauthorized]) -> None:
    challenge = cls("detail").headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert ("invalid_token" in challenge) == (cls.code != "token-missing")


@pytest.mark.parametrize("cls", [errors.Unavailable, errors.OutcomeUnknown, errors.IndexRebuilding])
def test_a_503_says_when_to_come_back(cls: type[errors.Unavailable]) -> None:
    assert cls().headers["Retry-After"] == "2"
    assert cls(retry_after_s=7).headers["Retry-After"] == "7"


def test_an_error_without_detail_reads_as_its_title() -> None:
    assert str(errors.NameTaken()) == errors.NameTaken.title
    assert errors.NameTaken().detail == ""
    assert str(errors.NameTaken("ann is taken.")) == "ann is taken."


def test_extensions_and_headers_are_kept_apart() -> None:
    headers = {"Retry-After": "60"}
    error = errors.TooManyPending("Wait.", headers=headers, allowed=3)
    headers.clear()
    assert error.headers == {"Retry-After": "60"}
    assert error.extensions == {"allowed": 3}
