"""What ``check`` found as JSON, connection by connection, under the stable names of check.schema.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rawshake.connection import Connection, Ended, EndFacts, Facts, Found, Opened, Retransmissions
from rawshake.judge import Ruling
from rawshake.render.reading import BadReport, Node
from rawshake.render.summary import Summary
from rawshake.rules.model import Verdict
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End

SCHEMA: Final = 1
COMMAND: Final = "check"

Document = dict[str, Any]
_SEQ_MAX: Final = 0xFFFFFFFF


class Writer:
    """Writes a report piece by piece, ASCII only; all pieces together are one JSON document.

    ``head``, then for each capture ``begin``, its connections and ``end``, then ``foot``.
    """

    def __init__(self) -> None:
        self._captures = 0
        self._connections = 0

    def head(self, rules: Iterable[str]) -> str:
        """What the report is; ``rules`` are the ids of those in force."""
        told = {"schema": SCHEMA, "command": COMMAND, "rules": list(rules)}
        return json.dumps(told)[:-1] + ', "captures": ['

    def begin(self, file: str) -> str:
        """A capture begins."""
        comma = "," if self._captures else ""
        self._captures += 1
        self._connections = 0
        return f'{comma}\n{{"file": {json.dumps(file)}, "connections": ['

    def connection(self, connection: Connection) -> str:
        """One connection, on a line of its own."""
        comma = "," if self._connections else ""
        self._connections += 1
        return f"{comma}\n{json.dumps(_connection(connection))}"

    def end(self, summary: Summary) -> str:
        """The capture has ended."""
        return f'\n], "totals": {json.dumps(_totals(summary))}}}'

    def foot(self) -> str:
        """Nothing follows."""
        return "\n]}\n"


def _connection(connection: Connection) -> Document:
    facts = connection.facts
    again = facts.retransmissions
    return {
        "number": connection.number,
        "client": _end(connection.client, facts.client),
        "server": _end(connection.server, facts.server),
        "opened": facts.opened.value,
        "handshake_complete": facts.handshake_complete,
        "rtt_ns": facts.rtt,
        "ended": facts.ended.value,
        "ended_by": None if facts.ended_by is None else facts.ended_by.value,
        "first_frame": connection.first_frame,
        "last_frame": connection.last_frame,
        "first_ns": facts.first_time,
        "last_ns": facts.last_time,
        "segments": facts.segments,
        "retransmissions": {
            "syn": again.syn,
            "syn_ack": again.syn_ack,
            "fin": again.fin,
            "data": again.data,
        },
        "findings": [_found(found) for found in connection.findings],
        "undecidable": [
            {"rule": rule, "reason": reason, "count": count}
            for (rule, reason), count in sorted(connection.undecidable.items())
        ],
        "remarks": list(connection.remarks),
    }


def _end(address: tuple[str, int], known: EndFacts) -> Document:
    return {
        "address": address[0],
        "port": address[1],
        "isn": None if known.isn is None else known.isn.value,
        "state": known.state,
        "proven": None if known.proven is None else known.proven.value,
        "expected": None if known.expected is None else known.expected.value,
        "fin_sent": known.fin_sent,
        "fin_acked": known.fin_acked,
        "resets": list(known.resets),
        "octets": known.octets,
        "segments": known.segments,
    }


def _found(found: Found) -> Document:
    ruling = found.ruling
    return {
        "rule": ruling.rule,
        "verdict": ruling.verdict.value,
        "frame": found.frame,
        "number": ruling.step,
        "end": ruling.end.value,
        "field": ruling.field,
        "sentence": ruling.sentence,
        "expected": ruling.expected,
        "actual": ruling.actual,
        "cite": ruling.cite,
        "segment": found.segment,
    }


def _totals(summary: Summary) -> Document:
    return {
        "frames": summary.frames,
        "segments": summary.segments,
        "connections": summary.connections,
        "opened": {kind.value: summary.opened[kind] for kind in Opened},
        "ended": {kind.value: summary.ended[kind] for kind in Ended},
        "copies": summary.copies,
        "icmp": summary.icmp,
        "evicted": summary.evicted,
        "cut": summary.cut,
        "one_sided": summary.one_sided,
        "left_out": dict(sorted(summary.left_out.items())),
        "rules": {
            name: {
                "held": one.held,
                "fail": one.found[Verdict.FAIL],
                "warn": one.found[Verdict.WARN],
                "note": one.found[Verdict.NOTE],
                "undecidable": one.undecided.total(),
            }
            for name, one in sorted(summary.rules.items())
        },
        "damage": {"offset": summary.damage_at, "problem": summary.damage} if summary.damage else None,
    }


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture of a report: its connections, and the totals that cannot be counted anew from them."""

    file: str
    connections: Iterator[Connection]
    totals: Node

    def fill(self, summary: Summary, rules: frozenset[str]) -> None:
        """Add what the report says beside its connections; ``held`` of these rules only."""
        totals = self.totals
        summary.frames = totals["frames"].number(0)
        summary.segments = totals["segments"].number(0)
        summary.copies = totals["copies"].number(0)
        summary.icmp = totals["icmp"].number(0)
        summary.evicted = totals["evicted"].number(0)
        summary.cut = totals["cut"].number(0)
        summary.left_out = Counter({name: node.number(0) for name, node in _members(totals["left_out"])})
        for name, node in _members(totals["rules"]):
            times = node["held"].number(0)
            if name in rules and times:
                summary.rule(name).held = times
        if totals["damage"].value is not None:
            summary.damage = totals["damage"]["problem"].text()
            summary.damage_at = totals["damage"]["offset"].number(0)


