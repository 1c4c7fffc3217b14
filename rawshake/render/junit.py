"""What ``check`` found as JUnit XML: a suite for each capture, a case for each rule.

A rule has the same name in every run, as those who compare runs want it; a connection has not, and there may be
very many of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rawshake.connection import Connection, Found
from rawshake.render.findings import cite_text
from rawshake.render.summary import OfRule, Summary, at_least
from rawshake.render.text import plural, safe
from rawshake.rules.model import Rule, Verdict

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
FOOT: Final = "</testsuites>\n"
#: The one case that is no rule: whether the capture could be read to its end.
READABLE: Final = "capture-is-readable"


def suite(summary: Summary, rules: Sequence[Rule], floor: Verdict, *, number: int) -> str:
    """The suite of one capture; findings as grave as ``floor`` fail their case, others are told in system-out.

    A case is skipped whose rule nothing has put to the test. ``number`` counts suites from 0.
    """
    cases = [_readable(summary)]
    counts = {"failure": 0, "skipped": 0}
    told: list[str] = []
    for rule in rules:
        of_rule = summary.rules.get(rule.id, OfRule())
        kind, inner = _outcome(of_rule, summary.file, floor)
        if kind:
            counts[kind] += 1
        cases.append(_case(f"rawshake.{rule.chapter}", rule.id, inner))
        if kind != "failure" and of_rule.first:
            told += [f"{rule.id}:", *_occurrences(of_rule, summary.file)]
    attributes = {
        "name": summary.file,
        "tests": len(cases),
        "failures": counts["failure"],
        "errors": int(bool(summary.damage)),
        "skipped": counts["skipped"],
        "time": "0",
        "timestamp": timestamp(summary.first_time),
        "hostname": "localhost",
        "id": number,
        "package": "rawshake",
    }
    head = "".join(f" {name}={attribute(str(value))}" for name, value in attributes.items())
    return (
        f"<testsuite{head}>\n<properties/>\n{''.join(cases)}"
        f"<system-out>{lines_text(told)}</system-out>\n<system-err/>\n</testsuite>\n"
    )


def _readable(summary: Summary) -> str:
    if not summary.damage:
        return _case("rawshake.capture", READABLE, "")
    message = f"{summary.damage} (at octet {summary.damage_at})"
    return _case("rawshake.capture", READABLE, f'<error type="damage" message={attribute(message)}/>')


def _outcome(of_rule: OfRule, file: str, floor: Verdict) -> tuple[str, str]:
    grave = sum(count for verdict, count in of_rule.found.items() if at_least(verdict, floor))
    if grave:
        assert of_rule.worst is not None
        message = f"{plural(grave, 'time')} in {plural(of_rule.connections, 'connection')}"
        cite = of_rule.first[0][1].ruling.cite
        text = lines_text([*_occurrences(of_rule, file), *([cite_text(cite)] if cite else [])])
        kind = attribute(str(of_rule.worst))
        return "failure", f"<failure type={kind} message={attribute(message)}>{text}</failure>"
    if of_rule.held or of_rule.first:
        return "", ""
    reasons = "; ".join(of_rule.undecided)
    message = f"could not be decided: {reasons}" if reasons else "nothing put it to the test"
    return "skipped", f"<skipped message={attribute(message)}/>"


def _occurrences(of_rule: OfRule, file: str) -> Iterable[str]:
    yield from (_occurrence(file, connection, found) for connection, found in of_rule.first)
    more = sum(of_rule.found.values()) - len(of_rule.first)
    if more:
        yield f"and {more} more"


def _occurrence(file: str, connection: Connection, found: Found) -> str:
    ruling = found.ruling
    where = f"connection {connection.number}, the {ruling.end}"
    return f"{file}:{found.frame}: {ruling.verdict}: {where}: {ruling.sentence}"


def _case(classname: str, name: str, inner: str) -> str:
    head = f'<testcase classname="{classname}" name="{name}" time="0"'
    return f"{head}>{inner}</testcase>\n" if inner else f"{head}/>\n"


def timestamp(nanoseconds: int | None) -> str:
    """When the capture began, in UTC: what the format has for the time of a run."""
    seconds = (nanoseconds or 0) // 1_000_000_000
    # What a damaged capture claims may lie beyond what a date can be.
    seconds = max(0, min(seconds, 253_402_300_799))
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def attribute(text: str) -> str:
    """Text of any origin as the value of an attribute, with its quotes."""
    from xml.sax.saxutils import quoteattr  # loads urllib, which takes longer than a small capture

    return quoteattr(safe(text))


def lines_text(lines: Sequence[str]) -> str:
    """Lines of any origin as the text of an element."""
    from xml.sax.saxutils import escape

    return escape("\n".join(map(safe, lines)))
