"""A report that is stored and loaded again is the same report, and anything else is one clear failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rawshake.render
from rawshake.errors import Exit
from rawshake.judge import Judge
from rawshake.profile import Deviation, Profile
from rawshake.render.json import BadReport, dump, load
from rawshake.report import Exchange, Judged, Outcome, Remark, Report
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp.notation import CLIENT_ISN
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.memory import MILLISECOND, Answers, MemoryLink, Reply, icmp, packed
from tests.playbook import started
from tests.render.exchanges import FAULTY, LOSSES, SIX, WHOLE, exchange, reports

SCHEMA: Final = json.loads(Path(rawshake.render.__file__).with_name("report.schema.json").read_text())
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


@given(reports())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_report_comes_back_as_it_was(report: Report) -> None:
    text = dump(report)
    assert text.isascii()
    assert load(text) == report
    VALIDATOR.validate(json.loads(text))


def honest(segment: Segment, now: int) -> Iterable[Reply]:
    """A server that opens and closes as it should, with an ISN of 7000."""
    back = replace(
        segment, src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport,
        seq=segment.ack, ack=segment.end, options=(), payload=b"", payload_length=0,
    )  # fmt: skip
    if segment.syn:
        yield 0, replace(back, seq=Seq(7000), flags=segment.flags.SYN | segment.flags.ACK)
    elif segment.fin:
        yield 0, replace(back, flags=segment.flags.FIN | segment.flags.ACK)
    elif segment.payload_length:
        yield 0, replace(back, flags=segment.flags.ACK)


def corrupt(segment: Segment, now: int) -> Iterable[Reply]:
    """The same with a wrong checksum first, which the client must not take."""
    for after, reply in honest(segment, now):
        assert isinstance(reply, Segment)
        yield after, replace(reply, checksum=Checksum.WRONG)
        yield after + 1, reply


def unreachable(segment: Segment, now: int) -> Iterable[Reply]:
    yield 0, icmp(packed(segment), 3, 1)


def bad(step: str, field: str, value: int) -> Profile:
    return Profile(isn=Seq(CLIENT_ISN), deviations=(Deviation(step, field, value, relative=True),))


def live(
    answer: Callable[[Segment, int], Iterable[Reply]] = honest,
    *,
    profile: Profile | None = None,
    drops: str = "",
    six: bool = False,
) -> Exchange:
    """A session over a link in memory, judged by the whole book, from connect to close as far as it gets."""
    peer = Answers(answer)
    session, _ = started(peer, profile=profile, drops=drops, rules=book(), link=MemoryLink(peer))
    if six:
        ends = ("fe80::1", 40000), ("fe80::2", 80)
        session = Session(session.link, Tracker(*ends), session.profile, book())
    if session.connect():
        session.send(b"\x00\xff\x1b[2J", quiet=100 * MILLISECOND)
        session.close()
    return session.exchange(Outcome.OPEN)


LIVE: Final[dict[str, Callable[[], Exchange]]] = {
    "honest": live,
    "over IPv6": lambda: live(six=True),
    "our SYN lost": lambda: live(drops="syn:1"),
    "their SYN,ACK lost": lambda: live(drops="synack:1"),
    "our last ACK lost": lambda: live(drops="lastack:1"),
    "checksum wrong": lambda: live(corrupt),
    "unreachable": lambda: live(unreachable),
    "seq of the third ACK wrong": lambda: live(profile=bad("ack", "seq", 1000)),
    "ack of the third ACK wrong": lambda: live(profile=bad("ack", "ack", -1)),
    "seq of data wrong": lambda: live(profile=bad("data", "seq", 5)),
    "flags of the FIN wrong": lambda: live(profile=bad("fin", "flags", 3)),
    "window of the SYN wrong": lambda: live(profile=bad("syn", "window", -7)),
    "checksum of the SYN wrong": lambda: live(profile=bad("syn", "checksum", 1)),
}


@pytest.mark.parametrize("name", LIVE)
def test_a_live_exchange_is_judged_the_same_once_it_is_loaded(name: str) -> None:
    made = LIVE[name]()
    text = dump(Report("teardown", (made,)))
    VALIDATOR.validate(json.loads(text))
    (loaded,) = load(text).exchanges
    judge = Judge(book(), ours=End.CLIENT)
    for entry, again in zip(made.entries, loaded.entries, strict=True):
        if isinstance(entry, Remark):
            assert again == entry
        else:
            assert isinstance(again, Judged)
            assert again.step.meant == entry.step.meant
            assert judge.step(again.step) == entry.rulings


@pytest.mark.parametrize(
    ("name", "deviating"),
    [("honest", 0), ("seq of the third ACK wrong", 1), ("window of the SYN wrong", 1)],
)
def test_what_was_meant_is_stored_where_something_else_was_sent(name: str, deviating: int) -> None:
    document = json.loads(dump(Report("connect", (LIVE[name](),))))
    (stored,) = document["exchanges"]
    segments = [entry for entry in stored["entries"] if entry["type"] == "segment"]
    wrong = [entry for entry in segments if entry["meant"] is not None]
    assert len(wrong) == deviating
    assert all(entry["ours"] and entry["meant"] != entry["segment"] for entry in wrong)


def whole() -> Report:
    """A report with something of everything."""
    tracker = Tracker(("fe80::1%eth0", 40000), ("fe80::2%eth0", 80))
    template = exchange(WHOLE).steps[0].segment
    sent = replace(template, src="fe80::1%eth0", dst="fe80::2%eth0")
    step = tracker.apply(
        sent, 10**18, fate=Fate.LOST, ours=True, meant=replace(sent, window=1), note="wrong on purpose"
    )
    scoped = Exchange(tracker.client, tracker.server, (Judged(step), Remark(10**18 + 1, "ICMP \u202e")))
    return Report(
        "connect",
        (exchange(WHOLE), exchange(LOSSES, client=SIX[0], server=SIX[1]), exchange(FAULTY), scoped),
        ("syn-form",),
    )


WHOLE_REPORT: Final = whole()
DOCUMENT: Final = json.loads(dump(WHOLE_REPORT))


def test_the_one_to_be_damaged_is_whole() -> None:
    assert load(json.dumps(DOCUMENT)) == WHOLE_REPORT


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    """The paths to everything in a document."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from places(one, (*path, at))


