"""Drawings kept as files: compared by tests, and written anew by ``python -m tests.render.golden``.

Whoever draws better reads every difference of the files before it is committed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from rawshake.api.languages import load
from rawshake.plain.language import ENGLISH
from rawshake.render.compact import compact
from rawshake.render.findings import verdict_line
from rawshake.render.ladder import draw
from rawshake.render.options import Options
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.render.exchanges import FAULTY, LOSSES, SIX, WHOLE, exchange, ruling

#: A sequence that sets a colour; drawings hold no other escape.
STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")

FOLDER: Final = Path(__file__).parent / "golden"

HELD: Final = ruling(
    "synack-ack-is-isn-plus-1", Verdict.PASS, "ack 2915269998 = ISN 2915269997 + 1: it has the SYN"
)
OFFERED: Final = ruling(
    "option-offered-before-used",
    Verdict.PASS,
    "the server uses only what the client offered: mss, sackOK, TS, wscale",
    cite="RFC 7323 2.2; RFC 2018 2",
    field="options",
)
BROKEN: Final = ruling(
    "synack-ack-is-isn-plus-1",
    Verdict.FAIL,
    "ack 2915269997 is the ISN itself; to acknowledge the SYN it must be ISN 2915269997 + 1 = 2915269998",
)
FOLLOWS: Final = ruling(
    "fin-is-acknowledged",
    Verdict.PASS,
    "ack 2915270017 = FIN 2915270016 + 1",
    cite="RFC 9293 3.6",
)

WHOLE_JUDGED: Final = exchange(WHOLE, {2: [HELD, OFFERED], 9: [FOLLOWS]})


def everything() -> Exchange:
    """Every kind of entry and of ruling: a third ACK that is wrong on purpose, an ICMP error, a rude server."""
    text = """
        > S 0:0(0) win 64240 <mss 1460>
        +0.000042 < S. 0:0(0) ack 1 win 65160 <mss 1460> [checksum unverifiable]
        +0.000020 > . 1:1(0) ack 100001 win 64240
        +0.000051 < R =1:1(0) win 0
        +0.000008 < P. 1:9(8) ack 1 win 65160 hex 00ff1b5b326a0d0a
    """
    said = {
        2: [HELD, OFFERED._replace(verdict=Verdict.INCONCLUSIVE, sentence="the SYN was not seen")],
        3: [
            BROKEN._replace(
                rule="ack-of-what-was-sent",
                end=End.CLIENT,
                ours=True,
                cite="RFC 9293 3.10.7.4",
                sentence="ack 4105923912 is beyond SND.NXT 4105823912: nothing of that was ever sent",
            )
        ],
        4: [
            BROKEN._replace(
                rule="reset-seq",
                field="seq",
                cite="RFC 9293 3.10.7.4; RFC 5961 3.2",
                sentence="seq 1 is neither SEG.ACK 4105923912 nor in the window \u202eevil\x1b[2J",
            ),
            BROKEN._replace(
                rule="reset-ack",
                verdict=Verdict.NOTE,
                field="flags",
                sentence="no ACK on a reset, as older stacks have it",
            ),
        ],
        5: [
            BROKEN._replace(rule="after-reset", consequence=True, sentence="data after its own reset"),
            BROKEN._replace(
                rule="psh",
                verdict=Verdict.WARN,
                field="flags",
                cite="RFC 9293 3.9.1 SHLD-28",
                sentence="PSH is missing on the last segment",
            ),
        ],
    }
    closing = (
        BROKEN._replace(
            step=2,
            rule="isn-clock",
            field="seq",
            cite="RFC 6528 3",
            sentence="two ISNs 7 apart",
        ),
        HELD._replace(step=5, rule="syn-retransmitted", sentence="no SYN had to be sent again"),
        HELD._replace(verdict=Verdict.INCONCLUSIVE, step=5, rule="mss", sentence="no full segment was seen"),
    )
    made = exchange(text, said, outcome=Outcome.RESET, closing=closing)
    tracker = Tracker(made.client, made.server)
    entries: list[Judged | Remark] = []
    for entry in made.entries:
        assert isinstance(entry, Judged)
        step, segment = entry.step, entry.step.segment
        meant = replace(segment, ack=Seq(4105823912)) if step.number == 3 else None
        note = "" if meant is None else "wrong on purpose"
        fate = Fate.PASSED if step.ours else Fate.DELIVERED
        step = tracker.apply(segment, step.time, fate=fate, ours=step.ours, meant=meant, note=note)
        entries.append(Judged(step, entry.rulings))
    icmp = "ICMP from 192.0.2.254: host administratively prohibited \u202e\x1b[31m"
    entries.insert(3, Remark(made.steps[2].time + 7_000, icmp))
    return replace(made, entries=tuple(entries), detail="after \x07 1 s")


def quiet(an_exchange: Exchange, options: Options) -> str:
    return f"{verdict_line(an_exchange, options)}\n"


EVERYTHING: Final = everything()
KOREAN: Final = load("ko")
OURS: Final = Options(ours=End.CLIENT, server_name="example.org")
LOST: Final = exchange(LOSSES, client=SIX[0], server=SIX[1], outcome=Outcome.HELD)
REFUSED: Final = exchange(FAULTY, {2: [BROKEN, OFFERED]}, outcome=Outcome.REFUSED)

DRAWINGS: Final[dict[str, tuple[Callable[[Exchange, Options], str], Exchange, Options]]] = {
    "whole-60": (draw, WHOLE_JUDGED, replace(OURS, width=60, verbose=1)),
    "whole-80": (draw, WHOLE_JUDGED, OURS),
    "whole-80-verbose": (draw, WHOLE_JUDGED, replace(OURS, verbose=1)),
    "whole-132": (draw, WHOLE_JUDGED, replace(OURS, width=132, verbose=1)),
    "whole-ascii": (draw, WHOLE_JUDGED, replace(OURS, ascii=True, verbose=1)),
    "whole-colour": (draw, WHOLE_JUDGED, replace(OURS, colour=True)),
    "faulty-80": (draw, REFUSED, OURS),
    "losses-six-80": (draw, LOST, Options()),
    "everything-60": (draw, EVERYTHING, replace(OURS, width=60)),
    "everything-80": (draw, EVERYTHING, OURS),
    "everything-132-verbose": (draw, EVERYTHING, replace(OURS, width=132, verbose=1)),
    "everything-ascii-verbose": (draw, EVERYTHING, replace(OURS, ascii=True, verbose=1)),
    "everything-colour": (draw, EVERYTHING, replace(OURS, colour=True)),
    "explained-80": (draw, WHOLE_JUDGED, replace(OURS, words=ENGLISH)),
    "explained-80-korean": (draw, WHOLE_JUDGED, replace(OURS, words=KOREAN)),
    "explained-60-ascii": (draw, REFUSED, replace(OURS, width=60, ascii=True, words=ENGLISH)),
    "explained-everything-korean": (draw, EVERYTHING, replace(OURS, words=KOREAN)),
    "compact-whole": (compact, WHOLE_JUDGED, OURS),
    "compact-explained": (compact, WHOLE_JUDGED, replace(OURS, words=ENGLISH)),
    "compact-losses": (compact, LOST, Options()),
    "compact-everything": (compact, EVERYTHING, OURS),
    "compact-everything-ascii-verbose": (compact, EVERYTHING, replace(OURS, ascii=True, verbose=1)),
    "compact-everything-colour": (compact, EVERYTHING, replace(OURS, colour=True)),
    "quiet-whole": (quiet, WHOLE_JUDGED, OURS),
    "quiet-whole-colour": (quiet, WHOLE_JUDGED, replace(OURS, colour=True)),
    "quiet-everything-ascii": (quiet, EVERYTHING, replace(OURS, ascii=True)),
}


def drawn(name: str) -> str:
    """The drawing of that name as it is made now."""
    drawing, an_exchange, options = DRAWINGS[name]
    return drawing(an_exchange, options)


def stored(name: str) -> str:
    """The drawing of that name as it was found good."""
    return (FOLDER / f"{name}.txt").read_bytes().decode()


if __name__ == "__main__":
    for one in DRAWINGS:
        (FOLDER / f"{one}.txt").write_bytes(drawn(one).encode())
