"""The whole report as JSON, under the stable names of report.schema.json, and read back from it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from rawshake.connection import EndFacts, facts
from rawshake.judge import Ruling
from rawshake.render.reading import BadReport, Node, difference, parse
from rawshake.render.script_json import load_script, script_document
from rawshake.render.words import FLAG_NAMES, flag_names
from rawshake.report import SCHEMA_VERSION, Exchange, Judged, Outcome, Remark, Report
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Ends, Fate, View
from rawshake.tcp.words import options_text

__all__ = ["BadReport", "dump", "exchange_document", "load"]

Document = dict[str, Any]

_SEQ_MAX = 0xFFFFFFFF


def dump(report: Report) -> str:
    """The report as JSON, ASCII only, with a line end; times are whole nanoseconds, octets hexadecimal."""
    return json.dumps(_report(report), indent=1) + "\n"


def load(text: str) -> Report:
    """Read what ``dump`` wrote. The states are not believed but made again from the segments.

    Raises BadReport where the text is no such report, or says of its segments what does not follow from them.
    """
    try:
        return _load(text)
    except RecursionError:
        raise BadReport("The text is nested too deeply for a report.") from None


def _load(text: str) -> Report:
    root = parse(text)
    version = root["schema"].number()
    if version != SCHEMA_VERSION:
        raise BadReport(f"The report is of schema {version}; this version reads schema {SCHEMA_VERSION}.")
    report = Report(
        command=root["command"].text(),
        exchanges=tuple(_load_exchange(node) for node in root["exchanges"].items()),
        rules=tuple(node.text() for node in root["rules"].items()),
        version=version,
        script=load_script(root["script"]) if "script" in root else None,
    )
    found = difference(root.value, _report(report))
    if found is not None:
        raise BadReport(found)
    return report


def exchange_document(exchange: Exchange) -> Document:
    """One exchange as it stands in a report, for other reports that hold some."""
    return _exchange(exchange)


def _report(report: Report) -> Document:
    document = {
        "schema": report.version,
        "command": report.command,
        "rules": list(report.rules),
        "exchanges": [_exchange(exchange) for exchange in report.exchanges],
    }
    if report.script is not None:
        document["script"] = script_document(report.script)
    return document


def _exchange(exchange: Exchange) -> Document:
    known = facts(exchange)
    findings = Counter(ruling.verdict for ruling in exchange.findings)
    again = known.retransmissions
    return {
        "client": _end(exchange.client, known.client),
        "server": _end(exchange.server, known.server),
        "outcome": exchange.outcome.value,
        "detail": exchange.detail,
        "handshake_complete": known.handshake_complete,
        "rtt_ns": exchange.rtt,
        "first_ns": known.first_time,
        "last_ns": known.last_time,
        "segments": len(exchange.steps),
        "held": exchange.held,
        "broken": exchange.broken,
        "warnings": findings[Verdict.WARN],
        "notes": findings[Verdict.NOTE],
        "retransmissions": {
            "syn": again.syn,
            "syn_ack": again.syn_ack,
            "fin": again.fin,
            "data": again.data,
        },
        "entries": [_entry(entry) for entry in exchange.entries],
        "closing": [_ruling(ruling) for ruling in exchange.closing],
        "undecidable": [
            {"rule": rule, "reason": reason, "count": count}
            for (rule, reason), count in sorted(exchange.undecidable.items())
        ],
        "data": exchange.data.hex(),
    }


def _end(address: tuple[str, int], known: EndFacts) -> Document:
    return {
        "address": address[0],
        "port": address[1],
        "isn": None if known.isn is None else known.isn.value,
        "proven": _state(known.proven),
        "expected": _state(known.expected),
        "fin_sent": known.fin_sent,
        "fin_acked": known.fin_acked,
        "resets": list(known.resets),
        "octets": known.octets,
    }


def _state(state: State | None) -> str | None:
    return None if state is None else state.value


def _entry(entry: Judged | Remark) -> Document:
    if isinstance(entry, Remark):
        return {"type": "remark", "time_ns": entry.time, "text": entry.text}
    step = entry.step
    return {
        "type": "segment",
        "number": step.number,
        "time_ns": step.time,
        "sender": step.sender.value,
        "fate": step.fate.value,
        "standing": step.standing.value,
        "again": step.again,
        "ours": step.ours,
        **({"copy": True} if step.copy else {}),
        "note": step.note,
        "segment": _segment(step.segment),
        "meant": None if step.meant is None else _segment(step.meant),
        "states": _states(step.after),
        "rulings": [_ruling(ruling) for ruling in entry.rulings],
    }


def _states(ends: Ends) -> Document:
    def both(view: View) -> Document:
        return {"proven": _state(view.proven), "expected": _state(view.expected)}

    return {"client": both(ends.client), "server": both(ends.server)}


def _segment(segment: Segment) -> Document:
    return {
        "src": segment.src,
        "sport": segment.sport,
        "dst": segment.dst,
        "dport": segment.dport,
        "seq": segment.seq.value,
        "ack": segment.ack.value,
        "flags": flag_names(segment.flags),
        "window": segment.window,
        "urgent": segment.urgent,
        "options": [_option(found) for found in segment.options],
        "payload": segment.payload.hex(),
        "payload_length": segment.payload_length,
        "checksum": segment.checksum.value,
        "ttl": segment.ttl,
        "ecn": segment.ecn,
        "defects": list(segment.defects),
    }


def _option(found: Option) -> Document:
    return {
        "kind": int(found.kind),
        "text": options_text([found])[1:-1],
        "octets": found.wire.hex(),
        "defect": found.defect,
    }


def _ruling(ruling: Ruling) -> Document:
    return {
        "rule": ruling.rule,
        "cite": ruling.cite,
        "number": ruling.step,
        "end": ruling.end.value,
        "field": ruling.field,
        "verdict": ruling.verdict.value,
        "sentence": ruling.sentence,
        "expected": ruling.expected,
        "actual": ruling.actual,
        "consequence": ruling.consequence,
        "ours": ruling.ours,
    }


def _load_exchange(node: Node) -> Exchange:
    client = (node["client"]["address"].text(), node["client"]["port"].number(0, 65535))
    server = (node["server"]["address"].text(), node["server"]["port"].number(0, 65535))
    tracker = Tracker(client, server)
    return Exchange(
        client=client,
        server=server,
        entries=tuple(_load_entry(entry, tracker) for entry in node["entries"].items()),
        closing=tuple(_load_ruling(ruling) for ruling in node["closing"].items()),
        outcome=node["outcome"].choice(Outcome),
        detail=node["detail"].text(),
        data=node["data"].octets(),
    )


def _load_entry(node: Node, tracker: Tracker) -> Judged | Remark:
    if node["type"].value == "remark":
        return Remark(node["time_ns"].number(), node["text"].text())
    if node["type"].value != "segment":
        node["type"].fail('"segment" or "remark"')
    step = tracker.apply(
        _load_segment(node["segment"]),
        node["time_ns"].number(),
        fate=node["fate"].choice(Fate),
        ours=node["ours"].truth(),
        meant=None if node["meant"].value is None else _load_segment(node["meant"]),
        note=node["note"].text(),
        copy="copy" in node and node["copy"].truth(),
    )
    return Judged(step, tuple(_load_ruling(ruling) for ruling in node["rulings"].items()))


def _load_segment(node: Node) -> Segment:
    flags = Flags(0)
    for name in node["flags"].items():
        flag = FLAG_NAMES.get(name.text())
        flags |= name.fail(f"one of {', '.join(FLAG_NAMES)}") if flag is None else flag
    octets = b"".join(found["octets"].octets() for found in node["options"].items())
    return Segment(
        src=node["src"].text(),
        dst=node["dst"].text(),
        sport=node["sport"].number(0, 65535),
        dport=node["dport"].number(0, 65535),
        seq=Seq(node["seq"].number(0, _SEQ_MAX)),
        ack=Seq(node["ack"].number(0, _SEQ_MAX)),
        flags=flags,
        window=node["window"].number(0, 65535),
        urgent=node["urgent"].number(0, 65535),
        options=option.parse(octets),
        payload=node["payload"].octets(),
        payload_length=node["payload_length"].number(0, _SEQ_MAX),
        checksum=node["checksum"].choice(Checksum),
        ttl=node["ttl"].number(0, 255),
        ecn=node["ecn"].number(0, 3),
        defects=tuple(defect.text() for defect in node["defects"].items()),
    )


def _load_ruling(node: Node) -> Ruling:
    return Ruling(
        rule=node["rule"].text(),
        cite=node["cite"].text(),
        step=node["number"].number(1),
        end=node["end"].choice(End),
        field=node["field"].text(),
        verdict=node["verdict"].choice(Verdict),
        sentence=node["sentence"].text(),
        expected=node["expected"].text(),
        actual=node["actual"].text(),
        consequence=node["consequence"].truth(),
        ours=node["ours"].truth(),
    )
