"""Whole conversations as text: a peer that speaks its lines of it, and the comparison of all that passed with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from difflib import ndiff
from typing import Final

from rawshake.conversation import Conversation
from rawshake.impair import Harm, Impairments, parse
from rawshake.profile import SECOND, Profile
from rawshake.report import Judged, Outcome, Remark
from rawshake.rules import book
from rawshake.rules.model import Rule
from rawshake.session import Session
from rawshake.tcp.notation import CLIENT_ISN, SERVER_ISN, STEP, Line, one_line, parse_exchange, parse_options
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import Fate
from tests.memory import MILLISECOND, START, MemoryLink, Peer, Reply

CLIENT: Final = ("192.0.2.1", 40000)
SERVER: Final = ("192.0.2.2", 80)
#: Shorter pauses between two segments are not written.
PAUSE: Final = 100 * MILLISECOND

HANDSHAKE: Final = """
    > S 0:0(0)
    < S. 0:0(0) ack 1 <mss 1460>
    > . 1:1(0) ack 1
"""


def patient(isn: int = CLIENT_ISN, *, timeout: int = 10, retries: int = 6, options: str = "") -> Profile:
    return Profile(
        isn=Seq(isn),
        window=65535,
        timeout=timeout * SECOND,
        retries=retries,
        options=parse_options(options),
    )


def connect(session: Session) -> None:
    assert session.connect()


def connect_in_vain(session: Session) -> None:
    assert not session.connect()
    assert session.over


def connect_and_look_on(session: Session) -> None:
    assert session.connect()
    session.run(lambda: False, deadline=session.link.now() + 5 * SECOND)


class Script:
    """A peer that says the lines ``<`` of an exchange, each after all lines ``>`` before it have arrived.

    Lines ``>`` marked ``[lost]`` never arrive. Each answer comes a millisecond after the line before, or as
    long after it as is written.
    """

    def __init__(self, text: str, *, client_isn: int = CLIENT_ISN, server_isn: int = SERVER_ISN) -> None:
        lines = parse_exchange(text, client_isn=client_isn, server_isn=server_isn)
        self._left: deque[tuple[int, Line]] = deque()
        before = 0
        for line in lines:
            self._left.append((line.time - before, line))
            before = line.time

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        while self._left and self._left[0][1].lost and self._left[0][1].from_client:
            self._left.popleft()
        if self._left and self._left[0][1].from_client:
            self._left.popleft()
        after = 0
        while self._left and (self._left[0][1].lost or not self._left[0][1].from_client):
            pause, line = self._left.popleft()
            if not line.from_client:
                after += pause
                yield after - STEP, line.segment

    def deadline(self) -> int | None:
        return None

    def woke(self, now: int) -> Iterable[Reply]:
        return ()


def started(
    peer: Peer,
    *,
    profile: Profile | None = None,
    drops: str = "",
    rules: Sequence[Rule] = (),
    link: MemoryLink | None = None,
) -> tuple[Session, MemoryLink]:
    """A session of which nothing has been sent, and its link; ``drops`` as ``syn:1,synack:2``."""
    wanted = parse(Harm.DROP, drops) if drops else ()
    link = link or MemoryLink(peer)
    session = Session(
        link, Tracker(CLIENT, SERVER), profile or Profile(isn=Seq(CLIENT_ISN)), rules, Impairments(wanted)
    )
    return session, link


def play(
    text: str,
    act: Callable[[Session], object],
    *,
    profile: Profile | None = None,
    drops: str = "",
    server_isn: int = SERVER_ISN,
    link: Callable[[Peer], MemoryLink] = MemoryLink,
    honest: bool = True,
) -> Session:
    """Let ``act`` drive a session against the peer of ``text``, and compare all that passed with ``text``.

    A line may end in ``# client / server``, the states of both ends after it, and ``; note``. Where both ends
    are ``honest``, no rule of the book may find anything.
    """
    profile = profile or Profile(isn=Seq(CLIENT_ISN), window=65535)
    peer = Script(text, client_isn=int(profile.isn), server_isn=server_isn)
    session, _ = started(peer, profile=profile, drops=drops, link=link(peer), rules=book())
    act(session)
    findings = session.exchange(Outcome.OPEN).findings
    wanted = normal(text, client_isn=int(profile.isn), server_isn=server_isn)
    found = transcript(session, client_isn=int(profile.isn), server_isn=server_isn)
    for at, line in enumerate(wanted):
        if at < len(found) and "#" not in line:
            found[at] = found[at].partition("  #")[0]
    if found != wanted:
        raise AssertionError(
            "what passed (+) and what the test says (-):\n" + "\n".join(ndiff(wanted, found))
        )
    if honest:
        charged = [f"segment {one.step}: {one.rule}: {one.sentence}" for one in findings]
        if charged:
            raise AssertionError("\n".join([*charged, "in", *found]))
    return session


def transcript(
    session: Conversation, *, client_isn: int = CLIENT_ISN, server_isn: int = SERVER_ISN
) -> list[str]:
    """All that passed, one line a segment, with the states of both ends; remarks begin with ``#``."""
    lines: list[str] = []
    before = START
    for entry in session.entries:
        if isinstance(entry, Remark):
            lines.append(f"# {entry.text}")
            continue
        lines.append(_written(entry, before, Seq(client_isn), Seq(server_isn)))
        before = entry.step.time
    return lines


def _written(entry: Judged, before: int, client_isn: Seq, server_isn: Seq) -> str:
    step = entry.step
    ours = step.segment.src == CLIENT[0]
    isn, peer_isn = (client_isn, server_isn) if ours else (server_isn, client_isn)
    lost = step.fate is Fate.LOST
    line = _line(Line(step.segment, step.time, ours, lost), before, isn, peer_isn)
    note = f"; {step.note}" if step.note and not lost else ""
    return f"{line}  # {step.after.client.state} / {step.after.server.state}{note}"


def _line(line: Line, before: int, isn: Seq, peer_isn: Seq) -> str:
    text = one_line(line.segment, isn=isn, peer_isn=peer_isn, from_client=line.from_client)
    pause = line.time - before
    passed = f"+{pause / 1_000_000_000:.3f} " if pause >= PAUSE else ""
    return f"{passed}{text}{' [lost]' * line.lost}"


def normal(text: str, *, client_isn: int, server_isn: int) -> list[str]:
    """The text as ``transcript`` would have written it."""
    lines = iter(parse_exchange(text, client_isn=client_isn, server_isn=server_isn))
    written: list[str] = []
    before = 0
    for stripped in filter(None, map(str.strip, text.splitlines())):
        if stripped.startswith("#"):
            written.append(stripped)
            continue
        line = next(lines)
        isns = (client_isn, server_isn) if line.from_client else (server_isn, client_isn)
        states = stripped.partition("#")[2].strip()
        shown = _line(line, before, *map(Seq, isns))
        written.append(f"{shown}  # {states}" if states else shown)
        before = line.time
    return written
