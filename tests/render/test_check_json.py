"""The report of ``check`` as JSON: what the schema promises, and the same again when it is loaded."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rawshake.connection import Connection
from rawshake.render.check_json import Writer, load
from rawshake.render.reading import BadReport, parse
from rawshake.render.summary import Summary
from rawshake.rules import book
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED
from tests.render.captured import captured, connections, summed

SCHEMA: dict[str, Any] = json.loads((files("rawshake.render") / "check.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
RULES = [rule.id for rule in book()]


def written(*captures: tuple[list[Connection], Summary]) -> str:
    writer = Writer()
    text = writer.head(RULES)
    for some, summary in captures:
        text += writer.begin(summary.file)
        text += "".join(map(writer.connection, some))
        text += writer.end(summary)
    return text + writer.foot()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_all_that_the_line_has_stands_under_its_name() -> None:
    seen = captured(CLEAN, FAULTY, REFUSED, MIDSTREAM)
    document = json.loads(written((seen.connections, seen.summary)))
    VALIDATOR.validate(document)
    clean, faulty, refused, midstream = document["captures"][0]["connections"]
    assert (clean["client"]["address"], clean["client"]["port"]) == ("192.0.2.1", 40001)
    assert (clean["client"]["isn"], clean["server"]["isn"]) == (1000, 0xFFFFFFFF)
    assert (clean["opened"], clean["handshake_complete"]) == ("complete", True)
    assert (clean["ended"], clean["ended_by"]) == ("closed", "client")
    assert [clean[end]["fin_acked"] for end in ("client", "server")] == [True, True]
    assert (clean["client"]["octets"], clean["rtt_ns"]) == (6, 42_000_000)
    assert (clean["first_frame"], clean["last_frame"], clean["segments"]) == (1, 8, 8)
    assert clean["findings"] == []
    (finding,) = faulty["findings"]
    assert (finding["rule"], finding["verdict"], finding["frame"], finding["end"]) == (
        "synack-ack-is-isn-plus-1",
        "FAIL",
        10,
        "server",
    )
    assert (refused["opened"], refused["server"]["resets"], refused["client"]["resets"]) == (
        "refused",
        [2],
        [],
    )
    assert (midstream["opened"], midstream["client"]["isn"]) == ("midstream", None)
    totals = document["captures"][0]["totals"]
    assert (totals["connections"], totals["opened"]["refused"], totals["ended"]["closed"]) == (4, 1, 1)
    assert totals["rules"]["synack-ack-is-isn-plus-1"]["fail"] == 1


def test_two_captures_and_damage() -> None:
    one, other = captured(CLEAN), captured()
    other.summary.damage, other.summary.damage_at = "The file is empty", 0
    document = json.loads(written((one.connections, one.summary), ([], other.summary)))
    VALIDATOR.validate(document)
    assert [capture["totals"]["damage"] for capture in document["captures"]] == [
        None,
        {"offset": 0, "problem": "The file is empty"},
    ]


def test_no_capture_at_all() -> None:
    VALIDATOR.validate(json.loads(written()))


@given(st.lists(connections(), max_size=3))
def test_what_is_written_is_valid_and_loads_as_it_was(some: list[Connection]) -> None:
    text = written((some, summed(some)))
    VALIDATOR.validate(json.loads(text))
    (capture,) = load(parse(text))
    assert list(capture.connections) == some


def test_totals_load_as_they_were() -> None:
    seen = captured(CLEAN, FAULTY, MIDSTREAM)
    seen.summary.left_out["not TCP"] = 3
    seen.summary.copies, seen.summary.cut, seen.summary.damage, seen.summary.damage_at = 1, 2, "It ends", 99
    text = written((seen.connections, seen.summary))
    (capture,) = load(parse(text))
    again = Summary(capture.file)
    for connection in capture.connections:
        again.add(connection)
    capture.fill(again, frozenset(RULES))
    assert written((seen.connections, again)) == text


PLACES = [
    ("captures", 0, "connections", 0, "client", "port"),
    ("captures", 0, "connections", 0, "opened"),
    ("captures", 0, "connections", 0, "segments"),
    ("captures", 0, "connections", 1, "findings", 0, "verdict"),
    ("captures", 0, "connections", 1, "findings", 0, "frame"),
    ("captures", 0, "totals", "left_out"),
    ("captures", 0, "totals", "rules"),
    ("captures", 0, "file"),
    ("captures",),
    ("schema",),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("value", [-1, "nothing", None, [1], {"a": []}], ids=repr)
def test_a_damaged_report_is_told_by_the_place(place: tuple[str | int, ...], value: object) -> None:
    seen = captured(CLEAN, FAULTY)
    document: Any = json.loads(written((seen.connections, seen.summary)))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    if place[-1] == "file" and isinstance(value, str):
        return
    holder[place[-1]] = value

    def whole() -> None:
        for capture in load(parse(json.dumps(document))):
            list(capture.connections)
            capture.fill(Summary(capture.file), frozenset(RULES))

    with pytest.raises(BadReport) as raised:
        whole()
    assert str(place[-1]) in raised.value.problem
