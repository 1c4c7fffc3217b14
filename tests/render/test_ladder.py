"""The ladder as a reader sees it, and that nothing a peer sends can break it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.plain.language import ENGLISH, Language
from rawshake.render.ladder import Ladder, draw
from rawshake.render.options import NARROWEST, WIDEST, Options
from rawshake.render.text import columns
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.view import End
from tests.render.exchanges import SERVER_ISN, WHOLE, exchange, exchanges, texts
from tests.render.golden import DRAWINGS, FOLDER, KOREAN, STYLE, drawn, stored


@pytest.mark.parametrize("name", DRAWINGS)
def test_golden(name: str) -> None:
    assert drawn(name) == stored(name)


def test_no_golden_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(DRAWINGS)


def lines_of(drawn: str) -> list[str]:
    assert drawn.endswith("\n") or not drawn
    return drawn.removesuffix("\n").split("\n")


@given(
    exchanges(),
    st.integers(0, 200),
    st.booleans(),
    st.integers(0, 1),
    st.none() | st.sampled_from(End),
    st.none() | st.sampled_from([ENGLISH, KOREAN]),
)
def test_anything_fits_and_is_harmless(
    an_exchange: Exchange,
    width: int,
    ascii_only: bool,
    verbose: int,
    ours: End | None,
    words: Language | None,
) -> None:
    options = Options(width=width, ascii=ascii_only, verbose=verbose, ours=ours, words=words)
    for line in lines_of(draw(an_exchange, options)):
        assert columns(line) <= max(NARROWEST, min(width, WIDEST))
        assert line.isprintable()
        assert line == line.rstrip()
        assert not ascii_only or line.isascii()


@given(exchanges(), st.integers(0, 1))
def test_colour_adds_nothing_but_colour(an_exchange: Exchange, verbose: int) -> None:
    plain = draw(an_exchange, Options(verbose=verbose))
    coloured = draw(an_exchange, Options(verbose=verbose, colour=True))
    assert STYLE.sub("", coloured) == plain
    assert coloured.count("\x1b") == len(STYLE.findall(coloured))


@given(texts(), texts())
def test_names_fit_and_are_harmless(client: str, server: str) -> None:
    ladder = Ladder(Options(client_name=client, server_name=server), ("192.0.2.1", 1), ("192.0.2.2", 2))
    for line in lines_of(ladder.head()):
        assert columns(line) <= 80
        assert line.isprintable()


@given(exchanges())
def test_both_lifelines_are_straight(an_exchange: Exchange) -> None:
    ladder = Ladder(Options(ascii=True), an_exchange.client, an_exchange.server)
    for entry in an_exchange.entries:
        for line in lines_of(ladder.entry(entry)):
            assert (len(line), line[15], line[79]) == (80, "|", "|")


@given(exchanges())
def test_pieces_make_the_whole(an_exchange: Exchange) -> None:
    ladder = Ladder(Options(), an_exchange.client, an_exchange.server)
    pieces = [ladder.head(), *map(ladder.entry, an_exchange.entries), ladder.foot(an_exchange)]
    assert "".join(pieces) == draw(an_exchange, Options())


def test_a_later_part_says_where_it_begins() -> None:
    whole = exchange(WHOLE)
    ladder = Ladder(Options(), whole.client, whole.server, start=whole.steps[0].time)
    rows = lines_of(ladder.entry(whole.entries[7]))
    assert rows[0].split() == ["│", "ESTABLISHED", "ESTABLISHED", "│"]
    assert rows[2].startswith("  8 1.213643 s ├── FIN,ACK")


def test_large_numbers_keep_the_lifeline_in_its_place() -> None:
    step = exchange(WHOLE).steps[0]
    for number in (1, 999, 1000, 99_999, 10**7, 10**16):
        for late in (0, 10**9, 86_400 * 10**9, 10**18):
            ladder = Ladder(Options(), ("192.0.2.1", 1), ("192.0.2.2", 2), start=step.time - late)
            judged = Judged(replace(step, number=number))
            arrow = lines_of(ladder.entry(judged))[2]
            assert arrow[14:16] == " ├"
            assert len(arrow) == 80


def test_a_remark_before_all_segments_has_no_time() -> None:
    ladder = Ladder(Options(), ("192.0.2.1", 1), ("192.0.2.2", 2))
    rows = lines_of(ladder.entry(Remark(10**18, "ICMP from 192.0.2.9: host unreachable")))
    assert rows[1].startswith(" " * 15 + "│   · ICMP from 192.0.2.9: host unreachable ")


def test_a_segment_that_is_all_flags_is_drawn_with_letters() -> None:
    drawn = draw(exchange("> SFRP.UEWA123 0:0(0) ack =1"), Options())
    assert "├── SYN,FIN,RST,PSH,ACK,URG,ECE,CWR,AE,R1,R2,R3 ──" in drawn
    assert f"ack {SERVER_ISN}" not in drawn


def test_a_short_number_is_not_followed_by_a_lonely_dash() -> None:
    rows = draw(exchange("> S =7:7(0)\n< S. =123456789:123456789(0) ack =12345678"), Options()).splitlines()
    assert "├── SYN ─────── seq 7 ───────────────────────── len 0 ─────────►│" in rows[4]
    assert "│◄─ SYN,ACK ─── seq 123456789   ack 12345678    len 0 ──────────┤" in "".join(rows)


def test_data_that_was_not_captured_is_not_quoted() -> None:
    text = "> S 0:0(0)\n< S. 0:0(0) ack 1\n> P. 1:101(100) ack 1 [captured 0]"
    assert "data not captured" in draw(exchange(text), Options())
