"""What ``verify`` found as JSON, under the stable names of verify.schema.json, and what of it is read back."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from rawshake.probes.cell import Played
from rawshake.probes.model import Check
from rawshake.probes.result import Attempt, Result
from rawshake.render.json import exchange_document
from rawshake.render.reading import BadReport, Node, parse
from rawshake.render.verified import Run
from rawshake.rules.model import Verdict

SCHEMA: Final = 1
COMMAND: Final = "verify"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """One probe of a stored report: ``notes`` are the sentences of what is more than a PASS; ``answer`` is a cell's."""

    id: str
    chapter: str
    verdict: Verdict
    notes: tuple[str, ...]
    answer: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A stored report: ``target`` as it was called."""

    target: str
    results: tuple[Stored, ...]


def dump(run: Run) -> str:
    """The report as JSON, ASCII only, with a line end; the ladder of what did not pass is in it."""
    document = {
        "schema": SCHEMA,
        "command": COMMAND,
        "target": run.target,
        "seconds": round(run.seconds, 3),
        "jobs": run.jobs,
        "distress": run.distress,
        "interrupted": run.interrupted,
        "totals": {verdict.value: run.counts[verdict] for verdict in Verdict},
        "results": [_result(one) for one in run.results],
    }
    return json.dumps(document, indent=1) + "\n"


def _result(result: Result) -> Document:
    probe = result.probe
    return {
        "id": probe.id,
        "chapter": probe.chapter,
        "scenarios": list(probe.scenarios),
        "citations": [
            {"document": one.document, "section": one.section, "label": one.label} for one in probe.citations
        ],
        "rules": list(probe.rules),
        "level": probe.level.value,
        "summary": probe.summary,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 6),
        "attempts": [
            _attempt(one, drawn=result.verdict is not Verdict.PASS and one is result.deciding)
            for one in result.attempts
        ],
    }


def _attempt(attempt: Attempt, *, drawn: bool) -> Document:
    return {
        "verdict": attempt.verdict.value,
        "began_ns": attempt.began,
        "seconds": round(attempt.seconds, 6),
        "checks": [_check(one) for one in attempt.checks],
        "cell": None if attempt.played is None else _cell(attempt.played),
        "exchanges": [exchange_document(one) for one in attempt.exchanges] if drawn else [],
    }


def _check(check: Check) -> Document:
    return {
        "what": check.what,
        "verdict": check.verdict.value,
        "field": check.field,
        "expected": check.expected,
        "actual": check.actual,
        "sentence": check.sentence,
    }


def _cell(played: Played) -> Document:
    cell, ruling = played.cell, played.ruling
    return {
        "state": cell.state.value,
        "segment": cell.kind.value,
        "seq": None if cell.seq is None else cell.seq.value,
        "ack": None if cell.ack is None else cell.ack.value,
        "sent": {
            "seq": played.arrival.seq.value,
            "ack": played.arrival.ack.value,
            "octets": played.arrival.octets,
        },
        "answer": played.answer,
        "states": sorted(state.value for state in played.proof.states),
        "proof": played.proof.why,
        "choices": [] if ruling.met is None else [choice.name for choice in ruling.met.noted],
        "clause": ruling.nearest.outcome.clause,
    }


def load(text: str) -> StoredRun:
    """Read what ``dump`` wrote. Raises BadReport where the text is no such report."""
    root = parse(text)
    if root["command"].text() != COMMAND:
        raise BadReport(f"The report is of {root['command'].text()!r}, not of 'verify'.")
    version = root["schema"].number()
    if version != SCHEMA:
        raise BadReport(f"The report is of schema {version}; this version reads schema {SCHEMA}.")
    results = tuple(_stored(node) for node in root["results"].items())
    twice = [name for name, times in Counter(one.id for one in results).items() if times > 1]
    if twice:
        raise BadReport(f"The report has two results of {twice[0]!r}.")
    return StoredRun(root["target"].text(), results)


def _stored(node: Node) -> Stored:
    verdict = node["verdict"].choice(Verdict)
    attempts = node["attempts"].items()
    fitting = [one for one in attempts if one["verdict"].choice(Verdict) is verdict] or attempts
    notes: list[str] = []
    answer = ""
    if fitting:
        notes += [
            check["sentence"].text() or check["what"].text()
            for check in fitting[-1]["checks"].items()
            if check["verdict"].choice(Verdict) is not Verdict.PASS
        ]
        cell = fitting[-1]["cell"]
        answer = "" if cell.value is None else cell["answer"].text()
    reason = node["reason"].text()
    told = tuple(dict.fromkeys([*notes, *([reason] if reason else [])]))
    return Stored(node["id"].text(), node["chapter"].text(), verdict, told, answer, node["summary"].text())