def load(root: Node) -> Iterator[Capture]:
    """The captures of a report. Raises BadReport, also while their connections are taken."""
    version = root["schema"].number()
    if version != SCHEMA:
        raise BadReport(f"The report is of schema {version}; this version reads schema {SCHEMA}.")
    for node in root["captures"].items():
        connections = map(_load_connection, node["connections"].items())
        yield Capture(node["file"].text(), connections, node["totals"])


def _load_connection(node: Node) -> Connection:
    client, server = (_load_end(node[name]) for name in ("client", "server"))
    again = node["retransmissions"]
    by = node["ended_by"]
    facts = Facts(
        client=client,
        server=server,
        opened=node["opened"].choice(Opened),
        ended=node["ended"].choice(Ended),
        ended_by=None if by.value is None else by.choice(End),
        handshake_complete=node["handshake_complete"].truth(),
        segments=node["segments"].number(0),
        first_time=_optional(node["first_ns"]),
        last_time=_optional(node["last_ns"]),
        rtt=_optional(node["rtt_ns"]),
        retransmissions=Retransmissions(
            *(again[name].number(0) for name in ("syn", "syn_ack", "fin", "data"))
        ),
    )
    return Connection(
        number=node["number"].number(1),
        client=_address(node["client"]),
        server=_address(node["server"]),
        facts=facts,
        first_frame=node["first_frame"].number(0),
        last_frame=node["last_frame"].number(0),
        findings=tuple(map(_load_found, node["findings"].items())),
        undecidable=Counter(
            {
                (one["rule"].text(), one["reason"].text()): one["count"].number(1)
                for one in node["undecidable"].items()
            }
        ),
        remarks=tuple(remark.text() for remark in node["remarks"].items()),
    )


def _address(node: Node) -> tuple[str, int]:
    return node["address"].text(), node["port"].number(0, 65535)


def _load_end(node: Node) -> EndFacts:
    isn = node["isn"]
    return EndFacts(
        isn=None if isn.value is None else Seq(isn.number(0, _SEQ_MAX)),
        proven=_state(node["proven"]),
        expected=_state(node["expected"]),
        state=node["state"].text(),
        fin_sent=node["fin_sent"].truth(),
        fin_acked=node["fin_acked"].truth(),
        resets=tuple(number.number(1) for number in node["resets"].items()),
        octets=node["octets"].number(0),
        segments=node["segments"].number(0),
    )


def _load_found(node: Node) -> Found:
    ruling = Ruling(
        rule=node["rule"].text(),
        cite=node["cite"].text(),
        step=node["number"].number(1),
        end=node["end"].choice(End),
        field=node["field"].text(),
        verdict=node["verdict"].choice(Verdict),
        sentence=node["sentence"].text(),
        expected=node["expected"].text(),
        actual=node["actual"].text(),
    )
    return Found(node["frame"].number(0), ruling, node["segment"].text())


def _state(node: Node) -> State | None:
    return None if node.value is None else node.choice(State)


def _optional(node: Node) -> int | None:
    return None if node.value is None else node.number()


def _members(node: Node) -> list[tuple[str, Node]]:
    if not isinstance(node.value, dict):
        node.fail("an object")
    return [(name, node[name]) for name in node.value]
