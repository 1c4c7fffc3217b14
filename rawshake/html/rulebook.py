"""The rules' pages as parts of a page of HTML: clauses, why it matters, and the examples played and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.html.ladder import draw
from rawshake.render.options import Options
from rawshake.render.page import LEVELS, SCOPES, play
from rawshake.rules import book
from rawshake.rules.model import Citation, Rule
from rawshake.rules.page import Transcript, read
from rawshake.tcp.view import End

_RFC: Final = "https://www.rfc-editor.org/rfc/rfc{}#section-{}"


@dataclass(frozen=True, slots=True)
class Example:
    """A transcript of a page, drawn: whether the rule fires on it, and what is particular about it."""

    fires: bool
    title: str
    ladders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A rule as ``rulebook.html`` shows it, under the id ``rule-`` and its name."""

    rule: Rule
    summary: str
    level: str
    scope: str
    #: each clause as text, and where it can be read
    clauses: tuple[tuple[str, str], ...]
    prose: tuple[str, ...]
    examples: tuple[Example, ...]


def sections(rules: Iterable[str]) -> tuple[Section, ...]:
    """The pages of the rules so named, each once, in the order of the book; those that nobody knows have none."""
    known = {rule.id for rule in book()}
    wanted = known & set(rules)
    return tuple(_section(rule) for rule in book() if rule.id in wanted)


def names(rules: Iterable[str]) -> tuple[tuple[str, tuple[Rule, ...]], ...]:
    """The rules of these names by chapter, for a list of what was in force."""
    wanted = set(rules)
    found: dict[str, list[Rule]] = {}
    for rule in book():
        if rule.id in wanted:
            found.setdefault(rule.chapter, []).append(rule)
    return tuple((chapter, tuple(of_it)) for chapter, of_it in found.items())


def _section(rule: Rule) -> Section:
    page = read(rule)
    return Section(
        rule,
        page.summary,
        LEVELS[rule.level],
        SCOPES[rule.scope],
        tuple((str(clause), _link(clause)) for clause in rule.citations),
        page.prose,
        tuple(_example(rule, one) for one in _first_of_each(page.transcripts)),
    )


def _link(clause: Citation) -> str:
    return _RFC.format(clause.document.removeprefix("RFC "), clause.section)


def _first_of_each(transcripts: Sequence[Transcript]) -> list[Transcript]:
    firsts = (next((one for one in transcripts if one.fires is fires), None) for fires in (True, False))
    return [one for one in firsts if one is not None]


def _example(rule: Rule, transcript: Transcript) -> Example:
    options = Options(ours=End.CLIENT if transcript.at_client else None)
    word = "broken" if transcript.fires else "kept"
    title = f"{rule.id} {word}{f': {transcript.title}' if transcript.title else ''}"
    ladders = tuple(draw(exchange, options, title=title, foot=False) for exchange in play(rule, transcript))
    return Example(transcript.fires, transcript.title, ladders)
