"""Two of rawshake's against each other, whatever both do to segments on their own sides: all arrives, no rule fires."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.impair import MILLISECOND, NAMES, Harm, Impairment, Impairments, Pick
from rawshake.profile import SECOND, Profile
from rawshake.report import Exchange, Outcome
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp.notation import parse_options, pattern
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End
from tests.memory import MemoryLink
from tests.ours import Ours, Outbox
from tests.playbook import CLIENT, SERVER, transcript

#: Longer than any retransmission, so that the last FIN is acknowledged in the end.
LINGER = 600 * SECOND
#: What we do on purpose, and say so.
CHOSEN = {"initial-window-bounded"}
#: What harm that the other one does on its own side, unseen here, looks like; each is told as what it may be.
LOOKS_LIKE = {
    Harm.CORRUPT: {"checksum-sent-valid"},
    Harm.DELAY: {"rto-at-least-1s"},
    Harm.DUPLICATE: {"passive-close-sequence"},
}

picks = st.builds(Pick, st.sampled_from(NAMES), st.integers(1, 12)) | st.builds(
    lambda name, chance: Pick(name, chance=chance), st.sampled_from(NAMES), st.sampled_from([0.05, 0.2])
)
impairments = st.builds(
    Impairment,
    st.sampled_from(list(Harm)),
    picks,
    st.sampled_from([MILLISECOND, 15 * MILLISECOND, 300 * MILLISECOND, 4 * SECOND]),
)
harms = st.lists(impairments, max_size=6)
isns = st.sampled_from([0, 0x7FFFFFF0, 4294967290, 4294967295]) | st.integers(0, 0xFFFFFFFF)
octets = st.sampled_from([0, 1, 1460, 3000, 100_000]) | st.integers(0, 20_000)
options = st.sampled_from(
    [
        "",
        "mss 1460",
        "mss 300,nop,wscale 3",
        "mss 1460,nop,nop,sackOK",
        "mss 1000,sackOK,TS val 1 ecr 0,nop,wscale 7",
    ]
)
windows = st.sampled_from([64240, 2000, 536])
delays = st.sampled_from([0, 200 * MILLISECOND, 500 * MILLISECOND])
profiles = st.builds(
    lambda isn, window, offered, delay: Profile(
        isn=Seq(isn),
        window=window,
        options=parse_options(offered),
        retries=100,
        timeout=3600 * SECOND,
        delayed_ack=delay,
    ),
    isns,
    windows,
    options,
    delays,
)


class Serving:
    """The server's side: says its octets, keeps what it hears, and closes first or last."""

    def __init__(self, says: bytes, *, closes_first: bool) -> None:
        self.says = says
        self.heard = bytearray()
        self._closes_first = closes_first

    def __call__(self, end: Conversation) -> None:
        self.heard += end.read()
        if end.established and self.says:
            end.endpoint.send(self.says)
            self.says = b""
        me, fin = end.me, end.peer.fin
        ended = fin is not None and me.rcv_nxt is not None and me.rcv_nxt > fin
        if end.established and (self._closes_first or ended):
            end.endpoint.want = Want.CLOSE


def charged(exchange: Exchange, unseen: Sequence[Impairment]) -> list[str]:
    excused = CHOSEN.union(*(LOOKS_LIKE.get(one.harm, set()) for one in unseen))
    return [
        f"segment {one.step}, {one.end}: {one.rule}: {one.sentence}"
        for one in exchange.findings
        if one.rule not in excused
    ]


def told(session: Conversation, title: str) -> str:
    isns = int(session.client.iss or 0), int(session.server.iss or 0)
    lines = transcript(session, client_isn=isns[0], server_isn=isns[1])
    return "\n".join([title, *(line[:200] for line in lines)])


@settings(max_examples=60, deadline=None)
@given(
    data=octets,
    says=octets,
    closes_first=st.booleans(),
    ours=profiles,
    theirs=profiles,
    at_client=harms,
    at_server=harms,
    seed=st.integers(0, 99),
)
def test_all_arrives_and_nobody_is_accused(
    data: int,
    says: int,
    closes_first: bool,
    ours: Profile,
    theirs: Profile,
    at_client: Sequence[Impairment],
    at_server: Sequence[Impairment],
    seed: int,
) -> None:
    sent, said = pattern(1, data), pattern(7, says)
    server = Conversation(
        Outbox(), Tracker(CLIENT, SERVER), theirs, book(), Impairments(at_server, seed=seed), ours=End.SERVER
    )
    server.endpoint.want = Want.OPEN
    serving = Serving(said, closes_first=closes_first)
    link = MemoryLink(Ours(server, serving))
    session = Session(link, Tracker(CLIENT, SERVER), ours, book(), Impairments(at_client, seed=seed))
    ended = session.connect(sent) and session.close()
    session.run(lambda: server.closed, deadline=link.now() + LINGER)
    exchange = session.exchange(Outcome.CLOSED)
    serving(server)
    server.judge(rest=True)
    theirs_told = server.transcript(Outcome.CLOSED)
    ladders = told(session, "at the client") + "\n" + told(server, "at the server")
    assert ended, ladders
    assert server.closed, ladders
    assert bytes(serving.heard) == sent, ladders
    assert exchange.data == said, ladders
    assert charged(exchange, at_server) == [], ladders
    assert charged(theirs_told, at_client) == [], ladders
