"""What ``verify`` found as JUnit XML: a suite for each chapter, a case for each probe."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from rawshake.probes.result import Result
from rawshake.render.findings import cite_text
from rawshake.render.junit import FOOT, HEAD, attribute, lines_text, timestamp
from rawshake.render.verified import Run, said
from rawshake.rules.model import Verdict

#: What says nothing of the target.
_SKIPPED: Final = frozenset({Verdict.SKIPPED, Verdict.INCONCLUSIVE})


def dump(run: Run, grave: Collection[Verdict]) -> str:
    """The file; a verdict among ``grave`` fails its case, a note or warning else is told in system-out."""
    chapters = list(dict.fromkeys(one.probe.chapter for one in run.results))
    suites = []
    for number, chapter in enumerate(chapters):
        results = [one for one in run.results if one.probe.chapter == chapter]
        suites.append(_suite(run, chapter, results, grave, number))
    return HEAD + "".join(suites) + FOOT


def _suite(run: Run, chapter: str, results: Sequence[Result], grave: Collection[Verdict], number: int) -> str:
    told = [
        line
        for one in results
        if one.verdict in (Verdict.NOTE, Verdict.WARN, Verdict.KNOWN) and one.verdict not in grave
        for line in (f"{one.verdict} {one.probe.id}:", *_lines(one))
    ]
    began = min((attempt.began for one in results for attempt in one.attempts), default=None)
    attributes = {
        "name": f"{run.target} {chapter}",
        "tests": len(results),
        "failures": sum(one.verdict in grave and one.verdict is not Verdict.ERROR for one in results),
        "errors": sum(one.verdict is Verdict.ERROR for one in results),
        "skipped": sum(one.verdict in _SKIPPED for one in results),
        "time": f"{sum(one.seconds for one in results):.3f}",
        "timestamp": timestamp(began),
        "hostname": "localhost",
        "id": number,
        "package": "rawshake",
    }
    head = "".join(f" {name}={attribute(str(value))}" for name, value in attributes.items())
    cases = "".join(_case(one, grave) for one in results)
    return (
        f"<testsuite{head}>\n<properties/>\n{cases}"
        f"<system-out>{lines_text(told)}</system-out>\n<system-err/>\n</testsuite>\n"
    )


def _case(result: Result, grave: Collection[Verdict]) -> str:
    probe = result.probe
    names = {"classname": f"rawshake.{probe.chapter}", "name": probe.id, "time": f"{result.seconds:.3f}"}
    head = "<testcase" + "".join(f" {name}={attribute(value)}" for name, value in names.items())
    inner = _inner(result, grave)
    return f"{head}>{inner}</testcase>\n" if inner else f"{head}/>\n"


def _inner(result: Result, grave: Collection[Verdict]) -> str:
    lines = _lines(result)
    message = attribute(lines[0] if lines else str(result.verdict))
    if result.verdict in _SKIPPED:
        return f"<skipped message={message}/>"
    if result.verdict is Verdict.ERROR:
        return f'<error type="ERROR" message={message}>{lines_text(lines)}</error>'
    if result.verdict not in grave:
        return ""
    text = lines_text([result.probe.summary, *lines, cite_text(result.probe.cite)])
    return f'<failure type="{result.verdict}" message={message}>{text}</failure>'


def _lines(result: Result) -> list[str]:
    """What is to be told of it, each sentence once."""
    told = [text for check in result.telling for text in said(check)]
    return list(dict.fromkeys([*told, *([result.reason] if result.reason else [])]))
