"""How a script ended goes through a report and comes back the same."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import rawshake.render
from rawshake.play import Ending, Peer, Script, rehearse
from rawshake.play.host import serving
from rawshake.render.json import BadReport, dump, load
from rawshake.report import Report, ScriptResult

SCHEMA = json.loads(Path(rawshake.render.__file__).with_name("report.schema.json").read_text())


def reported(peer: Peer) -> Script:
    yield peer.send("S")
    yield peer.expect("S. <mss 9>", "R", within=0.5)


def report() -> Report:
    played = rehearse(reported, serving("echo"))
    return Report("play mine.py", played.exchanges, script=played.result.stored("mine.py"))


def test_a_mismatch_is_stored_as_data() -> None:
    text = dump(report())
    document = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    missed = document["script"]["mismatch"]
    assert missed["differences"] == [{"field": "options", "expected": "<mss 9>", "actual": "<mss 1460>"}]
    assert missed["came"] == "S. 0:0(0) ack 1 win 65535 <mss 1460>"
    assert len(missed["meanwhile"]) == 1
    assert load(text).script == report().script


@pytest.mark.parametrize("ending", Ending)
def test_every_ending_is_in_the_schema(ending: Ending) -> None:
    text = dump(Report("play", (), script=ScriptResult("mine.py", ending.value, "seven")))
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    loaded = load(text).script
    assert loaded is not None
    assert (loaded.ending, loaded.value, loaded.missed) == (ending.value, "seven", None)


@pytest.mark.parametrize(
    ("key", "value"), [("name", 5), ("mismatch", {}), ("mismatch", 7), ("value", None), ("more", 1)]
)
def test_what_is_no_such_result_is_refused(key: str, value: object) -> None:
    document = json.loads(dump(report()))
    document["script"][key] = value
    with pytest.raises(BadReport):
        load(json.dumps(document))
