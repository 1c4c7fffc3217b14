"""What the rules said: broken ones always, all of them where asked for, and one line that sums up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.judge import Ruling
from rawshake.render import style
from rawshake.render.findings import (
    LOUD,
    cite_text,
    finding_text,
    ruling_lines,
    summary_lines,
    verdict,
    verdict_line,
)
from rawshake.render.options import Options
from rawshake.render.style import Span, extent, paint
from rawshake.report import Exchange, Judged, Outcome
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End
from tests.render.exchanges import WHOLE, exchange, exchanges, ruling, rulings
from tests.render.golden import BROKEN, EVERYTHING, HELD, OFFERED, WHOLE_JUDGED


def said(
    of: tuple[Ruling, ...], *, width: int = 60, verbose: int = 0, sender: End | None = End.SERVER
) -> str:
    options = Options(verbose=verbose)
    return joined(ruling_lines(of, width, options, style.UNICODE, sender=sender))


def joined(lines: list[list[Span]]) -> str:
    return "\n".join(paint(line, colour=False) for line in lines)


def test_rules_that_held_are_counted() -> None:
    assert said((HELD,)) == "1 rule held"
    assert said((HELD, OFFERED)) == "2 rules held"
    assert said(()) == ""


def test_rules_that_held_are_shown_where_asked_for_with_arithmetic_verdict_and_clause() -> None:
    assert said((HELD,), verbose=1) == (
        "PASS ack 2915269998 = ISN 2915269997 + 1: it has the SYN\n"
        "     synack-ack-is-isn-plus-1 · RFC 9293 3.10.7.2"
    )
    assert said((HELD,), verbose=1, width=110) == (
        "PASS ack 2915269998 = ISN 2915269997 + 1: it has the SYN          "
        "synack-ack-is-isn-plus-1 · RFC 9293 3.10.7.2"
    )


@pytest.mark.parametrize("verbose", [0, 1])
def test_broken_rules_are_shown_always(verbose: int) -> None:
    assert said((BROKEN,), verbose=verbose) == (
        "FAIL ack 2915269997 is the ISN itself; to acknowledge the\n"
        "     SYN it must be ISN 2915269997 + 1 = 2915269998\n"
        "     synack-ack-is-isn-plus-1 · RFC 9293 3.10.7.2"
    )


def test_whoever_broke_it_is_named_where_it_is_not_the_other_end_that_sent_it() -> None:
    short = BROKEN._replace(sentence="x", rule="r", cite="c")
    assert "broken by" not in said((short,))
    assert "r · broken by the server · c" in said((short,), sender=End.CLIENT)
    assert "r · broken by us · c" in said((short._replace(end=End.CLIENT, ours=True),), sender=End.CLIENT)
    assert said((short._replace(consequence=True),)).endswith("r · c · follows from an earlier breach")


def test_what_is_not_shown_is_counted_by_kind() -> None:
    kinds = [Verdict.PASS, Verdict.NOTE, Verdict.NOTE, Verdict.KNOWN, Verdict.INCONCLUSIVE, Verdict.SKIPPED]
    counted = tuple(ruling("r", kind, "x") for kind in kinds)
    assert said(counted, width=100) == (
        "1 rule held, 2 notes, 1 known deviation, 1 rule undecidable, 1 rule skipped"
    )


@given(rulings(1, 6), st.integers(20, 140), st.integers(0, 1), st.none() | st.sampled_from(End))
def test_lines_fit_and_nothing_is_forgotten(
    of: tuple[Ruling, ...], width: int, verbose: int, sender: End | None
) -> None:
    options = Options(verbose=verbose)
    lines = ruling_lines(of, width, options, style.UNICODE, sender=sender)
    assert all(extent(line) <= width for line in lines)
    labels = [line[0].text for line in lines if line[0].text in {str(each) for each in Verdict}]
    assert labels == [str(each.verdict) for each in of if verbose or each.verdict in LOUD]


@given(exchanges(), st.integers(60, 140), st.integers(0, 1))
def test_the_summary_fits_and_names_every_finding(an_exchange: Exchange, width: int, verbose: int) -> None:
    lines = summary_lines(an_exchange, width, Options(verbose=verbose))
    assert all(extent(line) <= width for line in lines)
    heads = [line[0].text for line in lines if line[0].text.strip() in {str(each) for each in Verdict}]
    wanted = [each for each in an_exchange.findings if verbose or each.verdict in LOUD]
    assert heads == [f"{each.verdict} " for each in wanted]


def test_the_verdict_of_a_connection_that_went_well() -> None:
    text, colour = verdict(WHOLE_JUDGED, Options())
    assert text == (
        "closed: 11 segments, rtt 42 µs, 3 rules held, 0 broken; client TIME-WAIT, server CLOSED?"
    )
    assert colour == style.BOLD_GREEN
    assert verdict(WHOLE_JUDGED, Options(ascii=True))[0] == text.replace("µ", "u")


def of(*said_of_it: Ruling, outcome: Outcome = Outcome.CLOSED) -> Exchange:
    made = exchange(WHOLE, outcome=outcome)
    return replace(made, entries=(Judged(made.steps[0], said_of_it), *made.entries[1:]))


BY_US = BROKEN._replace(end=End.CLIENT, ours=True)
WARNING = ruling("w", Verdict.WARN, "x")


@pytest.mark.parametrize(
    ("made", "text", "colour"),
    [
        (of(BROKEN), "0 rules held, 1 broken;", style.BOLD_RED),
        (of(BY_US), "0 rules held, 1 broken by us;", style.BOLD_RED),
        (of(BROKEN, BY_US), "0 rules held, 2 broken (1 by us);", style.BOLD_RED),
        (of(OFFERED, WARNING), "1 rule held, 0 broken, 1 warning;", style.BOLD_GREEN),
        (of(WARNING, WARNING), "0 rules held, 0 broken, 2 warnings;", style.BOLD_GREEN),
        (of(outcome=Outcome.REFUSED), "refused: 11 segments", style.BOLD_YELLOW),
        (of(outcome=Outcome.RESET_BY_US), "reset by us: 11 segments", style.BOLD_GREEN),
        (of(BROKEN, outcome=Outcome.HELD), "held open: 11 segments", style.BOLD_RED),
    ],
)
def test_the_verdict_says_what_was_broken_and_by_whom(made: Exchange, text: str, colour: str) -> None:
    assert text in verdict(made, Options())[0]
    assert verdict(made, Options())[1] == colour


@given(exchanges(), st.booleans(), st.booleans())
def test_the_verdict_is_one_harmless_line(an_exchange: Exchange, ascii_only: bool, colour: bool) -> None:
    line = verdict_line(an_exchange, Options(ascii=ascii_only, colour=colour))
    plain = line.removesuffix("\x1b[0m").partition("m")[2] if colour else line
    assert plain.isprintable()
    assert plain == verdict(an_exchange, Options(ascii=ascii_only))[0]
    assert line.startswith("\x1b[1;3") == colour


def test_a_finding_in_one_line_has_all_of_it() -> None:
    assert finding_text(BROKEN) == (
        "FAIL synack-ack-is-isn-plus-1, segment 1, broken by the server: ack 2915269997 is the ISN itself; "
        "to acknowledge the SYN it must be ISN 2915269997 + 1 = 2915269998 (RFC 9293 3.10.7.2)"
    )
    assert finding_text(BROKEN._replace(verdict=Verdict.NOTE, sentence="x")).startswith(
        "NOTE synack-ack-is-isn-plus-1, segment 1, of the server: x"
    )


CITES = {
    "": "",
    "RFC 9293 3.8": "RFC 9293 3.8",
    "RFC 9293 3.1 MUST-68; RFC 9293 3.1 MUST-69": "RFC 9293 3.1 MUST-68, 3.1 MUST-69",
    "RFC 9293 3.8; RFC 9293 3.1; RFC 7323 2.2; RFC 9293 3.2": "RFC 9293 3.8, 3.1; RFC 7323 2.2; RFC 9293 3.2",
    "whatever; whatever": "whatever; whatever",
}


@pytest.mark.parametrize("cite", CITES)
def test_a_document_is_named_once(cite: str) -> None:
    assert cite_text(cite) == CITES[cite]


def test_no_line_ends_within_a_clause() -> None:
    tail = BROKEN._replace(sentence="x", rule="rule", cite="RFC 9293 3.10.7.4; RFC 9293 3.5; RFC 5961 3.2")
    for width in range(30, 80):
        lines = [line.strip() for line in said((tail,), width=width).splitlines()[1:]]
        assert not any(line.endswith(("RFC", "9293", "5961")) for line in lines)
        assert not any(line.startswith("·") for line in lines)


def test_notes_are_a_quiet_line_unless_asked_for() -> None:
    note, other = (ruling(name, Verdict.NOTE, "x") for name in ("its-window", "other"))
    assert joined(summary_lines(of(HELD), 80, Options())) == ""
    assert joined(summary_lines(of(note), 80, Options())) == "1 note (its-window); -v shows it."
    several = summary_lines(of(note, other, note), 80, Options())
    assert joined(several) == "3 notes (its-window, other); -v shows them."
    assert "-v" not in joined(summary_lines(of(note), 80, Options(verbose=1)))


def test_what_was_undecidable_is_explained_where_asked_for() -> None:
    brief = joined(summary_lines(EVERYTHING, 80, Options()))
    assert brief.endswith("\n2 rules were not decidable from what was seen.")
    full = joined(summary_lines(EVERYTHING, 80, Options(verbose=1)))
    assert full.endswith(
        "\n2 rules were not decidable from what was seen:\n"
        "  mss: no full segment was seen\n"
        "  option-offered-before-used: the SYN was not seen"
    )
