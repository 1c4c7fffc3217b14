"""What a page tells of one result of ``verify``: its words, and by itself all of it, with the ladders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rawshake.html.ladder import draw, isns_text
from rawshake.html.shell import fragment
from rawshake.probes.cell import Played
from rawshake.probes.grid.answers import Expectation
from rawshake.probes.gridprobes import CHAPTER
from rawshake.probes.model import Holds, Probe
from rawshake.probes.result import Result
from rawshake.probes.scenarios import SCENARIOS
from rawshake.render.findings import cite_text
from rawshake.render.options import Options
from rawshake.render.page import LEVELS
from rawshake.render.probe_pages import MODES, option_of
from rawshake.render.text import duration
from rawshake.render.verified import said
from rawshake.report import Exchange
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End

_SECOND: Final = 1_000_000_000
_OPTIONS: Final = Options(ours=End.CLIENT)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which a clause lets a segment be answered: ``choices`` are what that takes, none for the letter."""

    reply: str
    state: str
    clause: str
    choices: tuple[str, ...]


def sentences(result: Result) -> tuple[str, ...]:
    """What is to be told of it, each sentence once."""
    told = [text for check in result.telling for text in said(check)]
    return tuple(dict.fromkeys([*told, *([result.reason] if result.reason else [])]))


def clauses(probe: Probe) -> str:
    """All that it cites, each document named once."""
    return cite_text(probe.cite)


def took(result: Result) -> str:
    """How long its attempts took together."""
    return duration(round(result.seconds * _SECOND))


def detail(result: Result, again: str) -> str:
    """All that is known of it, as a part of a page; ``again`` is the command that runs it again."""
    probe, found = result.probe, result.deciding
    paragraphs = [" ".join(part.split()) for part in probe.page.split("\n\n")]
    played = None if found is None else found.played
    return fragment(
        "probe.html",
        result=result,
        probe=probe,
        prose=[] if probe.chapter == CHAPTER else paragraphs[1:],
        facts=list(_facts(result)),
        checks=() if found is None or played is not None else found.checks,
        told=sentences(result),
        played=played,
        readings=[] if played is None else list(map(_reading, played.expected)),
        met=None if played is None or played.ruling.met is None else _reading(played.ruling.met),
        states="" if played is None else _states(played),
        again=again,
        ladders=() if found is None else list(map(_drawn, found.exchanges)),
        good=Verdict.PASS,
    )


def _drawn(exchange: Exchange) -> tuple[str, str]:
    """The ladder, and what its letters mean. No rule judges what a probe does on purpose."""
    return draw(exchange, _OPTIONS, passes=False, foot=False), isns_text(exchange)


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    probe = result.probe
    yield "Clause", clauses(probe)
    yield "Level", LEVELS[probe.level]
    for name in probe.scenarios:
        yield "Scenario", f"{name}: {SCENARIOS[name].title}"
    if probe.rules:
        yield "Tests", ", ".join(probe.rules)
    yield "Needs", f"{MODES[probe.mode]}: {', '.join(map(option_of, probe.servers))}"
    if probe.holds is not Holds.NOTHING:
        yield "Holds", f"{probe.holds} at the target"
    if len(result.attempts) > 1:
        yield "Failed", f"{result.failed} of {len(result.attempts)} times"
    if result.attempts:
        yield "Took", took(result)


def _reading(one: Expectation) -> Reading:
    outcome = one.outcome
    reply = "silence" if outcome.reply is None else str(outcome.reply)
    return Reading(reply, outcome.state.value, outcome.clause, tuple(map(str, one.noted)))


def _states(played: Played) -> str:
    return " or ".join(sorted(state.value for state in played.proof.states)) or "not proven"
