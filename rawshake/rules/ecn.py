"""Rules on explicit congestion notification: how it is agreed, which packets are marked, and what is echoed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.rules.evidence import plain_ack, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Standing, Step

_CE: Final = 3
_MARKS: Final = ("not ECT", "ECT(1)", "ECT(0)", "CE")
_ECHO: Final = Flags.ECE | Flags.CWR
#: No copy that the network made comes so late, and no sender that hears nothing sends again sooner, in ns.
_RTO: Final = 200_000_000
#: After so long an ACK that was not lost has arrived, in ns.
_ROUND_TRIP: Final = 1_000_000_000
#: In these states an end answers without remembering what it echoes.
_BRIEF: Final = frozenset({State.TIME_WAIT, State.SYN_RECEIVED, State.LISTEN, State.CLOSED})


@dataclass(slots=True)
class _Offer:
    """What the SYNs of one end said, the repeated ones included."""

    seen: bool = False
    setup: bool = False
    accecn: bool = False
    #: a SYN of it was itself marked, as DCTCP and ECN++ do
    marked: bool = False


def _offers(steps: Sequence[Step]) -> dict[End, _Offer]:
    found = {End.CLIENT: _Offer(), End.SERVER: _Offer()}
    for step in steps:
        segment = step.segment
        if segment.syn and sound(step):
            offer = found[step.sender]
            offer.seen = True
            offer.setup = offer.setup or step.now.ecn_setup
            offer.accecn = offer.accecn or step.now.accecn
            offer.marked = offer.marked or segment.ecn != 0
    return found


def _agreed(steps: Sequence[Step]) -> dict[End, _Offer] | None:
    """What the SYNs said, where they agreed on ECN as RFC 3168 has it; None otherwise."""
    if not any(step.now.ecn_setup for step in steps):
        return None
    offers = _offers(steps)
    both = all(offer.setup and not offer.accecn for offer in offers.values())
    return offers if both and not any(step.was.renumbered for step in steps) else None


@rule("ecn-synack-only-after-setup-syn", "RFC 3168 6.1.1", Level.MUST_NOT, scope=Scope.EXCHANGE)
def ecn_synack_only_after_setup_syn(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A SYN,ACK has ECE, and CWR not, only if a SYN had both.

    By that the server agrees to ECN. Whoever did not ask does not echo congestion, and the mark is lost. Any
    other mix of the two on a SYN,ACK means that there is no ECN, and should be neither, unless a SYN offered
    AccECN, which gives each mix a meaning. Servers that send back whatever the SYN had were common once.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S.E 0:0(0) ack 1 win 65535 <mss 1460>
    Fires (sent back as it came):
        > SEW 0:0(0) win 65535 <mss 1460>
        < S.EW 0:0(0) ack 1 win 65535 <mss 1460>
    Quiet:
        > SEW 0:0(0) win 65535 <mss 1460>
        < S.E 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
    Quiet (AccECN):
        > SEWA 0:0(0) win 65535 <mss 1460>
        < S.EWA 0:0(0) ack 1 win 65535 <mss 1460>
    """
    asked = offered = False
    for step in steps:
        segment = step.segment
        if not segment.syn or segment.rst or not sound(step):
            continue
        bits = segment.flags & _ECHO
        if not segment.has_ack:
            asked = asked or bits == _ECHO
            offered = offered or step.now.accecn
            continue
        if not bits or step.peer_was.offered is None or offered:
            continue
        end, number = step.sender, step.number
        if bits != Flags.ECE:
            sentence = (
                f"flags {segment.flags}: {'CWR and ECE' if bits == _ECHO else 'CWR'} on a SYN,ACK is no ECN"
            )
            yield broken(
                "ecn",
                sentence,
                expected="ECE or neither",
                actual=bits,
                end=end,
                step=number,
                verdict=Verdict.WARN,
            )
        elif asked:
            yield held("ecn", "ECE, as the SYN had ECE and CWR", end=end, step=number)
        else:
            sentence = f"flags {segment.flags}: ECE on a SYN,ACK, though no SYN had ECE and CWR"
            yield broken("ecn", sentence, expected="neither", actual=bits, end=end, step=number)