PLACES: Final = list(places(DOCUMENT))[1:]
ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["client", "00", "lost", "SYN", "segment", "remark", "PASS"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def loads_or_fails_clearly(text: str) -> None:
    try:
        loaded = load(text)
    except BadReport as error:
        failure = error
    else:
        assert json.loads(dump(loaded)) == json.loads(text)
        return
    assert failure.status is Exit.UNREADABLE
    assert failure.next_step
    assert failure.problem.endswith(".")
    assert failure.problem.isprintable()
    assert len(failure.problem) < 500


@given(st.sampled_from(PLACES), ANYTHING)
def test_a_damaged_value_is_a_failure_unless_it_makes_another_report(
    place: tuple[str | int, ...], value: object
) -> None:
    document = deepcopy(DOCUMENT)
    holder: Any = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    loads_or_fails_clearly(json.dumps(document))


@given(st.sampled_from(PLACES))
def test_a_missing_or_doubled_value_is_a_failure_unless_it_makes_another_report(
    place: tuple[str | int, ...],
) -> None:
    for change in ("leave out", "double"):
        document = deepcopy(DOCUMENT)
        holder: Any = document
        for key in place[:-1]:
            holder = holder[key]
        if change == "leave out":
            del holder[place[-1]]
        elif isinstance(holder, list):
            holder.insert(int(place[-1]), holder[int(place[-1])])
        else:
            holder[f"{place[-1]}\x1b"] = 1
        loads_or_fails_clearly(json.dumps(document))


@given(st.integers(0, len(json.dumps(DOCUMENT)) - 1), st.text(max_size=3))
def test_a_text_that_was_cut_is_a_failure(at: int, tail: str) -> None:
    loads_or_fails_clearly(json.dumps(DOCUMENT)[:at] + tail)


FOREIGN = {
    "": "The text is not JSON",
    "\x1b[31m": "The text is not JSON",
    "[]": "$ is [], not an object.",
    "{}": "$ has no 'schema'.",
    "NaN": "it says NaN",
    "1" * 5000: "a number that no report has",
    "[" * 100_000: "nested too deeply",
    '{"schema": 2}': "The report is of schema 2; this version reads schema 1.",
    '{"schema": 1.0}': "$.schema is 1.0, not a whole number",
    '{"schema": true}': "$.schema is true, not a whole number",
    '{"schema": 1, "command": "connect", "exchanges": {}, "rules": []}': "$.exchanges is {}, not an array.",
}


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_report_is_named(text: str) -> None:
    with pytest.raises(BadReport) as raised:
        load(text)
    assert FOREIGN[text] in raised.value.problem


def test_states_are_not_believed() -> None:
    document = deepcopy(DOCUMENT)
    document["exchanges"][0]["entries"][2]["states"]["server"]["proven"] = "ESTABLISHED"
    with pytest.raises(BadReport, match=r"entries\[2\]\.states\.server\.proven is \"ESTABLISHED\", but"):
        load(json.dumps(document))
