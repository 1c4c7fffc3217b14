"""A road that loses, doubles and delays in both directions, between two honest ends: all arrives, and no rule fires."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.session import Session
from rawshake.tcp.notation import parse_options, pattern
from rawshake.tcp.seq import Seq
from tests.honest import HonestServer
from tests.memory import MILLISECOND, MemoryLink
from tests.playbook import started, transcript

#: Longer than any retransmission of the server's, so that its last FIN is acknowledged in the end.
LINGER = 600 * SECOND

#: After how long a packet arrives, and its copies: () is lost.
FATES: dict[str, tuple[int, ...]] = {
    "arrives": (0,),
    "lost": (),
    "doubled": (0, 2 * MILLISECOND),
    "overtaken": (3 * MILLISECOND,),
    "late": (700 * MILLISECOND,),
    "very late": (4 * SECOND,),
    "doubled late": (0, 1300 * MILLISECOND),
}

fates = st.lists(st.sampled_from(list(FATES)), max_size=40)
isns = st.sampled_from([0, 1, 0x7FFFFFF0, 4294967290, 4294967295]) | st.integers(0, 0xFFFFFFFF)
octets = st.sampled_from([0, 1, 5, 1460, 3000]) | st.integers(0, 20_000)
options = st.sampled_from(
    ["", "mss 1460", "mss 300,nop,wscale 3", "mss 1000,sackOK,TS val 1 ecr 0,nop,wscale 7"]
)


def road(names: Sequence[str]) -> Callable[[], tuple[int, ...]]:
    """The fates of the first packets, one after another; all that follow arrive."""
    ahead: Iterator[str] = iter(names)
    return lambda: FATES[next(ahead, "arrives")]


def told(session: Session, server: HonestServer, there: Sequence[str], back: Sequence[str]) -> str:
    ladder = transcript(session, client_isn=int(session.profile.isn), server_isn=server.isn)
    return "\n".join([f"to the server: {there}", f"to the client: {back}", *ladder])


def play_over(
    *,
    data: bytes,
    server: HonestServer,
    isn: int,
    there: Sequence[str],
    back: Sequence[str],
    window: int,
    offered: str,
) -> tuple[Session, str]:
    """A whole connection in which the client sends ``data``; also its ladder."""
    profile = Profile(
        isn=Seq(isn), window=window, options=parse_options(offered), retries=100, timeout=3600 * SECOND
    )
    link = MemoryLink(server, to_peer=road(there), from_peer=road(back))
    session, _ = started(server, profile=profile, link=link, rules=book())
    ended = session.connect(data) and session.close()
    session.linger(LINGER)
    session.settle()
    ladder = told(session, server, there, back)
    assert ended, ladder
    return session, ladder


def once(data: int, there: list[str], back: list[str]) -> example:
    """A road that was misread once, on the way to a server that closes first."""
    return example(
        data=data, says=0, isn=0, server_isn=0, closes_first=True, there=there, back=back,
        buffer=65535, window=64240, offered="",
    )  # fmt: skip


@once(0, ["doubled"] * 3, ["arrives", "arrives", "doubled"])
@once(0, ["arrives", "arrives", "lost", "arrives", "lost"], ["very late", "lost", "lost", "very late"])
@once(3000, ["arrives", "lost"], [])
@settings(max_examples=100, deadline=None)
@given(
    data=octets,
    says=octets,
    isn=isns,
    server_isn=isns,
    closes_first=st.booleans(),
    there=fates,
    back=fates,
    buffer=st.sampled_from([65535, 4000, 700, 1]),
    window=st.sampled_from([64240, 2000, 536]),
    offered=options,
)
def test_all_arrives_and_both_ends_agree_on_the_end(
    data: int,
    says: int,
    isn: int,
    server_isn: int,
    closes_first: bool,
    there: list[str],
    back: list[str],
    buffer: int,
    window: int,
    offered: str,
) -> None:
    if buffer == 1:
        data %= 30  # octet by octet
    # Nobody is near a server at the end of a road that takes its time, or times what it does.
    ttl = 50 if any("late" in name for name in (*there, *back)) else 64
    server = HonestServer(
        says=pattern(1, says), isn=server_isn, closes_first=closes_first, buffer=buffer, ttl=ttl
    )
    sent = pattern(1, data)
    session, ladder = play_over(
        data=sent, server=server, isn=isn, there=there, back=back, window=window, offered=offered
    )
    exchange = session.exchange(Outcome.CLOSED)
    assert bytes(server.heard) == sent, ladder
    assert exchange.data == server.says, ladder
    # Whose FIN was sent first cannot be told where the server's was lost.
    ends = {"CLOSED", "TIME-WAIT"} if closes_first and (there or back) else {server.state}
    assert server.state in ends, ladder
    assert str(session.server.expected) in ends, ladder
    # What may come of a copy that the network made is a warning; but each that reached the server draws an ACK, and
    # three of them are a habit.
    copies = sum(len(FATES[name]) > 1 for name in there)
    excused = {"one-ack-per-segment"} if copies >= 3 else set()
    breaches = [one for one in exchange.findings if one.verdict is Verdict.FAIL and one.rule not in excused]
    assert [f"segment {one.step}, {one.end}: {one.rule}: {one.sentence}" for one in breaches] == [], ladder
