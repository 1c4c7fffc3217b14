"""What a live endpoint is given and gives back: how its segments look, what is sent wrong on purpose, a timer."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rawshake.tcp import option
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import SPACE, Seq
from rawshake.tcp.words import parse_flags

SECOND: Final = 1_000_000_000
#: RFC 6298: (2.1) and (2.4), (2.5), (5.7).
INITIAL_RTO: Final = 1 * SECOND
MAX_RTO: Final = 60 * SECOND
RTO_AFTER_LOST_SYN: Final = 3 * SECOND
#: What may be sent wrong on purpose: in which segments, which fields, and how many values each has.
BAD_STEPS: Final = ("syn", "synack", "ack", "data", "fin", "lastack")
BAD_FIELDS: Final = {"seq": SPACE, "ack": SPACE, "flags": 1 << 12, "checksum": 1 << 16, "window": 1 << 16}
#: RFC 5961 section 7: no more than so many challenge ACKs in that time.
CHALLENGES: Final = 10
CHALLENGE_SPAN: Final = 5 * SECOND


@dataclass(frozen=True, slots=True)
class Deviation:
    """A wrong number sent on purpose: in every segment called ``step``, ``field`` becomes ``value``.

    ``step`` is syn, synack, ack, data, fin or lastack; ``field`` seq, ack, flags, checksum or window. With
    ``relative`` the value is added to the right one.
    """

    step: str
    field: str
    value: int
    relative: bool

    def of(self, right: int, space: int) -> int:
        """What to write where ``right`` would be right, in a field of ``space`` values."""
        return (right + self.value if self.relative else self.value) % space


def parse_deviation(text: str) -> Deviation:
    """``STEP.FIELD=VALUE``, such as ``ack.ack=+1``. Raises ValueError with a sentence."""
    found = re.fullmatch(r"([a-z]+)\.([a-z]+)=([+-]?)(.+)", text)
    if found is None:
        raise ValueError(f"{text!r} is not STEP.FIELD=VALUE, such as ack.ack=+1.")
    step, field, sign, amount = found.groups()
    if step not in BAD_STEPS:
        raise ValueError(f"{step!r} in {text!r} is no step: {', '.join(BAD_STEPS)}.")
    if field not in BAD_FIELDS:
        raise ValueError(f"{field!r} in {text!r} is no field: {', '.join(BAD_FIELDS)}.")
    named = field == "flags" and not amount[0].isdigit()
    try:
        wanted = parse_flags(amount).value if named else whole_number(amount)
    except ValueError:
        raise ValueError(f"{amount!r} in {text!r} is not a value for {field}.") from None
    if wanted >= BAD_FIELDS[field]:
        raise ValueError(f"{amount} in {text!r} does not fit: {field} is below {BAD_FIELDS[field]}.")
    return Deviation(step, field, -wanted if sign == "-" else wanted, relative=bool(sign))


def whole_number(text: str) -> int:
    """A number in plain decimal or 0x.. . Raises ValueError."""
    if not re.fullmatch(r"0[xX][0-9a-fA-F]+|-?[0-9]+", text):
        raise ValueError  # int() would take 1_000, and digits of other scripts
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How our segments look: what the user asked for, in place of the ordinary.

    ``window`` is the receive window in octets, ``options`` those of our SYN, ``mss`` the most that our own
    interface carries in one segment, in octets. Whoever answers a SYN sends only those of the options that it
    had, too, unless they are ``verbatim``. ``delayed_ack`` is how long an acknowledgment may wait for more, in
    ns, at most 500 ms (RFC 9293 section 3.8.6.3, MUST-40).
    """

    isn: Seq
    window: int = 64240
    options: tuple[Option, ...] = ()
    verbatim: bool = False
    mss: int = 1460
    ttl: int = 64
    ecn: bool = False
    deviations: tuple[Deviation, ...] = ()
    timeout: int = 10 * SECOND
    retries: int = 6
    delayed_ack: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A segment to send: its name, what is right, and what to send; they differ where that was asked for."""

    name: str
    meant: Segment
    segment: Segment
    checksum: Deviation | None = None


@dataclass(slots=True)
class Timer:
    """When to send again: RFC 6298. Times are in nanoseconds."""

    rto: int = INITIAL_RTO
    #: when it expires; since when it waits; how often it has expired since then
    at: int | None = None
    since: int = 0
    tries: int = 0
    #: an acknowledgment of this number ends a measurement, which began then
    timed: tuple[Seq, int] | None = None
    _srtt: int | None = None
    _rttvar: int = 0

    def start(self, now: int, end: Seq | None = None) -> None:
        """Run, unless it runs already; measure the time to the acknowledgment of ``end``, one at a time."""
        if self.at is None:
            self.at, self.since, self.tries = now + self.rto, now, 0
        if self.timed is None and end is not None and self.tries == 0:
            self.timed = end, now

    def stop(self) -> None:
        self.at = None
        self.tries = 0

    def back_off(self, now: int, patience: int) -> None:
        """Expired: wait twice as long (5.5), and no longer than ``patience`` in all."""
        self.tries += 1
        self.rto = min(2 * self.rto, MAX_RTO)
        self.at = min(now + self.rto, self.since + patience)

    def measure(self, una: Seq, now: int) -> None:
        """All before ``una`` is acknowledged: take the round-trip time, if that was what it waited for."""
        if self.timed is None or una < self.timed[0]:
            return
        rtt = now - self.timed[1]
        self.timed = None
        if self._srtt is None:  # (2.2)
            self._srtt, self._rttvar = rtt, rtt // 2
        else:  # (2.3)
            self._rttvar = (3 * self._rttvar + abs(self._srtt - rtt)) // 4
            self._srtt = (7 * self._srtt + rtt) // 8
        self.rto = min(max(INITIAL_RTO, self._srtt + 4 * self._rttvar), MAX_RTO)


@dataclass(slots=True)
class Timestamps:
    """Our clock of RFC 7323, and the peer's timestamp to echo (TS.Recent)."""

    recent: int | None = None
    _ahead: int = 0

    def begin(self, options: Sequence[Option], now: int) -> None:
        """Go on from the TSval, if there is one, among ``options``, which leave at ``now`` (ns)."""
        for said in options:
            if said.kind == Kind.TIMESTAMPS and said.known:
                self._ahead = int.from_bytes(said.data[:4], "big") - option.timestamp_clock(now)

    def value(self, now: int) -> int:
        """The TSval of what leaves at ``now`` (ns)."""
        return (option.timestamp_clock(now) + self._ahead) % SPACE

    def note(self, value: int, segment: Segment, acked: Seq | None) -> None:
        """Take the TSval of a segment that arrived; ``acked`` is the last ACK that we sent."""
        # RFC 7323 section 4.3: SEG.TSval >= TS.Recent and SEG.SEQ =< Last.ACK.sent.
        newer = self.recent is None or Seq(value) >= Seq(self.recent)
        if newer and (acked is None or segment.seq <= acked):
            self.recent = value


