"""What one exchange of many comes to, and in what it is of the same kind as others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from rawshake.judge import Ruling
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End, Fate, Step


@dataclass(frozen=True, slots=True)
class Kind:
    """Exchanges of one kind end alike, by the same kinds of segments in the same order, and break the same rules.

    ``segments`` are flags in packetdrill's letters behind ``>`` for ours and ``<`` for theirs, with ``again`` for
    what is sent again, ``lost`` for what we dropped, and ``...`` for more of the same; numbers do not count.
    """

    outcome: Outcome
    segments: tuple[str, ...]
    broken: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.outcome.value}: {', '.join(self.segments) or 'nothing was sent'}"


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of one exchange: its kind, what was found, and the rules that were exercised and held.

    ``exchange`` is its transcript; that of others of the same form differs only in numbers and times.
    ``handshake`` and ``teardown`` are ns, None if there was none, and ``sent`` says which of our segments they
    begin with, ``heard`` with which of theirs they end, each counted from 0.
    """

    kind: Kind
    findings: tuple[Ruling, ...]
    held: frozenset[str]
    broken_by_peer: bool
    exchange: Exchange
    handshake: Span | None
    teardown: Span | None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an exchange: from when our ``sent``th packet left to when their ``heard``th came, in ns."""

    sent: int
    heard: int
    time: int


def result(exchange: Exchange) -> Result:
    """Sum up a transcript."""
    rulings = exchange.rulings
    passed = {one.rule for one in rulings if one.verdict is Verdict.PASS}
    findings = exchange.findings
    broken = tuple(sorted({f"{one.verdict} {one.rule}" for one in findings}))
    handshake, teardown = _spans(exchange.steps)
    return Result(
        kind=Kind(exchange.outcome, _segments(exchange), broken),
        findings=findings,
        held=frozenset(passed - {one.rule for one in rulings if one.verdict in (Verdict.FAIL, Verdict.WARN)}),
        broken_by_peer=exchange.broken_by_peer,
        exchange=exchange,
        handshake=handshake,
        teardown=teardown,
    )


def _segments(exchange: Exchange) -> tuple[str, ...]:
    words = [_word(entry) for entry in exchange.entries]
    found: list[str] = []
    for word, same in groupby(words):
        many = sum(1 for _ in same)
        found.append(word if many == 1 else f"{word} ...")
    return tuple(found)


def _word(entry: Judged | Remark) -> str:
    if isinstance(entry, Remark):
        return "ICMP" if entry.text.startswith("ICMP") else "a remark"
    step = entry.step
    mark = " again" if step.again else " lost" if step.fate is Fate.LOST else ""
    arrow = ">" if step.sender is End.CLIENT else "<"
    return f"{arrow} {step.segment.flags}{mark}"


def _spans(steps: tuple[Step, ...]) -> tuple[Span | None, Span | None]:
    """From our SYN to their SYN,ACK, and from our FIN to the last that was still missing: their FIN, or its ACK.

    None where anything was sent again, for then nobody can tell what was answered (Karn).
    """
    if any(step.again or step.fate is Fate.LOST for step in steps):
        return None, None
    sent = heard = 0
    opened: tuple[int, int] | None = None
    closing: tuple[int, int] | None = None
    handshake = teardown = None
    for step in steps:
        if step.sender is End.CLIENT:
            if step.segment.syn:
                opened = sent, step.time
            if step.segment.fin:
                closing = sent, step.time
            sent += 1
        else:
            if step.segment.syn and opened is not None:
                handshake = Span(opened[0], heard, step.time - opened[1])
            me, peer = step.after.client, step.after.server
            both = me.fin is not None and peer.fin is not None and me.una is not None and me.una > me.fin
            if both and closing is not None and teardown is None:
                teardown = Span(closing[0], heard, step.time - closing[1])
            heard += 1
    return handshake, teardown
