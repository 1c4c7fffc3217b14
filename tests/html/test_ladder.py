"""The ladder as SVG: everything of the exchange is in it, readable in every way that it can be shown, and harmless."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings

from rawshake.html.ladder import draw, pictures
from rawshake.plain.language import ENGLISH, Language
from rawshake.render.options import Options
from rawshake.render.words import states_before, states_of
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End, Fate
from tests.html.drawn import SVG, astray, bars, crowded, joined, overlaps, parsed, texts
from tests.html.transcripts import EVERYTHING, FAULTY, LONG, LOSSES, SIX, WHOLE
from tests.render.exchanges import exchange, exchanges

EXCHANGES = {
    "whole": WHOLE, "faulty": FAULTY, "losses": LOSSES, "everything": EVERYTHING, "six": SIX, "long": LONG,
}  # fmt: skip
OURS = Options(ours=End.CLIENT)
WAYS = [(by_time, numbers) for by_time in (False, True) for numbers in ("relative", "absolute")]


def classed(root: Element, *names: str) -> list[Element]:
    return [one for one in root.iter() if set(names) <= set(one.attrib.get("class", "").split())]


def said(element: Element) -> str:
    return " ".join("".join(text.itertext()) for text in element.iter(f"{SVG}text"))


def words(root: Element) -> str:
    """All that is written, however the lines were broken."""
    return " ".join(said(root).split())


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_segment_is_there_in_its_direction(name: str) -> None:
    exchange = EXCHANGES[name]
    root = parsed(draw(exchange, OURS))
    drawn = [
        (int(one.attrib["data-number"]), one.attrib["class"].split()[1]) for one in classed(root, "segment")
    ]
    assert drawn == [(step.number, str(step.sender)) for step in exchange.steps]
    left, right = (
        {one.attrib["d"].split()[0] for one in classed(root, "shaft") if one in list(segment)}
        for end in ("client", "server")
        for segment in [next(iter(classed(root, "segment", end)))]
    )
    assert left != right


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize(("by_time", "numbers"), WAYS)
def test_no_text_stands_over_another_or_leaves_its_place(name: str, by_time: bool, numbers: str) -> None:
    root = parsed(draw(EXCHANGES[name], OURS))
    found = texts(root, by_time=by_time, numbers=numbers)
    assert overlaps(found) == []
    assert astray(found, float(root.attrib["data-height"].split()[by_time])) == []


def test_texts_that_do_overlap_or_stray_are_found() -> None:
    root = parsed(draw(WHOLE, OURS))
    one, other, *_ = texts(root, by_time=False, numbers="relative")
    over = one._replace(top=other.top, bottom=other.bottom, left=other.left, right=other.right)
    assert overlaps([over, other])
    assert crowded([over, other])
    assert astray([one._replace(right=501)], 1000)
    both = texts(root, by_time=False, numbers="relative") + texts(root, by_time=False, numbers="absolute")
    assert crowded(both)
    assert overlaps(both)


@settings(max_examples=20)
@given(exchanges())
def test_whatever_passed_is_drawn_well_formed_and_inside(exchange: Exchange) -> None:
    for alone in (True, False):
        root = parsed(draw(exchange, Options(client_name="<&\x00>", server_name="]]>"), alone=alone))
        assert len(classed(root, "segment")) == len(exchange.steps)
        for by_time, numbers in WAYS:
            found = texts(root, by_time=by_time, numbers=numbers)
            assert overlaps(found) == []
            assert all(text.left >= -0.5 and text.right <= 500.5 for text in found)


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("by_time", [False, True])
def test_the_bars_are_the_states_without_a_gap(name: str, by_time: bool) -> None:
    exchange = EXCHANGES[name]
    root = parsed(draw(exchange, OURS))
    first = states_before(exchange.steps[0])
    after = [states_of(step.after) for step in exchange.steps]
    for at, end in enumerate(("client", "server")):
        states = [first[at], *(both[at] for both in after)]
        changes = [state for number, state in enumerate(states) if not number or state != states[number - 1]]
        drawn = bars(root, end, by_time=by_time)
        assert [state for state, _, _ in drawn] == changes
        assert joined(drawn)
        assert {
            "expected" in one.attrib["class"].split()
            for one in classed(root, "bar", end)
            if (one[0].text or "").endswith("?")
        } <= {True}


def test_a_gap_between_bars_is_found() -> None:
    (one, upper, lower), *rest = bars(parsed(draw(WHOLE, OURS)), "client", by_time=False)
    assert not joined([(one, upper, lower - 1), *rest])


def test_what_was_lost_does_not_arrive() -> None:
    root = parsed(draw(LOSSES, OURS))
    for step, drawn in zip(LOSSES.steps, classed(root, "segment"), strict=True):
        lost = step.fate is Fate.LOST
        assert bool(classed(drawn, "cross")) is lost
        assert bool(classed(drawn, "head")) is not lost
        assert ("lost" in said(drawn)) is lost
        assert ("sent again" in said(drawn)) is step.again


def test_what_was_wrong_on_purpose_says_what_was_right() -> None:
    assert "wrong on purpose" in words(parsed(draw(EVERYTHING, OURS)))
    assert "right: ack 4105823912 = b+1" in words(parsed(draw(EVERYTHING, OURS)))


@pytest.mark.parametrize("exchange", [FAULTY, EVERYTHING])
def test_findings_are_on_their_arrows_with_sign_and_word(exchange: Exchange) -> None:
    root = parsed(draw(exchange, OURS))
    signs = {"FAIL": "✗ FAIL", "WARN": "▲ WARN", "NOTE": "i NOTE"}
    for step, drawn in zip(exchange.steps, classed(root, "segment"), strict=True):
        there = {ruling.verdict.value for ruling in exchange.findings if ruling.step == step.number}
        assert {said(pill).partition(" ×")[0] for pill in classed(drawn, "pill")} == {
            signs[one] for one in there
        }
    for ruling in exchange.findings:
        if ruling.verdict in (Verdict.FAIL, Verdict.WARN):
            assert ruling.rule in words(root)


def test_without_findings_there_is_no_mark() -> None:
    clean = replace(WHOLE, closing=(), entries=tuple(replace(e, rulings=()) for e in judged(WHOLE)))
    assert not classed(parsed(draw(clean, OURS)), "pill")


def judged(exchange: Exchange) -> list[Judged]:
    return [entry for entry in exchange.entries if isinstance(entry, Judged)]


def test_remarks_are_drawn() -> None:
    (remark,) = (entry for entry in EVERYTHING.entries if isinstance(entry, Remark))
    (drawn,) = classed(parsed(draw(EVERYTHING, OURS)), "remarked")
    assert "ICMP from 192.0.2.254: host administratively prohibited" in words(drawn)
    assert "\u202e" in remark.text
    assert "\u202e" not in draw(EVERYTHING, OURS)


def test_long_pauses_are_told() -> None:
    gaps = ["".join(one.itertext()) for one in classed(parsed(draw(WHOLE, OURS)), "gap")]
    assert gaps == ["· · ·  1.2 s later  · · ·"]


def known(svg: str) -> dict[str, object]:
    metadata = parsed(svg).find(f"{SVG}metadata")
    assert metadata is not None
    found: dict[str, object] = json.loads(metadata.text or "")
    return found


@pytest.mark.parametrize("name", EXCHANGES)
def test_it_describes_itself_in_words(name: str) -> None:
    root = parsed(draw(EXCHANGES[name], OURS, alone=True))
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert described is not None
    assert (title.text or "").startswith("TCP: ")
    for step in EXCHANGES[name].steps[:50]:
        assert f"{step.number}, " in (described.text or "")
    assert root.attrib["role"] == "img"


@pytest.mark.parametrize("alone", [True, False])
def test_it_refers_to_nothing_and_runs_nothing(alone: bool) -> None:
    svg = draw(EVERYTHING, OURS, alone=alone)
    assert not re.search(r"href|url\(|<script|<image|@import| on\w+=", svg)
    assert svg.count("http") == svg.count("http://www.w3.org/2000/svg") == 1


def test_alone_it_has_its_colours_light_and_dark() -> None:
    svg = draw(WHOLE, OURS, alone=True)
    assert "var(" not in svg
    assert "light-dark" not in svg
    assert svg.count("prefers-color-scheme: dark") == 1
    assert "metadata" not in svg
    assert "<style>" not in draw(WHOLE, OURS)


def test_links_may_lead_to_segments_of_several_ladders() -> None:
    assert 'id="x7-3"' in draw(WHOLE, OURS, ids="x7")
    assert " id=" not in draw(WHOLE, OURS)


def test_several_pictures_stand_one_below_the_other() -> None:
    root = parsed(pictures([WHOLE, FAULTY], OURS))
    one, other = root.findall(f"{SVG}svg")
    assert float(other.attrib["y"]) == float(one.attrib["height"])
    assert float(root.attrib["height"]) == float(one.attrib["height"]) + float(other.attrib["height"])
    assert pictures([WHOLE], OURS) == draw(WHOLE, OURS, alone=True)
    assert parsed(pictures([], OURS)).find(f"{SVG}svg") is None


def test_an_exchange_without_segments_is_a_picture() -> None:
    empty = replace(WHOLE, entries=(), closing=())
    assert "closed: 0 segments" in words(parsed(draw(empty, OURS)))


def test_segments_are_explained_in_the_picture_where_that_is_asked_for() -> None:
    explained = words(parsed(draw(WHOLE, replace(OURS, words=ENGLISH))))
    assert "Can you hear me?" in explained
    assert "Can you hear me?" not in words(parsed(draw(WHOLE, OURS, words=ENGLISH)))


def test_plain_words_stand_over_nothing() -> None:
    wide = Language("xx", lambda text: "가 나다 " * 30)
    root = parsed(draw(WHOLE, replace(OURS, words=wide)))
    for by_time, numbers in WAYS:
        assert overlaps(texts(root, by_time=by_time, numbers=numbers)) == []


def test_numbers_that_are_too_long_for_a_row_take_two() -> None:
    opened = "> S 0:0(0) win 1\n< S. 0:0(0) ack 1 win 1\n"
    one = exchange(opened + "> SF. 2147488083:2147488083(0) ack 578732 win 64240")
    root = parsed(draw(one, OURS))
    rows = [["".join(row.itertext()) for row in group] for group in classed(root, "relative")]
    assert rows[2] == ["seq a+2147488083   ack b+578732", "win 64240   +2 (SYN,FIN)"]
    for by_time, numbers in WAYS:
        assert overlaps(texts(root, by_time=by_time, numbers=numbers)) == []