@rule("ecn-no-ect-before-negotiation", "RFC 3168 6.1.1; RFC 8311 4.3", Level.MUST_NOT, scope=Scope.EXCHANGE)
def ecn_no_ect_before_negotiation(steps: Sequence[Step]) -> Iterator[Outcome]:
    """What is not agreed to be ECN is not marked as such: the SYNs, and all data without both SYNs' consent.

    A router marks such a packet instead of dropping it, and nobody tells the sender to slow down. Where the SYN
    asks for ECN it may be marked itself, as DCTCP and the experiments of RFC 8311 do: a note. Routers that
    write into the old TOS octet set the same bits, so that a mark that nobody agreed on is a warning.

    Fires:
        > S 0:0(0) win 65535 [ecn 2]
        < S. 0:0(0) ack 1 win 65535
    Fires (data):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 2]
    Fires (as DCTCP):
        > SEW 0:0(0) win 65535 [ecn 2]
        < S.E 0:0(0) ack 1 win 65535
    Quiet:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 2]
    """
    offers: dict[End, _Offer] | None = None
    for step in steps:
        segment = step.segment
        if not segment.ecn or not sound(step) or step.was.renumbered or segment.rst:
            continue
        if offers is None:
            offers = _offers(steps)
        mine, theirs = offers[step.sender], offers[step.receiver]
        if not mine.seen or not theirs.seen:
            continue
        end, number, mark = step.sender, step.number, _MARKS[segment.ecn]
        asks = any(offer.setup or offer.accecn for offer in (mine, theirs))
        if segment.syn:
            sentence = f"a SYN marked {mark}" + (": DCTCP, or an experiment of RFC 8311" if asks else "")
            verdict = Verdict.NOTE if asks else Verdict.WARN
        elif mine.accecn or theirs.accecn or (mine.setup and theirs.setup):
            yield held("ecn", f"{mark}: both SYNs agreed on ECN", end=end, step=number)
            continue
        elif mine.marked:
            continue  # it marks all that it sends, and that was said of its SYN
        else:
            sentence = f"marked {mark}, though the SYNs did not agree on ECN"
            verdict = Verdict.WARN
        if segment.ecn == _CE and not segment.syn:
            yield undecidable("ecn", "a router on the way marked it CE", end=end, step=number)
            continue
        yield broken("ecn", sentence, expected="not ECT", actual=mark, end=end, step=number, verdict=verdict)