@dataclass(slots=True)
class Allowance:
    """CHALLENGES in any CHALLENGE_SPAN, and no more."""

    _taken: deque[int] = field(default_factory=deque)

    def take(self, now: int) -> bool:
        """Whether one more may be sent at ``now`` (ns); it counts then."""
        while self._taken and self._taken[0] <= now - CHALLENGE_SPAN:
            self._taken.popleft()
        if len(self._taken) >= CHALLENGES:
            return False
        self._taken.append(now)
        return True


def deviate(name: str, meant: Segment, deviations: Sequence[Deviation]) -> Outgoing:
    """``meant`` as it is to be sent: with what ``deviations`` ask of a segment called ``name``."""
    segment, checksum = meant, None
    for wrong in deviations:
        if wrong.step != name:
            continue
        if wrong.field == "seq":
            segment = replace(segment, seq=Seq(wrong.of(meant.seq.value, SPACE)))
            if meant.syn:  # whatever number a SYN has is the ISN
                meant = replace(meant, seq=segment.seq)
        elif wrong.field == "ack":
            segment = replace(segment, ack=Seq(wrong.of(meant.ack.value, SPACE)))
        elif wrong.field == "flags":
            segment = replace(segment, flags=Flags(wrong.of(meant.flags.value, 1 << 12)))
        elif wrong.field == "window":
            segment = replace(segment, window=wrong.of(meant.window, 1 << 16))
        else:
            segment, checksum = replace(segment, checksum=Checksum.WRONG), wrong
    return Outgoing(name, meant, segment, checksum)
