"""Many exchanges on 80 columns and as JSON: what was counted stands there, whatever the alphabet."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rawshake.many.tally import Ran
from rawshake.profile import SECOND
from rawshake.render.many import DRAWN, draw, verdict_line
from rawshake.render.many_json import dump
from rawshake.render.options import Options
from rawshake.render.text import columns
from tests.many.world import (
    Server,
    World,
    acks_wrong,
    closes,
    closes_later,
    half_deaf,
    one_of,
    ran,
    refuses,
    resets,
    says_hello,
    silent,
    widens_window,
)

SCHEMA: dict[str, Any] = json.loads((files("rawshake.render") / "many.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
MIXTURES: dict[str, list[Server]] = {
    "usual": [closes],
    "two kinds": [closes, closes, closes_later],
    "all refused": [refuses],
    "broken": [widens_window],
    "anything": [
        closes,
        closes_later,
        refuses,
        resets,
        says_hello,
        acks_wrong,
        widens_window,
        silent,
        half_deaf,
    ],
}


def of(*servers: Server, count: int = 40, lost: int = 0) -> Ran:
    world = World(one_of(servers))
    run = ran(world, count, timeout=2 * SECOND)
    return Ran(
        command="teardown 192.0.2.2 80 --count 40",
        client=world.source,
        server=(world.target, world.dport),
        wanted=count,
        jobs=4,
        took=run.until - run.since,
        tally=run.tally,
        lost=lost,
    )


@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["utf-8", "ascii"])
@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("small", [False, True], ids=["ladder", "compact"])
def test_it_fits_80_columns(mixture: str, ascii_only: bool, verbose: int, small: bool) -> None:
    text = draw(of(*MIXTURES[mixture]), Options(ascii=ascii_only, verbose=verbose), small=small)
    assert text.isascii() or not ascii_only
    lines = [line for line in text.splitlines() if not line.startswith(("0.", "1.", "2.", "#"))]  # any width
    assert max(map(columns, lines[:-1])) <= 80
    assert text.endswith("\n")


def test_the_usual() -> None:
    text = draw(of(closes), Options())
    first, *_ = text.splitlines()
    assert first.startswith("40 exchanges with 192.0.2.2:80, 4 at a time, in ")
    assert "  40  closed: > S, < S., > ., > F., < F., > .\n" in text
    assert "\nhandshake    10" in text  # 100 µs and what looking at the clock takes
    assert "\nteardown " in text
    assert text.splitlines()[-1].startswith("40 exchanges: 40 closed; ")
    assert text.splitlines()[-1].endswith(" rules held, 0 broken")


def test_a_kind_that_is_not_the_usual_one_is_drawn() -> None:
    text = draw(of(closes, closes, closes_later), Options())
    assert "\nExchange " in text
    assert text.count("a, b: initial sequence numbers") == 1  # one ladder: of the unusual


def test_more_kinds_than_are_drawn_are_counted() -> None:
    seen = of(*MIXTURES["anything"])
    unusual = len(seen.tally.kinds)  # the usual one too, if something is wrong
    assert unusual > DRAWN
    assert f"\n{unusual - DRAWN} more kind" in draw(seen, Options())


def test_a_finding_is_told_once_with_its_count() -> None:
    text = draw(of(widens_window), Options())
    said = "FAIL mss-option-only-on-syn (RFC 9293 3.2 MUST-65), broken by the server 40\n  times, first in exchange 1:"
    assert text.count(said) == 1


def test_loss_is_told() -> None:
    assert "The capture lost 3 packets" in draw(of(closes, lost=3), Options())
    assert "lost" not in draw(of(closes), Options())


def test_colour_only_where_wanted() -> None:
    seen = of(widens_window)
    assert "\x1b[" in verdict_line(seen, Options(colour=True))
    assert "\x1b[" not in draw(seen, Options())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_the_schema_holds(mixture: str) -> None:
    seen = of(*MIXTURES[mixture])
    document = json.loads(dump(seen, ["a-rule"]))
    VALIDATOR.validate(document)
    assert sum(kind["count"] for kind in document["kinds"]) == document["count"] == 40
    assert sum(document["outcomes"].values()) == 40
    assert len(document["exchanges"]) == len(document["kinds"])
    for name in ("handshake", "teardown"):
        rows = document[name]["histogram"]
        assert sum(row["count"] for row in rows) == document[name]["count"]


def test_an_exchange_is_as_in_every_report() -> None:
    schema = json.loads((files("rawshake.render") / "report.schema.json").read_text("utf-8"))
    (exchange,) = json.loads(dump(of(closes), []))["exchanges"]
    whole = {"schema": 1, "command": "", "rules": [], "exchanges": [exchange]}
    Draft202012Validator(schema).validate(whole)
