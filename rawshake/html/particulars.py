"""All that is known of each segment, for the page's script: its fields, the states, what every rule said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from rawshake.judge import Ruling
from rawshake.plain.language import Language
from rawshake.plain.sentences import sentence
from rawshake.render.findings import cite_text
from rawshake.render.text import duration, moment, plural, preview, safe
from rawshake.render.words import (
    ack_text,
    control_text,
    endpoint_text,
    flags_text,
    payload_of,
    remarks,
    seq_text,
    states_before,
    states_of,
    who,
)
from rawshake.report import Judged
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import End, Step
from rawshake.tcp.words import options_text

#: What is shown of the payload, in columns.
_PREVIEW = 200


def particulars(
    entries: Sequence[Judged],
    closing: Mapping[int, Sequence[Ruling]],
    *,
    start: int,
    ours: End | None,
    passes: bool,
    words: Language | None = None,
) -> str:
    """As JSON that may stand in XML: ``segments`` in their order, and the ``rules`` that they count by.

    ``closing`` is what was said of the exchange as a whole, by the segment's number; without ``passes`` what
    held is counted only. With ``words`` each segment is told in plain words of that language, too.
    """
    rules: dict[tuple[str, str], int] = {}
    before: int | None = None
    segments = []
    for entry in entries:
        step = entry.step
        said = [*entry.rulings, *closing.get(step.number, ())]
        shown = [r for r in said if passes or r.verdict is not Verdict.PASS]
        segments.append({
            "number": step.number,
            "head": f"{entry.frame or step.number}: {flags_text(step.segment.flags)} from the {step.sender}",
            "fields": [list(pair) for pair in _fields(entry, start, before, ours)],
            "said": [_ruling(r, rules.setdefault((r.rule, r.cite), len(rules))) for r in shown],
            "held": len(said) - len(shown),
            **({} if words is None else {"plain": safe(sentence(step, words)), "lang": words.code}),
        })  # fmt: skip
        before = step.time
    known = [[safe(rule), safe(cite_text(cite))] for rule, cite in rules]
    return escape(json.dumps({"rules": known, "segments": segments}, separators=(",", ":")), quote=False)


def _ruling(ruling: Ruling, rule: int) -> list[Any]:
    """Verdict, the rule's number, the sentence, and who is charged if somebody is."""
    charged = ruling.verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.SKIPPED)
    by = who(ruling) if charged else ""
    after = "follows from an earlier breach" if ruling.consequence else ""
    return [ruling.verdict.value, rule, safe(ruling.sentence), by, after]


def _fields(entry: Judged, start: int, before: int | None, ours: End | None) -> Iterator[tuple[str, str]]:
    """Name and value of all that a segment has, in the words of the ladder."""
    step, segment = entry.step, entry.step.segment
    since = "" if before is None else f", {duration(step.time - before)} after the one before"
    if entry.frame and entry.frame != step.number:
        yield "segment", f"{step.number} of this connection, frame {entry.frame} of the capture"
    yield "time", moment(step.time - start) + since
    yield "from", safe(endpoint_text((segment.src, segment.sport)))
    yield "to", safe(endpoint_text((segment.dst, segment.dport)))
    yield "flags", flags_text(segment.flags)
    yield "seq", _number(str(segment.seq), seq_text(step))
    if segment.has_ack:
        yield "ack", _number(str(segment.ack), ack_text(step))
    control = control_text(segment)
    yield "SEG.LEN", f"{segment.length}{f' = {segment.payload_length} {control}' if control else ''}"
    yield "window", _window(step)
    if segment.options:
        yield "options", safe(options_text(segment.options, peer_isn=step.peer_now.iss).replace(",", ", "))
    yield from _rest(segment)
    for remark in remarks(step, ours=ours):
        yield "remark", safe(remark)
    for end, was, now in zip(End, states_before(step), states_of(step.after), strict=True):
        yield str(end), was if was == now else f"{was} → {now}"


def _rest(segment: Segment) -> Iterator[tuple[str, str]]:
    if segment.payload_length:
        payload = payload_of(segment)
        text = preview(payload, _PREVIEW, total=segment.payload_length) if payload else "not captured"
        yield "data", f"{plural(segment.payload_length, 'octet')}: {text}"
    if segment.urgent:
        yield "urgent pointer", str(segment.urgent)
    yield (
        "checksum",
        segment.checksum.value
        + (", left to the hardware" if segment.checksum is Checksum.UNVERIFIABLE else ""),
    )
    yield "hop limit" if segment.v6 else "TTL", str(segment.ttl)
    if segment.ecn:
        yield "ECN", ("", "ECT(1)", "ECT(0)", "CE")[segment.ecn]


def _number(absolute: str, relative: str) -> str:
    return f"{absolute} = {relative}" if relative else absolute


def _window(step: Step) -> str:
    field, shift = step.segment.window, 0 if step.segment.syn else step.now.shift
    return f"{field << shift} = {field} · 2^{shift}" if shift else str(field)
