"""The catalogue of scenarios: what public TCP test suites try on a stack, merged; a probe cites them by id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Mode(Enum):
    """What a scenario needs of the target."""

    WIRE = "W"  #: a port, open or closed
    APPLICATION = "W+"  #: an ordinary program behind the port
    DIALS = "C"  #: the target dials out to us
    AGENT = "A"  #: calls made in the server's process on command

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: ``theme`` is the chapter of the catalogue, ``title`` one line in our words."""

    id: str
    theme: str
    mode: Mode
    title: str


#: ID MODE TITLE, by theme. W+ is followed by the kind of server: e echo, c closes first, q closes on end of file,
#: s sends bulk, r does not read.
_TEXT: Final = """
## Connection establishment
E01 W SYN to an open port gets SYN,ACK with ack = seq+1 and nothing but SYN and ACK set
E02 W the third ACK brings ESTABLISHED: the SYN,ACK is not sent again and data is acknowledged
E03 W SYN with sequence 0 and with 0xFFFFFFFF: the acknowledgement wraps correctly
E04 W third ACK acknowledging too little or too much in SYN-RECEIVED: RST with seq = SEG.ACK, half-open kept
E05 W the same SYN again in SYN-RECEIVED: the same SYN,ACK again (same ISN)
E06 W a different SYN (or SYN,ACK) inside the window in SYN-RECEIVED: challenge ACK or back to LISTEN
E07 W old duplicate SYN (RFC 793 figure 9): tester resets the wrong SYN,ACK, then a fresh SYN on the same 4-tuple works
E08 W acceptable RST in SYN-RECEIVED: silent return to LISTEN, next SYN is served
E09 W RST outside the window in SYN-RECEIVED is ignored, the handshake can still be finished
E10 W FIN riding on the third ACK is taken (CLOSE-WAIT)
E11 W third ACK lost, data segment arrives in its place: connection opens, data acknowledged
E12 W payload on a SYN to a listener without fast open: only the SYN is acknowledged
E13 W SYN,ACK is retransmitted with growing gaps while the third ACK is withheld, then given up
E14 W three clients on one listener, three listeners: each handshake independent
E15 W SYN+FIN to an open port (accept as SYN, or drop), never half-close at once
E16 W ISN differs and moves forward for a repeated 4-tuple and is not predictable across tuples
E17 W+s SYN advertising window 0, opened by the third ACK: the server may send only after it
E18 A half-open table and accept queue full: SYNs beyond the backlog and late ACKs are dropped, later drained
E19 A SYN cookies in force: only an ACK with the right number opens
E20 C active open sends one bare SYN with sane fields
E21 C SYN-SENT: SYN,ACK is answered by the right ACK
E22 C SYN-SENT: unacceptable acknowledgement number gets RST seq = SEG.ACK, SYN goes on
E23 C SYN-SENT: acceptable bare ACK is dropped in silence
E24 C SYN-SENT: RST without ACK and RST with a bad ACK ignored, RST,ACK with the right number refuses the connection
E25 C SYN-SENT: FIN, data or FIN,ACK are dropped (or RST for a stale FIN,ACK)
E26 C simultaneous open: SYN in SYN-SENT is answered by SYN,ACK and reaches ESTABLISHED
E27 C SYN retransmission: about 1 s first, then doubling; options dropped on late tries
E28 A close() during SYN-SENT sends nothing; the late SYN,ACK is reset
E29 A data queued before the connection opens is sent right after
E30 A ICMP unreachable during SYN-SENT ends the attempt with the right errno

## Teardown
T01 W FIN in ESTABLISHED is acknowledged (seq+1), within 0.5 s
T02 W+q server answers end of file with its own FIN, right seq and ack (CLOSE-WAIT, LAST-ACK)
T03 W+q ACK of that FIN ends it: a later segment gets RST seq = SEG.ACK
T04 W+q unacknowledged FIN is retransmitted with back-off in LAST-ACK and finally given up
T05 W+q ACK in LAST-ACK that does not cover the FIN keeps LAST-ACK
T06 W FIN together with data: both acknowledged
T07 W FIN ahead of missing data takes effect only when the hole is filled
T08 W+s half close by the client: the server may still send all its data in CLOSE-WAIT and its FIN comes last
T09 W+c server closes first: FIN right after its last byte, once
T10 W+c FIN-WAIT-1, ACK, FIN-WAIT-2, FIN: the last FIN is acknowledged
T11 W+c FIN,ACK in one segment in FIN-WAIT-1 is acknowledged (straight to TIME-WAIT)
T12 W+c simultaneous close: FIN that does not acknowledge ours is acknowledged (CLOSING), then TIME-WAIT
T13 W+c FIN in FIN-WAIT carrying an old acknowledgement number is still acknowledged
T14 W+c own FIN retransmitted in FIN-WAIT-1 and CLOSING until acknowledged
T15 W+q second FIN in CLOSE-WAIT, CLOSING, LAST-ACK changes nothing
T16 W+q data after the peer already sent FIN is ignored
T17 W+c data to a server that fully closed (FIN-WAIT, no reader) gets RST
T18 A data to a server that only half closed is acknowledged in FIN-WAIT-1 and -2
T19 A close with unread data sends RST, not FIN (RFC 2525 2.17)
T20 W+q close with everything read sends FIN, not RST
T21 W+c FIN-WAIT-2 with a silent peer times out; a later ACK gets RST (slow)
T22 W+r FIN accepted although the receive window is 0
T23 W+c own FIN blocked by a zero window: probes go on, with back-off, until the window opens
T24 W FIN without a connection: closed port RST,ACK; LISTEN bare FIN dropped, FIN,ACK reset
T25 A SO_LINGER 0 close sends RST; positive linger waits
T26 A listener closed over connections not yet accepted: they get RST
T27 A CLOSE call in SYN-RECEIVED sends FIN
T28 A shutdown(RD), (WR), (RDWR) before close
T29 A SEND, RECEIVE, CLOSE calls return the right error in every state

## Reset generation and processing
R01 W closed port, SYN: RST,ACK with seq 0 and ack = seq+1
R02 W closed port, segment with ACK: bare RST with seq = SEG.ACK
R03 W closed port, FIN, data or SYN+FIN without ACK: RST,ACK acknowledging seq + length (+1 for SYN, +1 for FIN)
R04 W closed port, RST with or without ACK: silence
R05 W LISTEN, RST or SYN+RST: ignored, port still serves
R06 W LISTEN, bare ACK: RST seq = SEG.ACK
R07 W LISTEN, SYN,ACK: RST
R08 W LISTEN, no flags or only FIN: silence
R09 W ESTABLISHED, RST exactly at RCV.NXT: connection gone at once, no answer, later segments reset
R10 W ESTABLISHED, RST elsewhere in the window: challenge ACK, connection lives (RFC 5961 3.2)
R11 W ESTABLISHED, RST outside the window: silence, connection lives
R12 W RST,ACK and RST with a nonsense ack field count like RST
R13 W RST with payload is accepted
R14 W SYN inside the window in ESTABLISHED: challenge ACK (RFC 5961) or RST (RFC 793)
R15 W SYN outside the window in ESTABLISHED: ACK naming what is expected
R16 W half-open recovery (RFC 793 figure 10): a rebooted client SYNs the same 4-tuple and is served in the end
R17 W challenge ACKs are rate limited
R18 W no RST/ACK ping-pong: nothing ever answers an RST
R19 W+s RST in CLOSE-WAIT drops the connection (and queued data)
R20 W+c RST in FIN-WAIT-1, FIN-WAIT-2, CLOSING, at the right number: gone
R21 W+q RST in LAST-ACK at the right number: gone, FIN no longer retransmitted
R22 W+c RST outside the window in the closing states is ignored
R23 W+c SYN in the closing states is challenged, not served
R24 A RST the server sends carries a current timestamp and a right seq
R25 A ABORT call sends RST in each synchronized state
R26 A the application learns of the reset (ECONNRESET)

## TIME-WAIT
Z01 W+c retransmitted FIN is acknowledged again and restarts 2 MSL
Z02 W+c still there before 2 MSL, gone after it (FIN then gets RST): 60 to 120 s
Z03 W+c old data or out-of-window segment is answered by ACK
Z04 W+c exact-sequence pure ACK is taken in silence
Z05 W+c RST at RCV.NXT: removed (RFC 793, Linux default) or ignored (RFC 1337): name which
Z06 W+c RST outside the window ignored in silence
Z07 W+c new SYN with a higher sequence or newer timestamp may reopen (RFC 1122 4.2.2.13, RFC 6191)
Z08 W+c new SYN with a lower sequence gets ACK; after the RST it provokes, the next SYN works
Z09 W+c SYN,ACK and SYN+FIN are not taken for a connection
Z10 W+c the same rules when TIME-WAIT came through CLOSING
Z11 W+c the listener serves new connections meanwhile
Z12 A CLOSE and ABORT calls in TIME-WAIT

## Sequence and acknowledgement validation
S01 W data beyond the window: ACK naming RCV.NXT, data dropped, connection lives
S02 W old data again: ACK, not delivered twice
S03 W ACK beyond SND.NXT: challenge ACK, segment dropped (Linux was silent until 2026)
S04 W+s ACK below SND.UNA - MAX.SND.WND: challenge ACK
S05 W duplicate ACK in range: silence
S06 W segment without the ACK flag: dropped
S07 W+e segment half before RCV.NXT: the new half is taken
S08 W+r segment half beyond the window: taken up to the edge or dropped whole, FIN beyond the edge not counted
S09 W out-of-window segment in SYN-RECEIVED: ACK, not RST
S10 W+c out-of-window segment in FIN-WAIT-1, -2, CLOSING: ACK, state kept
S11 W+c unacceptable ACK number in FIN-WAIT-1, -2, CLOSING: ACK, state kept
S12 W+q out-of-window segment in CLOSE-WAIT and LAST-ACK: ACK, state kept
S13 W PAWS: older timestamp gets ACK and is dropped, newer goes in
S14 W a rejected segment must not update ts_recent
S15 W data crossing sequence 2^32
S16 W segment from another port or address never enters the connection
S17 W keep-alive style segment (RCV.NXT-1, empty or 1 byte) gets ACK
S18 W+c segment with only URG in the closing states: ignored

## Header, checksum, malformed segments
H01 W SYN or data with a wrong checksum: silence
H02 W checksum field 0: silence
H03 W every segment the server sends has a right checksum, offset and reserved bits 0
H04 W data offset below 5 or past the end, truncated header: dropped, no crash
H05 W reserved bits set: ignored, not echoed
H06 W flag mixtures (none, SYN+FIN+URG+PSH, XMAS, SYN with ECE+CWR) are answered as RFC 9293 3.10.7 says
H07 W SYN from a broadcast or multicast source: dropped
H08 W SYN to a multicast or broadcast destination: dropped
H09 W TCP segment split in IP fragments is reassembled

## Options
O01 W SYN,ACK carries a plausible MSS
O02 W+s server never sends more than our MSS
O03 W+s no MSS in our SYN: at most 536 (IPv4) or 1220 (IPv6)
O04 W+s tiny or zero MSS: clamped or ignored, still makes progress
O05 W+s MSS in a later segment is ignored
O06 W+s two MSS options in one SYN
O07 W illegal option length in SYN: no crash (drop, reset or ignore), port still serves
O08 W NOP and end-of-list in SYN accepted
O09 W unknown option in SYN and in data ignored
O10 W malformed option in a data segment: no crash
O11 W window scale, SACK-permitted, timestamps appear in SYN,ACK only if offered
O12 W window scale above 14 is clamped; the window in SYN,ACK is not scaled
O13 W SACK blocks name exactly the held data, newest first
O14 W D-SACK for duplicates
O15 W timestamps: TSecr echoes the right value, TSval never goes back, present on every segment
O16 W segment without the negotiated timestamp: dropped (RFC 7323) or taken: name which
O17 W two SYNs, one with and one without timestamps
O18 W ECN: ECE+CWR SYN is answered by SYN,ACK+ECE, never ECE alone otherwise
O19 W fast open cookie request and use
O20 W unsolicited MD5 option: segment dropped
O21 C active open announces its MSS and option set
O22 C illegal MSS length in SYN,ACK: no crash
O23 C MSS in SYN,ACK obeyed

## Retransmission and congestion
X01 W+e unacknowledged data comes again, same bytes, gaps doubling
X02 W+e first RTO within RFC 6298 bounds
X03 W+e Karn: back-off kept after an ambiguous ACK
X04 W+e RTO plateau (slow)
X05 W+s three duplicate ACKs bring a fast retransmission
X06 W+s window updates and data are not counted as duplicate ACKs
X07 W+s SACK-driven recovery: holes only
X08 W+s tail loss probe, RACK
X09 W+s initial window at most 10, slow start, congestion avoidance
X10 W+s after a timeout the window is one segment
X11 W+s ACK covering retransmitted and newer data at once
X12 W+e retransmission carries the current ack, window and a fresh IP id when changed
X13 W+e gives up after its retry limit; then answers RST
X14 A TCP_USER_TIMEOUT obeyed

## Window, zero window, delayed ACK
W01 W+s server never sends beyond the window we advertise
W02 W+s window above 32767 is read as unsigned
W03 W+s we shrink the window: no send beyond, no crash
W04 W+e zero window: no data, first probe after about an RTO
W05 W+e probe gaps grow
W06 W+e connection stays as long as probes are acknowledged (slow)
W07 W+e window opens: data flows at once
W08 W+r server whose application does not read closes its window to 0 and acknowledges probes with window 0
W09 W+r with its own window 0 it still takes ACK, RST, URG
W10 W right edge of the advertised window never moves back
W11 A window update after the application reads; receiver silly-window avoidance
W12 W delayed ACK under 0.5 s
W13 W an ACK at least every second full segment
W14 W+e ACK rides on data when data is ready
W15 A Nagle and cork
W16 A zero-window probing ends with the user timeout

## Data transfer
D01 W data is acknowledged cumulatively at the right number
D02 W+e echoed bytes equal sent bytes
D03 W hole: immediate duplicate ACK, jump when filled
D04 W+e overlapping segments: every overlap shape keeps the stream consistent
D05 W+e retransmitted segment carrying old and new bytes
D06 W+e PSH on the last segment of a write
D07 W URG pointer set: acknowledged, no crash, stream goes on
D08 A urgent data reaches the application out of band
D09 W flood of 1-byte segments does not wedge the connection
D10 A keep-alive probes sent by the idle server
D11 A reassembled data reaches RECEIVE in ESTABLISHED, FIN-WAIT, CLOSE-WAIT
"""


def _read() -> dict[str, Scenario]:
    found, theme = {}, ""
    for line in _TEXT.splitlines():
        if line.startswith("## "):
            theme = line.removeprefix("## ")
        elif line:
            name, mode, title = line.split(" ", 2)
            found[name] = Scenario(name, theme, Mode("W+" if mode.startswith("W+") else mode), title)
    return found


SCENARIOS: Final = _read()
