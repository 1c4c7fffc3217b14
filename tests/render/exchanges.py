"""Exchanges to draw: written in notation, or any that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypothesis import strategies as st

from rawshake.judge import Ruling
from rawshake.report import Exchange, Judged, Outcome, Remark, Report
from rawshake.rules.model import Verdict
from rawshake.tcp.decode import address_text
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Segment
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.tcp.strategies import segments

CLIENT_ISN = 2915269997
SERVER_ISN = 4105823911

#: Connect, a request that is answered, and a close by the client.
WHOLE = r"""
    > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
    +0.000042 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 9000 ecr 100,nop,wscale 7>
    +0.000020 > . 1:1(0) ack 1 win 502 <nop,nop,TS val 100 ecr 9000>
    +0.001500 > P. 1:19(18) ack 1 win 502 "GET / HTTP/1.0\r\n\r\n"
    +0.000051 < . 1:1(0) ack 19 win 502
    +0.012000 < P. 1:6(5) ack 19 win 502 "hello"
    +0.000030 > . 19:19(0) ack 6 win 502
    +1.200000 > F. 19:19(0) ack 6 win 502
    +0.000048 < . 6:6(0) ack 20 win 502
    +0.000010 < F. 6:6(0) ack 20 win 502
    +0.000025 > . 20:20(0) ack 7 win 502
"""

#: A server that acknowledges the ISN itself, and what RFC 9293 3.10.7.3 has the client do about it.
FAULTY = """
    > S 0:0(0) win 64240 <mss 1460>
    +0.000042 < S. 0:0(0) ack 0 win 65160 <mss 1460>
    +0.000020 > R 0:0(0) win 0
    +1.000000 > S 0:0(0) win 64240 <mss 1460>
    +0.000051 < R. =0:0(0) ack 1 win 0
"""

LOSSES = """
    > S 0:0(0) win 64240 [lost]
    +1 > S 0:0(0) win 64240
    +0.000042 < S. 0:0(0) ack 1 win 65160 [lost]
    +0.100000 < S. 0:0(0) ack 1 win 65160
    +0.000020 > . 1:1(0) ack 1 win 64240
"""

#: Client and server, one of them as long as it can be.
SIX = ("[2001:db8:1111:2222:3333:4444:5555:6666]:40000", "[2001:db8::2]:80")


def ruling(
    rule: str,
    verdict: Verdict,
    sentence: str,
    *,
    step: int = 1,
    end: End = End.SERVER,
    cite: str = "RFC 9293 3.10.7.2",
    field: str = "ack",
    ours: bool = False,
    consequence: bool = False,
) -> Ruling:
    return Ruling(rule, cite, step, end, field, verdict, sentence, "", "", consequence, ours)


def exchange(
    text: str,
    rulings: Mapping[int, Iterable[Ruling]] | None = None,
    *,
    client: str = "192.0.2.1:40000",
    server: str = "192.0.2.2:80",
    outcome: Outcome = Outcome.CLOSED,
    closing: tuple[Ruling, ...] = (),
) -> Exchange:
    """A written exchange, tracked as the client sees it; ``rulings`` by number of the segment."""
    lines = parse_exchange(
        text, client=client, server=server, client_isn=CLIENT_ISN, server_isn=SERVER_ISN, start=10**18
    )
    first = lines[0]
    ends = ((first.segment.src, first.segment.sport), (first.segment.dst, first.segment.dport))
    tracker = Tracker(*(ends if first.from_client else ends[::-1]))
    entries = []
    for line in lines:
        fate = Fate.LOST if line.lost else Fate.PASSED if line.from_client else Fate.DELIVERED
        step = tracker.apply(line.segment, line.time, fate=fate, ours=line.from_client)
        said = tuple(r._replace(step=step.number) for r in (rulings or {}).get(step.number, ()))
        entries.append(Judged(step, said))
    return Exchange(
        tracker.client, tracker.server, tuple(entries), closing=closing, outcome=outcome, data=b"hello"
    )


#: What a terminal must not be given, with ordinary text around it.
WILD = "\x1b[31m\r\n\0\x7f\x9b\u202e\u2066\ufeff\u0301日本\U0001f600\U000e0001 -→≤µ…\"'\\ab"


def texts(size: int = 200) -> st.SearchStrategy[str]:
    return st.text(WILD, max_size=size) | st.text(max_size=size)


def rulings(least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[Ruling, ...]]:
    one = st.builds(
        Ruling,
        rule=st.sampled_from(["synack-ack-is-isn-plus-1", "x", "a-" * 70]),
        cite=st.sampled_from(["RFC 9293 3.10.7.2", "RFC 9293 3.7.1 MUST-14; RFC 6691 2", ""]) | texts(80),
        step=st.integers(1, 10**6),
        end=st.sampled_from(End),
        field=st.sampled_from(["seq", "ack"]),
        verdict=st.sampled_from(Verdict),
        sentence=texts(),
        expected=texts(10),
        actual=texts(10),
        consequence=st.booleans(),
        ours=st.booleans(),
    )
    return st.lists(one, min_size=least, max_size=most).map(tuple)


def addresses() -> st.SearchStrategy[str]:
    widest = "fe80:1111:2222:3333:4444:5555:6666:7777%wlp0s20f3enx001"
    drawn = st.ip_addresses().map(lambda ip: address_text(ip.packed))
    return drawn | st.sampled_from(["1111:2222:3333:4444:5555:6666:7777:8888", widest])


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Any segments between two ends, legal or not, with anything said of them."""
    client = (draw(addresses()), draw(st.integers(0, 65535)))
    server = (draw(addresses()), draw(st.integers(0, 65535)))
    tracker = Tracker(client, server)
    entries: list[Judged | Remark] = []
    for _ in range(draw(st.integers(0, 4))):
        time = draw(st.integers(-(10**13), 10**18) | st.integers(0, 10**10))
        if draw(st.integers(0, 4)) == 0:
            entries.append(Remark(time, draw(texts())))
        else:
            segment = draw(_between(client, server) | _between(server, client))
            fate, ours, note = draw(st.tuples(st.sampled_from(Fate), st.booleans(), st.just("") | texts(40)))
            meant = draw(st.none() | st.just(replace(segment, seq=segment.seq + 1)))
            step = tracker.apply(segment, time, fate=fate, ours=ours, note=note, meant=meant)
            entries.append(Judged(step, draw(rulings())))
    return Exchange(
        client=client,
        server=server,
        entries=tuple(entries),
        closing=draw(rulings()),
        outcome=draw(st.sampled_from(Outcome)),
        detail=draw(st.just("") | texts(60)),
        data=draw(st.binary(max_size=20)),
    )


@st.composite
def _between(draw: st.DrawFn, here: tuple[str, int], there: tuple[str, int]) -> Segment:
    segment = draw(segments())
    return replace(segment, src=here[0], sport=here[1], dst=there[0], dport=there[1])


def reports() -> st.SearchStrategy[Report]:
    return st.builds(
        Report,
        command=st.sampled_from(["connect", "teardown"]),
        exchanges=st.lists(exchanges(), max_size=2).map(tuple),
        rules=st.lists(st.sampled_from(["syn-form", "handshake-third-ack"]), max_size=2).map(tuple),
    )