@rule(
    "ecn-no-ect-on-ack-rexmit-probe",
    "RFC 3168 6.1.4; RFC 3168 6.1.5; RFC 3168 6.1.6",
    Level.MUST_NOT,
    scope=Scope.EXCHANGE,
)
def ecn_no_ect_on_ack_rexmit_probe(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Bare ACKs, data sent again and window probes are not marked as ECT, though ECN is agreed.

    Nobody would notice that the network marked such an ACK; and a forged or late copy of data outside the
    window could be used to slow a sender down. DCTCP and AccECN mark everything; whose SYN is marked already
    is taken for DCTCP. A copy that the network made is marked like the first: what comes again at once
    decides nothing.

    Fires:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535 [ecn 2]
    Fires (sent again):
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 2]
        +1 > P. 1:6(5) ack 1 win 65535 [ecn 2]
    Quiet:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 2]
        +1 > P. 1:6(5) ack 1 win 65535
    """
    offers = _agreed(steps)
    if offers is None:
        return
    last: dict[End, int] = {}
    for step in steps:
        segment, end, number = step.segment, step.sender, step.number
        if segment.syn or segment.rst or not sound(step):
            continue
        before, last[end] = last.get(end), step.time
        probe = segment.payload_length == 1 and step.peer_was.window == 0
        if plain_ack(segment):
            what = "a bare ACK"
        elif step.again and segment.payload_length:
            what = "data sent again"
        elif probe:
            what = "a window probe"
        else:
            continue
        if not segment.ecn:
            yield held("ecn", f"{what}: not ECT", end=end, step=number)
        elif offers[end].marked or step.was.expected in _BRIEF:
            continue
        elif step.again and not probe and (before is None or step.time - before < _RTO):
            yield undecidable("ecn", "the network may have doubled it", end=end, step=number)
        else:
            mark = _MARKS[segment.ecn]
            sentence = f"{what} is marked {mark}"
            yield broken("ecn", sentence, expected="not ECT", actual=mark, end=end, step=number)


@rule("ecn-ece-latched", "RFC 3168 6.1.3; RFC 8257 3.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def ecn_ece_latched(steps: Sequence[Step]) -> Iterator[Outcome]:
    """After data marked CE every ACK has ECE until CWR comes.

    Otherwise the sender does not learn that the network is full, or may miss it, for ACKs get lost. DCTCP, in
    data centres, echoes each mark once and holds nothing: where the first ACK had ECE and a later one not, that
    is a warning. Where the data was sent again the marked copy need not have arrived, and where numbers were left
    out the capture may lack the CWR.

    Fires:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 3]
        < . 1:1(0) ack 6 win 65535
    Fires (held too short):
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 3]
        < .E 1:1(0) ack 6 win 65535
        > P. 6:11(5) ack 1 win 65535 [ecn 2]
        < . 1:1(0) ack 11 win 65535
    Quiet:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 3]
        < .E 1:1(0) ack 6 win 65535
        > P.W 6:11(5) ack 1 win 65535 [ecn 2]
        < . 1:1(0) ack 11 win 65535
    """
    offers = _agreed(steps)
    if offers is None:
        return
    for end in End:
        if not offers[end].marked:
            yield from _latched(end, steps)


def _latched(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    marked: list[tuple[Seq, Seq]] = []
    latched: Seq | None = None  # from this acknowledgment on
    echoed = False
    gap = False  # since then something of the data's sender was missed
    for step in steps:
        segment = step.segment
        if segment.syn or segment.rst or not sound(step) or step.fate is Fate.LOST:
            continue
        nxt = step.was.nxt if step.sender is not end else step.peer_was.nxt
        gap = gap or (nxt is not None and nxt < (segment.seq if step.sender is not end else segment.ack))
        if step.sender is not end:
            if segment.flags & Flags.CWR:
                marked, latched, echoed, gap = [], None, False, False
            if segment.payload_length and step.again:
                marked = [one for one in marked if not (segment.seq < one[1] and one[0] < segment.end)]
            elif segment.payload_length and segment.ecn == _CE and step.standing is Standing.NEW:
                marked.append((segment.seq, segment.end))
            continue
        if not segment.has_ack or step.was.expected in _BRIEF:
            continue
        for _, right in marked:
            if right <= segment.ack and (latched is None or right < latched):
                latched = right
        if latched is None or segment.ack < latched:
            continue
        if segment.flags & Flags.ECE:
            echoed = True
            yield held("ecn", f"ECE, for CE before {latched}", end=end, step=step.number)
            continue
        if gap:
            yield undecidable("ecn", "a CWR may have been missed", end=end, step=step.number)
            return
        verdict = Verdict.WARN if echoed else None
        sentence = (
            f"flags {segment.flags}: no ECE, though data before {latched} came marked CE, and no CWR since"
        )
        yield broken(
            "ecn",
            sentence + (", unless this is DCTCP" if echoed else ""),
            expected="ECE",
            actual=segment.flags,
            end=end,
            step=step.number,
            verdict=verdict,
        )
        marked, latched, echoed = [], None, False


@rule("ecn-cwr-on-new-data", "RFC 3168 6.1.2", Level.SHOULD, scope=Scope.EXCHANGE)
def ecn_cwr_on_new_data(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Whoever was told of congestion sets CWR on the next new data.

    Until then the other end goes on telling, and cannot tell of more. The ACK with ECE may still be on its way,
    or be lost: so only new data counts that is sent a second later, where nothing was sent again.

    Fires:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 3]
        < .E 1:1(0) ack 6 win 65535
        +2 > P. 6:11(5) ack 1 win 65535 [ecn 2]
    Quiet:
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [ecn 3]
        < .E 1:1(0) ack 6 win 65535
        +2 > P.W 6:11(5) ack 1 win 65535 [ecn 2]
    """
    if _agreed(steps) is None:
        return
    for end in End:
        yield from _reduced(end, steps)


def _reduced(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    told: int | None = None  # when it was told first, in ns
    done: Seq | None = None  # what is acknowledged after this tells of new congestion
    for step in steps:
        segment = step.segment
        if segment.syn or segment.rst or not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            known = segment.has_ack and step.standing is Standing.NEW
            news = known and (done is None or segment.ack > done)
            if news and segment.flags & Flags.ECE and told is None:
                told = step.time
            continue
        if step.again:
            told = None
        if not segment.payload_length or step.again:
            continue
        if segment.flags & Flags.CWR:
            if told is not None:
                yield held("ecn", "CWR, after ECE", end=end, step=step.number)
            told, done = None, segment.end
        elif told is not None and step.time - told >= _ROUND_TRIP:
            sentence = f"flags {segment.flags}: no CWR on new data after ECE"
            yield broken("ecn", sentence, expected="CWR", actual=segment.flags, end=end, step=step.number)
            told, done = None, segment.end
