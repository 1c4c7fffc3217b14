"""How a script ended, as it stands in a report: written, and read back."""

from __future__ import annotations

from typing import Any

from rawshake.render.reading import Node
from rawshake.report import Missed, ScriptResult

Document = dict[str, Any]


def script_document(result: ScriptResult) -> Document:
    """Its name, its ending, what it returned, and the mismatch, null if there was none."""
    missed = result.missed
    return {
        "name": result.name,
        "ending": result.ending,
        "value": result.value,
        "mismatch": None if missed is None else _missed(missed),
    }


def load_script(node: Node) -> ScriptResult:
    """Read that back. Raises BadReport."""
    missed = node["mismatch"]
    return ScriptResult(
        name=node["name"].text(),
        ending=node["ending"].text(),
        value=node["value"].text(),
        missed=None if missed.value is None else _load_missed(missed),
    )


def _missed(missed: Missed) -> Document:
    return {
        "line": missed.line,
        "expected": missed.expected,
        "within_ns": missed.within,
        "sent": missed.sent,
        "came": missed.came,
        "differences": [
            {"field": field, "expected": expected, "actual": actual}
            for field, expected, actual in missed.differences
        ],
        "meanwhile": [{"time_ns": time, "text": text} for time, text in missed.meanwhile],
    }


def _load_missed(node: Node) -> Missed:
    return Missed(
        line=node["line"].number(0),
        expected=node["expected"].text(),
        within=node["within_ns"].number(0),
        sent=node["sent"].text(),
        came=node["came"].text(),
        differences=tuple(
            (one["field"].text(), one["expected"].text(), one["actual"].text())
            for one in node["differences"].items()
        ),
        meanwhile=tuple((one["time_ns"].number(), one["text"].text()) for one in node["meanwhile"].items()),
    )
