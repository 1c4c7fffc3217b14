"""The catalogues: every text of the code is in them and translated, and what is compiled is what was written."""

from __future__ import annotations

import re
import unicodedata

import pytest
from babel.messages.catalog import Catalog

from scripts import messages

LANGUAGES = messages.languages()


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def texts(catalogue: Catalog) -> dict[str, str]:
    return {str(one.id): str(one.string) for one in catalogue if one.id}


def test_there_are_some() -> None:
    assert LANGUAGES == ["ko"]
    assert len(texts(messages.template())) > 80


def test_every_text_of_the_code_is_in_it_and_no_other(language: str) -> None:
    stale = "stale: run scripts/messages"
    assert texts(messages.read(language)).keys() == texts(messages.template()).keys(), stale


def test_every_text_is_translated(language: str) -> None:
    assert messages.missing(messages.read(language)) == []


def test_names_in_braces_are_the_same(language: str) -> None:
    assert messages.wrong_names(messages.read(language)) == []


def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = messages.path_of(language).with_suffix(".mo").read_bytes()
    assert compiled == messages.as_mo(messages.read(language)), "stale: run scripts/messages"


def test_letters_are_whole_ones(language: str) -> None:
    for text in texts(messages.read(language)).values():
        assert unicodedata.is_normalized("NFC", text)


def test_korean_is_polite() -> None:
    """All of it in one style, 해요체: sentences end in 요."""
    for text in texts(messages.read("ko")).values():
        assert set(re.findall("([가-힣])[.?!]", text)) <= {"요"}, text


def catalogue(text: str, translation: str, *flags: str) -> Catalog:
    made = Catalog(locale="ko")
    made.add(text, translation, flags=flags)
    return made


def test_what_is_missing_is_found() -> None:
    assert messages.missing(catalogue("a", "")) == ["a"]
    assert messages.missing(catalogue("a", "b", "fuzzy")) == ["a"]
    assert messages.missing(catalogue("a", "b")) == []


def test_other_names_in_braces_are_found() -> None:
    assert messages.wrong_names(catalogue("{Sender} sends {seq}", "{sender}: {seq}")) == []
    assert messages.wrong_names(catalogue("{sender} sends {seq}", "{sender}")) == ["{sender} sends {seq}"]
    assert messages.wrong_names(catalogue("it sends", "{sender}")) == ["it sends"]


def test_an_unknown_argument_is_refused() -> None:
    assert messages.main(["--nonsense"]) == 2
