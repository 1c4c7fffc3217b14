"""Languages are found by the names that locales and people give them, and one that there is not is refused."""

from __future__ import annotations

import pytest

from rawshake.api.languages import from_locale, known, languages, load
from rawshake.errors import Exit, Failure
from rawshake.plain.language import ENGLISH


def test_which_there_are() -> None:
    assert languages() == ("en", "ko")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ko", "ko"), ("ko_KR.UTF-8", "ko"), ("KO-kr", "ko"), ("ko@dict", "ko"), ("en_GB.UTF-8", "en"),
        ("fr_FR.UTF-8", None), ("kok_IN", None), ("C", None), ("C.UTF-8", None), ("", None), ("../ko", None),
    ],
)  # fmt: skip
def test_by_name(name: str, code: str | None) -> None:
    assert known(name) == code


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_by_locale(environment: dict[str, str], code: str) -> None:
    assert from_locale(environment) == code


def test_each_says_things_its_own_way() -> None:
    assert load("en") is ENGLISH
    assert load("ko").say("the client") == "클라이언트"
    assert load("ko").say("no such text") == "no such text"


def test_one_that_there_is_not() -> None:
    with pytest.raises(Failure, match="does not speak 'fr'") as refused:
        load("fr")
    assert refused.value.status is Exit.USAGE
    assert "en and ko" in refused.value.next_step
