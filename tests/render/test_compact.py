"""The compact form is the notation: what it says of a segment can be read back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rawshake.render.compact import Compact, compact
from rawshake.render.options import Options
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import End, Fate
from tests.render.exchanges import CLIENT_ISN, SERVER_ISN, WHOLE, exchange, exchanges
from tests.render.golden import EVERYTHING, LOST, REFUSED, STYLE, WHOLE_JUDGED


def bare(segment: Segment) -> Segment:
    """What the compact form says of a segment."""
    checksum = Checksum.WRONG if segment.checksum is Checksum.WRONG else Checksum.CORRECT
    return replace(segment, payload=b"", checksum=checksum)


@given(exchanges(), st.integers(0, 1))
def test_each_line_is_read_back_as_its_segment(an_exchange: Exchange, verbose: int) -> None:
    options = Options(verbose=verbose)
    for entry in an_exchange.entries:
        # Its own time as start, which is then 0: a time before the start would be read as one that is relative.
        line = Compact(options, start=entry.time if isinstance(entry, Remark) else None).entry(entry)
        if isinstance(entry, Remark):
            assert line.startswith("# 0.000000")
            continue
        step = entry.step
        isns = [view.iss for view in step.after]
        if step.now.iss is None and step.segment.syn:
            isns[step.sender is End.SERVER] = step.segment.seq
        (read,) = parse_exchange(
            line,
            client=written(an_exchange.client),
            server=written(an_exchange.server),
            client_isn=0 if isns[0] is None else int(isns[0]),
            server_isn=0 if isns[1] is None else int(isns[1]),
            start=step.time,
        )
        segment = replace(step.segment, src=read.segment.src, dst=read.segment.dst)
        assert (bare(read.segment), read.time, read.lost) == (
            bare(segment),
            step.time,
            step.fate is Fate.LOST,
        )
        if an_exchange.client != an_exchange.server:
            assert read.from_client == (step.sender is End.CLIENT)


def written(address: tuple[str, int]) -> str:
    """An address as the notation has it, which knows no scope."""
    host, port = address
    return f"[{host.partition('%')[0]}]:{port}" if ":" in host else f"{host}:{port}"


def test_the_whole_is_read_back() -> None:
    for an_exchange, verbose in (
        (WHOLE_JUDGED, 0),
        (WHOLE_JUDGED, 1),
        (EVERYTHING, 1),
        (REFUSED, 0),
        (LOST, 0),
    ):
        read = parse_exchange(
            compact(an_exchange, Options(verbose=verbose)),
            client=written(an_exchange.client),
            server=written(an_exchange.server),
            client_isn=CLIENT_ISN,
            server_isn=SERVER_ISN,
            start=an_exchange.steps[0].time,
        )
        steps = an_exchange.steps
        assert [bare(line.segment) for line in read] == [bare(step.segment) for step in steps]
        assert [line.time for line in read] == [step.time for step in steps]
        assert [line.lost for line in read] == [step.fate is Fate.LOST for step in steps]


@given(exchanges(), st.booleans(), st.booleans(), st.integers(0, 1))
def test_one_harmless_line_for_each_entry(
    an_exchange: Exchange, ascii_only: bool, colour: bool, verbose: int
) -> None:
    options = Options(ascii=ascii_only, colour=colour, verbose=verbose)
    writer = Compact(options)
    for entry in an_exchange.entries:
        assert_harmless(writer.entry(entry), options)
    for line in writer.foot(an_exchange).splitlines(keepends=True):
        assert_harmless(line, options)
        assert STYLE.sub("", line).startswith("# ")


def assert_harmless(line: str, options: Options) -> None:
    assert line.endswith("\n")
    plain = STYLE.sub("", line[:-1]) if options.colour else line[:-1]
    assert plain.isprintable()
    assert not options.ascii or plain.isascii()


def test_a_later_part_says_where_it_begins() -> None:
    whole = exchange(WHOLE)
    entry = whole.entries[7]
    assert isinstance(entry, Judged)
    line = Compact(Options(), start=whole.steps[0].time).entry(entry)
    assert line == "1.213643 > F. 19:19(0) ack 6 win 502 # FIN-WAIT-1 / CLOSE-WAIT?\n"
