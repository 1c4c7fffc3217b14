"""What many exchanges came to as JSON, under the stable names of many.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from rawshake.render.json import dump as dump_report
from rawshake.report import Report

if TYPE_CHECKING:  # numpy comes with them
    from rawshake.many.tally import OfFinding, OfKind, Ran
    from rawshake.many.times import Times

SCHEMA: Final = 1
#: Most rows of a histogram.
ROWS: Final = 40

Document = dict[str, Any]


def dump(ran: Ran, rules: Iterable[str]) -> str:
    """The run as JSON, ASCII only, with a line end; ``rules`` are the ids of those in force."""
    tally = ran.tally
    kinds = sorted(tally.kinds.values(), key=lambda one: one.first)
    rules = tuple(rules)
    firsts = Report(ran.command, tuple(one.result.exchange for one in kinds), rules)
    document: Document = {
        "schema": SCHEMA,
        "command": ran.command,
        "rules": list(rules),
        "client": ran.client,
        "server": {"address": ran.server[0], "port": ran.server[1]},
        "wanted": ran.wanted,
        "count": tally.count,
        "jobs": ran.jobs,
        "took_ns": ran.took,
        "lost": ran.lost,
        "broken": tally.broken,
        "outcomes": {outcome.value: count for outcome, count in tally.outcomes.items()},
        "handshake": _times(tally.handshake),
        "teardown": _times(tally.teardown),
        "kinds": [_kind(one) for one in kinds],
        "other_kinds": {outcome.value: count for outcome, count in tally.untold.items()},
        "findings": [_finding(one) for one in sorted(tally.findings.values(), key=lambda one: one.first)],
        "held": sorted(tally.held),
        "exchanges": json.loads(dump_report(firsts))["exchanges"],
    }
    return json.dumps(document, indent=1) + "\n"


def _times(times: Times) -> Document:
    shares = {name: times.percentile(share) for name, share in _SHARES.items()} if times.count else {}
    return {
        "count": times.count,
        "least_ns": times.least if times.count else None,
        "most_ns": times.most if times.count else None,
        "percentiles_ns": shares,
        "histogram": [
            {"from_ns": begin, "to_ns": end, "count": count} for begin, end, count in times.histogram(ROWS)
        ],
    }


_SHARES: Final = {"50": 0.5, "90": 0.9, "99": 0.99, "99.9": 0.999}


def _kind(one: OfKind) -> Document:
    return {
        "outcome": one.kind.outcome.value,
        "segments": list(one.kind.segments),
        "broken": list(one.kind.broken),
        "count": one.count,
        "first": one.first,
    }


def _finding(one: OfFinding) -> Document:
    ruling = one.ruling
    return {
        "rule": ruling.rule,
        "cite": ruling.cite,
        "verdict": str(ruling.verdict),
        "end": str(ruling.end),
        "field": ruling.field,
        "ours": ruling.ours,
        "count": one.count,
        "first": one.first,
        "sentence": ruling.sentence,
        "expected": ruling.expected,
        "actual": ruling.actual,
    }
