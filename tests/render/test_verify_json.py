"""What is written of a run is read back: verdicts, notes and answers; and the grid is drawn from it."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator, ValidationError

from rawshake.play.rehearse import CLIENT, MemoryLink
from rawshake.probes import select
from rawshake.probes.grid.cells import AckPlace, Kind, SeqPlace
from rawshake.probes.gridprobes import grid
from rawshake.probes.model import Probe
from rawshake.render.grid_map import NAMES, grid_map
from rawshake.render.options import Options
from rawshake.render.probe_pages import probe_page, probe_table
from rawshake.render.reading import BadReport
from rawshake.render.verified import Run
from rawshake.render.verify_json import dump, load
from rawshake.rules.model import Level, Verdict
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State
from rawshake.verify.runner import Runner
from tests.probes.stack import PORTS, Stack
from tests.probes.twins import TARGET
from tests.render.verify_schema import SCHEMA, validated
from tests.verify.test_runner import isns


def ran(stack: Stack, *names: str) -> Run:
    wanted = {probe.id: probe for probe in [*select(), *grid(frozenset(PORTS))]}
    probes: list[Probe] = [wanted[name] for name in names]
    runner = Runner(
        link=MemoryLink(stack),
        target=TARGET,
        here=CLIENT,
        sports=iter(range(20_000, 60_000)),
        isns=isns(),
        repeat=0,
    )
    return Run("lab", tuple(runner.run(probes)), 1.5, lambda name: name, jobs=16)


def challenged_wrongly() -> Stack:
    """Its challenge ACKs acknowledge one too many."""
    from dataclasses import replace

    return Stack(alter=lambda one: replace(one, ack=one.ack + 1) if one.flags == Flags.ACK else one)


def test_it_is_read_back() -> None:
    run = ran(Stack(), "syn-opens", "ESTABLISHED/RST/at", "LISTEN/SYN", "SYN-SENT/SYN")
    text = dump(run)
    assert text.isascii()
    stored = load(text)
    found = {one.id: one for one in stored.results}
    assert stored.target == "lab"
    assert found["syn-opens"].verdict is Verdict.PASS
    assert (found["ESTABLISHED/RST/at"].answer, found["ESTABLISHED/RST/at"].chapter) == ("silence", "grid")
    assert found["LISTEN/SYN"].answer.endswith("<CTL=SYN,ACK>")
    assert (found["SYN-SENT/SYN"].verdict, found["SYN-SENT/SYN"].notes) == (
        Verdict.SKIPPED,
        ("needs --dials",),
    )
    assert validated(text)["totals"]["PASS"] == 3


def test_what_did_not_pass_has_its_ladder_and_what_passed_has_not() -> None:
    document = validated(dump(ran(challenged_wrongly(), "closed-port-refuses", "ESTABLISHED/SYN/at")))
    passed, failed = (document["results"][at]["attempts"][0]["exchanges"] for at in (0, 1))
    if document["results"][0]["verdict"] != "PASS":
        passed, failed = failed, passed
    assert passed == []
    assert [exchange["segments"] > 3 for exchange in failed] == [True]


def test_the_schema_is_one_and_names_what_there_is() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    defined = SCHEMA["$defs"]
    cell = defined["cell"]["properties"]
    assert set(defined["verdict"]["enum"]) == {one.value for one in Verdict}
    assert set(defined["state"]["enum"]) == {one.value for one in State}
    assert set(defined["result"]["properties"]["level"]["enum"]) == {one.value for one in Level}
    assert set(cell["segment"]["enum"]) == {one.value for one in Kind}
    assert set(cell["seq"]["enum"]) == {None, *(one.value for one in SeqPlace)}
    assert set(cell["ack"]["enum"]) == {None, *(one.value for one in AckPlace)}


@pytest.mark.parametrize(
    "change", [{"schema": 2}, {"more": 1}, {"totals": {"FINE": 1}}, {"results": [{}]}, {"seconds": -1}]
)
def test_the_schema_refuses_what_is_none(change: dict[str, object]) -> None:
    document = validated(dump(ran(Stack(), "syn-opens")))
    with pytest.raises(ValidationError):
        validated(json.dumps({**document, **change}))


def test_one_probe_has_one_result() -> None:
    document = validated(dump(ran(Stack(), "syn-opens")))
    with pytest.raises(BadReport, match="two results of 'syn-opens'"):
        load(json.dumps({**document, "results": document["results"] * 2}))


def test_its_connections_are_as_in_every_report() -> None:
    (result,) = validated(dump(ran(challenged_wrongly(), "ESTABLISHED/SYN/at")))["results"]
    exchanges = result["attempts"][-1]["exchanges"]
    schema = json.loads((files("rawshake.render") / "report.schema.json").read_text("utf-8"))
    assert exchanges
    Draft202012Validator(schema).validate({"schema": 1, "command": "", "rules": [], "exchanges": exchanges})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"command": "check"}, "The report is of 'check', not of 'verify'"),
        ({"schema": 2}, "The report is of schema 2"),
        ({"results": [{}]}, "has no 'verdict'"),
    ],
)
def test_what_is_no_report_of_verify_is_refused(change: dict[str, object], why: str) -> None:
    document = validated(dump(ran(Stack(), "syn-opens")))
    with pytest.raises(BadReport, match=why):
        load(json.dumps({**document, **change}))


def test_the_grid_is_drawn() -> None:
    names = [
        "LISTEN/SYN+FIN",
        "ESTABLISHED/RST/at",
        "ESTABLISHED/RST/inside",
        "ESTABLISHED/SYN/at",
        "SYN-SENT/SYN",
    ]
    stored = load(dump(ran(Stack(), *names)))
    lines = grid_map(stored.results, Options()).splitlines()
    established = lines.index("ESTABLISHED             left    at      inside  last    right")
    assert "  SYN                   .       +       .       .       ." in lines[established:]
    assert "  RST                   .       +       +       .       ." in lines[established:]
    assert "  SYN                   s" in lines
    assert len([line for line in lines if line.startswith("  ")]) == 8 * 20 + 10 + 10 + 20


def test_the_grid_tells_what_failed_and_what_was_chosen() -> None:
    stored = load(dump(ran(challenged_wrongly(), "ESTABLISHED/SYN/at")))
    text = grid_map(stored.results, Options())
    assert "  SYN                   .       F       .       .       .\n" in text
    assert "FAIL  ESTABLISHED/SYN/at\n" in text
    from rawshake.probes.grid.answers import Choice

    noted = Stack(takes=frozenset({Choice.RFC_793_SYN}))
    text = grid_map(load(dump(ran(noted, "ESTABLISHED/SYN/at"))).results, Options())
    assert "  SYN                   .       a       .       .       .\n" in text
    assert "a RFC 793: a SYN in the window resets; RFC 5961 4.2 is not followed.\n" in text


def test_names_are_those_of_cells() -> None:
    assert "ESTABLISHED/SYN/at" in NAMES
    assert len(NAMES) == 840


def test_probes_have_a_table_and_pages() -> None:
    table = probe_table(select(["reset"]), Options())
    assert table.startswith("reset\n  closed-port-refuses  R01  MUST*  --closed\n")
    (probe,) = select(["closes-after-eof"])
    text = probe_page(probe, Options())
    assert text.startswith("closes-after-eof\nA server that closes on end of file sends one FIN")
    for line in (
        "chapter   teardown\n",
        "clause    RFC 9293 3.6, 3.10.7.4\n",
        "level     MUST*\n",
        "tests     passive-close-sequence\n",
        "needs     an ordinary program behind a port: --closes-on-eof\n",
        "holds     accepted at the target\n",
    ):
        assert line in text
    assert "\xa0" not in text
