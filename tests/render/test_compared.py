"""Stacks side by side: what differs first, notes by what they say, missing probes marked."""

from __future__ import annotations

from rawshake.render.compared import compared
from rawshake.render.options import Options
from rawshake.render.verify_json import Stored, StoredRun
from rawshake.rules.model import Verdict

PASS, FAIL, NOTE = Verdict.PASS, Verdict.FAIL, Verdict.NOTE


def stack(**verdicts: tuple[Verdict, str]) -> StoredRun:
    found = []
    for name, (verdict, note) in verdicts.items():
        grid = name.startswith("CELL")
        found.append(Stored(name, "grid" if grid else "reset", verdict, (note,) if note else ()))
    return StoredRun("host", tuple(found))


LINUX = stack(
    one=(PASS, ""), two=(NOTE, "RFC 793."), three=(NOTE, "RFC 793."), CELL=(PASS, ""), only=(PASS, "")
)
LWIP = stack(one=(PASS, ""), two=(NOTE, "RFC 793."), three=(NOTE, "MAY-2."), CELL=(FAIL, "ack: 1 and 2"))


def lines(verbose: int = 0) -> list[str]:
    return compared(["linux", "lwip"], [LINUX, LWIP], Options(width=60, verbose=verbose)).splitlines()


def test_what_differs_comes_first_and_what_is_the_same_is_counted() -> None:
    assert lines() == [
        f"{'differs':44}linux   lwip",
        f"{'three':44}NOTE    NOTE",
        f"{'CELL':44}PASS    FAIL",
        f"{'only':44}PASS    -",
        "",
        f"{'PASS':44}3       1",
        f"{'FAIL':44}        1",
        f"{'NOTE':44}2       2",
        "",
        "3 probes of 5 differ, 1 of them cells of the grid.",
    ]


def test_with_verbose_what_is_the_same_is_shown() -> None:
    shown = lines(verbose=1)
    assert f"{'the same':44}linux   lwip" in shown
    assert f"{'one':44}PASS    PASS" in shown
    assert f"{'two':44}NOTE    NOTE" in shown


def test_what_failed_otherwise_is_no_difference() -> None:
    """The numbers in it are never the same twice."""
    again = stack(CELL=(FAIL, "ack: 3 and 4"))
    text = compared(["a", "b"], [LWIP, again], Options())
    assert "CELL" not in text
