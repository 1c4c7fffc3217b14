"""A sample of the grid written from RFC 9293 3.10.7 by hand: cell, answer, state afterwards.

Answers: ``silence``. ``ACK`` is <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, ``ACK+1`` the same with RCV.NXT one more.
``RST=ACK`` is <SEQ=SEG.ACK><CTL=RST>; ``RST,ACK`` is <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; ``SYN,ACK``
is <SEQ=ISS><ACK=SEG.SEQ+1><CTL=SYN,ACK>; ``opens`` is <SEQ=SND.NXT><ACK=SEG.SEQ+1><CTL=ACK>.
"""

from __future__ import annotations

from typing import Final

from rawshake.probes.grid.cells import Cell, parse
from rawshake.tcp.state import State

#: 3.10.7.1 to 3.10.7.3, whole: each live cell of the three states without a window.
WINDOWLESS: Final = """
    CLOSED/SYN                 RST,ACK   CLOSED
    CLOSED/SYN+ACK             RST=ACK   CLOSED
    CLOSED/ACK                 RST=ACK   CLOSED
    CLOSED/FIN                 RST,ACK   CLOSED
    CLOSED/FIN+ACK             RST=ACK   CLOSED
    CLOSED/RST                 silence   CLOSED
    CLOSED/RST+ACK             silence   CLOSED
    CLOSED/SYN+FIN             RST,ACK   CLOSED
    CLOSED/data                RST=ACK   CLOSED
    CLOSED/no-flags            RST,ACK   CLOSED

    LISTEN/SYN                 SYN,ACK   SYN-RECEIVED
    LISTEN/SYN+ACK             RST=ACK   LISTEN
    LISTEN/ACK                 RST=ACK   LISTEN
    LISTEN/FIN                 silence   LISTEN
    LISTEN/FIN+ACK             RST=ACK   LISTEN
    LISTEN/RST                 silence   LISTEN
    LISTEN/RST+ACK             silence   LISTEN
    LISTEN/SYN+FIN             SYN,ACK   SYN-RECEIVED
    LISTEN/data                RST=ACK   LISTEN
    LISTEN/no-flags            silence   LISTEN

    SYN-SENT/SYN               SYN,ACK   SYN-RECEIVED
    SYN-SENT/SYN+ACK/below     RST=ACK   SYN-SENT
    SYN-SENT/SYN+ACK/in-range  opens     ESTABLISHED
    SYN-SENT/SYN+ACK/above     RST=ACK   SYN-SENT
    SYN-SENT/ACK/below         RST=ACK   SYN-SENT
    SYN-SENT/ACK/in-range      silence   SYN-SENT
    SYN-SENT/ACK/above         RST=ACK   SYN-SENT
    SYN-SENT/FIN               silence   SYN-SENT
    SYN-SENT/FIN+ACK/below     RST=ACK   SYN-SENT
    SYN-SENT/FIN+ACK/in-range  silence   SYN-SENT
    SYN-SENT/FIN+ACK/above     RST=ACK   SYN-SENT
    SYN-SENT/RST               silence   SYN-SENT
    SYN-SENT/RST+ACK/below     silence   SYN-SENT
    SYN-SENT/RST+ACK/in-range  silence   CLOSED
    SYN-SENT/RST+ACK/above     silence   SYN-SENT
    SYN-SENT/SYN+FIN           SYN,ACK   SYN-RECEIVED
    SYN-SENT/data/below        RST=ACK   SYN-SENT
    SYN-SENT/data/in-range     silence   SYN-SENT
    SYN-SENT/data/above        RST=ACK   SYN-SENT
    SYN-SENT/no-flags          silence   SYN-SENT
"""

