"""Reads a rule's page: its summary, its paragraphs, and the transcripts that fire or stay quiet."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from rawshake.rules.model import Rule

_HEADING = re.compile(r"(Fires|Quiet)(?: \(([^()]+)\))?:")


@dataclass(frozen=True, slots=True)
class Transcript:
    """An exchange in the project's notation. ``title`` says what is particular about it, or is empty.

    A title that begins "at the client" says who saw it: rawshake as the client, of which nothing is missed. All
    others were seen by a tap, which may have missed anything. "also RULE" in a title names another rule that
    the same fault breaks, at the other end.
    """

    fires: bool
    title: str
    text: str

    @property
    def at_client(self) -> bool:
        return self.title.startswith("at the client")

    @property
    def also(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\balso ([a-z0-9-]+)", self.title))

    @property
    def connections(self) -> tuple[tuple[int, str], ...]:
        """What a rule of scope capture is shown: of each connection the client's port and its segments.

        An empty line stands between two of them, and a line "# port 40001" may stand at the head of one.
        """
        found = []
        for block in re.split(r"\n\s*\n", self.text):
            port = re.match(r"\s*# port (\d+)\n", block)
            found.append((int(port[1]) if port else 40000, block))
        return tuple(found)

    @property
    def heading(self) -> str:
        word = "Fires" if self.fires else "Quiet"
        return f"{word} ({self.title})" if self.title else word


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's docstring, taken apart. ``prose`` holds paragraphs, each on one line."""

    summary: str
    prose: tuple[str, ...]
    transcripts: tuple[Transcript, ...]


def read(rule: Rule) -> Page:
    """The page of ``rule``. Raises ValueError where it is not written as pages are."""
    lines = rule.page.splitlines()
    starts = [at for at, line in enumerate(lines) if _HEADING.fullmatch(line)]
    head = lines[: starts[0]] if starts else lines
    summary, *prose = _paragraphs(head) or [""]
    if not summary or not prose:
        raise ValueError(f"the page of {rule.id} needs a summary and a paragraph")
    ends = [*starts[1:], len(lines)]
    transcripts = [_transcript(rule, lines[start:end]) for start, end in zip(starts, ends, strict=False)]
    return Page(summary, tuple(prose), tuple(transcripts))


def _paragraphs(lines: list[str]) -> list[str]:
    blocks = "\n".join(lines).strip().split("\n\n")
    return [" ".join(block.split()) for block in blocks if block.strip()]


def _transcript(rule: Rule, lines: list[str]) -> Transcript:
    heading = _HEADING.fullmatch(lines[0])
    text = textwrap.dedent("\n".join(lines[1:])).strip("\n")
    # Prose after the first transcript would be taken for a segment, or be lost.
    if heading is None or not text or any(line and not line.startswith(" ") for line in lines[1:]):
        raise ValueError(f"the page of {rule.id} has something else than segments under {lines[0]!r}")
    return Transcript(heading[1] == "Fires", heading[2] or "", text)
