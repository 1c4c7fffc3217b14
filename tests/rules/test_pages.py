"""Every rule's page: it is complete, what it says fires does, and what it says is quiet makes no rule speak up."""

from __future__ import annotations

import pytest

from rawshake.judge import Ruling
from rawshake.rules import book
from rawshake.rules.model import Citation, Level, Rule, Scope
from rawshake.rules.page import Page, Transcript, read
from rawshake.tcp.view import End
from tests.rules.play import ISNS, captured, exercised, finding_text, rulings_of

BOOK = book()
EXAMPLES = [(entry, one) for entry in BOOK for one in read(entry).transcripts]
FIRES = [(entry, one) for entry, one in EXAMPLES if one.fires]
QUIET = [(entry, one) for entry, one in EXAMPLES if not one.fires]


def _name(value: Rule | Transcript | tuple[int, int]) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:x}"
    return value.id if isinstance(value, Rule) else value.heading


def _rulings(entry: Rule, example: Transcript, isns: tuple[int, int] = ISNS[0]) -> list[Ruling]:
    if entry.scope is Scope.CAPTURE:
        return captured(example, isns=isns)
    return rulings_of(example.text, isns=isns, ours=_ours(example))


def _ours(example: Transcript) -> End | None:
    return End.CLIENT if example.at_client else None


@pytest.mark.parametrize("isns", ISNS, ids=_name)
@pytest.mark.parametrize(("entry", "example"), FIRES, ids=_name)
def test_what_fires_gives_one_finding_of_that_rule_and_none_that_its_title_does_not_name(
    entry: Rule, example: Transcript, isns: tuple[int, int]
) -> None:
    rulings = _rulings(entry, example, isns)
    findings = [ruling for ruling in rulings if ruling.is_finding]
    rules = [ruling.rule for ruling in findings]
    assert sorted(rules) == sorted([entry.id, *example.also]), list(map(finding_text, findings))
    for finding in findings:
        assert finding.sentence
        assert finding.expected
        assert finding.actual


@pytest.mark.parametrize("isns", ISNS, ids=_name)
@pytest.mark.parametrize(("entry", "example"), QUIET, ids=_name)
def test_what_is_quiet_gives_no_finding_of_any_rule(
    entry: Rule, example: Transcript, isns: tuple[int, int]
) -> None:
    rulings = _rulings(entry, example, isns)
    assert [finding_text(ruling) for ruling in rulings if ruling.is_finding] == []


@pytest.mark.parametrize("entry", BOOK, ids=_name)
def test_a_page_shows_the_rule_broken_and_kept(entry: Rule) -> None:
    page = read(entry)
    assert any(one.fires for one in page.transcripts)
    quiet = [one for one in page.transcripts if not one.fires]
    assert quiet
    # An exchange of which the rule has nothing to say shows nothing.
    kept = [one for one in quiet if entry.id in exercised(_rulings(entry, one))]
    assert kept or entry.scope is not Scope.STEP


@pytest.mark.parametrize("entry", BOOK, ids=_name)
def test_headings_are_told_apart(entry: Rule) -> None:
    headings = [one.heading for one in read(entry).transcripts]
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("entry", BOOK, ids=_name)
def test_a_rule_cites_a_clause(entry: Rule) -> None:
    assert entry.citations
    for citation in entry.citations:
        assert citation.document.startswith("RFC ")
        assert citation.section[0].isdigit()


def test_the_order_of_the_book_is_the_order_of_the_chapters() -> None:
    order = list(dict.fromkeys(entry.chapter for entry in BOOK))
    assert [entry.chapter for entry in BOOK] == sorted((entry.chapter for entry in BOOK), key=order.index)
    assert len({entry.id for entry in BOOK}) == len(BOOK)


def _rule(page: str) -> Rule:
    def check(_: object) -> None:
        return None

    check.__doc__ = page
    clause = Citation("RFC 9293", "3.4")
    return Rule("some-rule", "chapter", (clause,), Level.MUST, Scope.STEP, check)


def test_a_page_is_taken_apart() -> None:
    page = read(
        _rule(
            """A sentence.

            A paragraph
            of two lines.

            Another.

            Fires:
                > S 0:0(0)

            Quiet (with data):
                > S 0:0(0)
                < S. 0:0(0) ack 1
            """
        )
    )
    assert page == Page(
        "A sentence.",
        ("A paragraph of two lines.", "Another."),
        (
            Transcript(True, "", "> S 0:0(0)"),
            Transcript(False, "with data", "> S 0:0(0)\n< S. 0:0(0) ack 1"),
        ),
    )
    assert [one.heading for one in page.transcripts] == ["Fires", "Quiet (with data)"]


def test_a_title_says_who_saw_it_and_which_rule_breaks_too() -> None:
    plain = Transcript(True, "with data", "")
    assert not plain.at_client
    assert plain.also == ()
    seen = Transcript(True, "at the client, with data; also fin-is-final", "")
    assert seen.at_client
    assert seen.also == ("fin-is-final",)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "A sentence.",
        "A sentence.\n\nA paragraph.\n\nFires:\n",
        "A sentence.\n\nA paragraph.\n\nFires:\n    > S 0:0(0)\n\nMore prose.",
    ],
    ids=["empty", "no paragraph", "no segments", "prose at the end"],
)
def test_a_page_that_is_written_otherwise_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="some-rule"):
        read(_rule(page))