#: 3.10.7.4, a sample: what differs from state to state, and the order of the checks.
OTHERWISE: Final = """
    SYN-RECEIVED/ACK/at/in-range         silence   ESTABLISHED
    SYN-RECEIVED/data/at/in-range        ACK+1     ESTABLISHED
    SYN-RECEIVED/FIN+ACK/at/in-range     ACK+1     CLOSE-WAIT
    SYN-RECEIVED/ACK/at/above            RST=ACK   SYN-RECEIVED
    SYN-RECEIVED/ACK/at/below            RST=ACK   SYN-RECEIVED
    SYN-RECEIVED/data/at/above           RST=ACK   SYN-RECEIVED
    SYN-RECEIVED/ACK/right/in-range      ACK       SYN-RECEIVED
    SYN-RECEIVED/ACK/left/above          ACK       SYN-RECEIVED
    SYN-RECEIVED/RST/at                  silence   LISTEN
    SYN-RECEIVED/RST+ACK/at/above        silence   LISTEN
    SYN-RECEIVED/RST/inside              ACK       SYN-RECEIVED
    SYN-RECEIVED/RST/left                silence   SYN-RECEIVED
    SYN-RECEIVED/SYN/inside              silence   LISTEN
    SYN-RECEIVED/SYN/left                ACK       SYN-RECEIVED
    SYN-RECEIVED/FIN/at                  silence   SYN-RECEIVED
    SYN-RECEIVED/no-flags/at             silence   SYN-RECEIVED

    ESTABLISHED/ACK/at/in-range          silence   ESTABLISHED
    ESTABLISHED/data/at/in-range         ACK+1     ESTABLISHED
    ESTABLISHED/FIN+ACK/at/in-range      ACK+1     CLOSE-WAIT
    ESTABLISHED/FIN+ACK/inside/in-range  ACK       ESTABLISHED
    ESTABLISHED/data/last/in-range       ACK       ESTABLISHED
    ESTABLISHED/data/right/in-range      ACK       ESTABLISHED
    ESTABLISHED/data/left/in-range       ACK       ESTABLISHED
    ESTABLISHED/data/at/above            ACK       ESTABLISHED
    ESTABLISHED/data/at/below            ACK+1     ESTABLISHED
    ESTABLISHED/FIN/at                   silence   ESTABLISHED
    ESTABLISHED/FIN/right                ACK       ESTABLISHED
    ESTABLISHED/no-flags/at              silence   ESTABLISHED
    ESTABLISHED/no-flags/left            ACK       ESTABLISHED
    ESTABLISHED/RST/at                   silence   CLOSED
    ESTABLISHED/RST+ACK/at/above         silence   CLOSED
    ESTABLISHED/RST/inside               ACK       ESTABLISHED
    ESTABLISHED/RST/last                 ACK       ESTABLISHED
    ESTABLISHED/RST/right                silence   ESTABLISHED
    ESTABLISHED/SYN/at                   ACK       ESTABLISHED
    ESTABLISHED/SYN/left                 ACK       ESTABLISHED
    ESTABLISHED/SYN+ACK/at/above         ACK       ESTABLISHED
    ESTABLISHED/SYN+FIN/at               ACK       ESTABLISHED

    FIN-WAIT-1/ACK/at/in-range           silence   FIN-WAIT-2
    FIN-WAIT-1/ACK/at/below              silence   FIN-WAIT-1
    FIN-WAIT-1/FIN+ACK/at/in-range       ACK+1     TIME-WAIT
    FIN-WAIT-1/FIN+ACK/at/below          ACK+1     CLOSING
    FIN-WAIT-1/FIN+ACK/at/above          ACK       FIN-WAIT-1
    FIN-WAIT-1/data/at/in-range          ACK+1     FIN-WAIT-2
    FIN-WAIT-1/RST/at                    silence   CLOSED
    FIN-WAIT-2/FIN+ACK/at/in-range       ACK+1     TIME-WAIT
    FIN-WAIT-2/FIN/at                    silence   FIN-WAIT-2
    FIN-WAIT-2/data/at/in-range          ACK+1     FIN-WAIT-2
    FIN-WAIT-2/SYN/at                    ACK       FIN-WAIT-2
    CLOSE-WAIT/data/at/in-range          silence   CLOSE-WAIT
    CLOSE-WAIT/ACK/at/in-range           silence   CLOSE-WAIT
    CLOSE-WAIT/FIN+ACK/left/in-range     ACK       CLOSE-WAIT
    CLOSE-WAIT/ACK/at/above              ACK       CLOSE-WAIT
    CLOSING/ACK/at/in-range              silence   TIME-WAIT
    CLOSING/ACK/at/below                 silence   CLOSING
    CLOSING/FIN+ACK/left/in-range        ACK       CLOSING
    CLOSING/ACK/at/above                 ACK       CLOSING
    CLOSING/RST/at                       silence   CLOSED
    LAST-ACK/ACK/at/in-range             silence   CLOSED
    LAST-ACK/ACK/at/below                silence   LAST-ACK
    LAST-ACK/data/at/in-range            silence   CLOSED
    LAST-ACK/SYN/at                      ACK       LAST-ACK
    TIME-WAIT/FIN+ACK/left/in-range      ACK       TIME-WAIT
    TIME-WAIT/ACK/at/in-range            silence   TIME-WAIT
    TIME-WAIT/data/right/in-range        ACK       TIME-WAIT
    TIME-WAIT/RST/at                     silence   CLOSED
    TIME-WAIT/RST/inside                 ACK       TIME-WAIT
    TIME-WAIT/SYN/left                   ACK       TIME-WAIT
    TIME-WAIT/SYN/at                     ACK       TIME-WAIT
"""


def rows() -> list[tuple[Cell, str, State]]:
    """Both tables."""
    lines = [line.split() for line in f"{WINDOWLESS}{OTHERWISE}".splitlines() if line.strip()]
    return [(parse(name), answer, State(after)) for name, answer, after in lines]
