"""The README's walks through a rule, a probe and a renderer are right; who adds one is told what is missing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from rawshake.play import Peer, Script, handshake
from rawshake.probes import select
from rawshake.rules import book, chapters
from rawshake.rules.model import Level, Outcome, Verdict, broken, held
from rawshake.rules.page import read
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import Step
from scripts.readme import README
from tests.cli.traces import FAULTY
from tests.probes.stack import Stack
from tests.probes.twins import attempt
from tests.render.captured import captured
from tests.rules.play import rulings_of

ROOT = Path(__file__).parent.parent
#: Tested through those that call them: their modules have no test of their own.
THROUGH_OTHERS = {"rawshake.render.explained", "rawshake.html.probes"}


def modules_with_rules() -> set[str]:
    folder = ROOT / "rawshake" / "rules"
    return {
        path.stem
        for path in folder.glob("*.py")
        if re.search(r"^@rule\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def renderers() -> dict[str, Path]:
    paths = [path for part in ("render", "html") for path in (ROOT / "rawshake" / part).glob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in paths
        if path.stem != "__init__"
    }


def is_tested(module: str, tests: dict[str, str]) -> bool:
    """Whether a test file is called after it, or imports it."""
    package, _, name = module.rpartition(".")
    imported = re.compile(
        rf"^(?:from {module} import|import {module}\b|from {package} import .*\b{name}\b)", re.MULTILINE
    )
    return any(path.endswith(f"test_{name}.py") for path in tests) or any(
        imported.search(text) for text in tests.values()
    )


TESTS = {str(path): path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}


def test_every_module_with_rules_is_a_chapter() -> None:
    assert modules_with_rules() == set(chapters())


@pytest.mark.parametrize("module", sorted(renderers().keys() - THROUGH_OTHERS))
def test_a_renderer_has_a_test(module: str) -> None:
    assert is_tested(module, TESTS)


@pytest.mark.parametrize("module", sorted(THROUGH_OTHERS))
def test_those_without_are_still_without(module: str) -> None:
    assert module in renderers()
    assert not is_tested(module, TESTS)


def test_what_is_tested_is_known_by_name_or_import() -> None:
    assert is_tested("rawshake.render.csv", {"test_csv.py": ""})
    assert is_tested("rawshake.render.csv", {"test_x.py": "from rawshake.render import csv, page\n"})
    assert is_tested("rawshake.render.csv", {"test_x.py": "from rawshake.render.csv import csv\n"})
    assert not is_tested("rawshake.render.csv", {"test_x.py": "from rawshake.render.csvs import csv\n"})


def walk(chapter: str, **names: object) -> dict[str, Any]:
    """What the Python of a chapter of the README defines, given those names; what decorators were told is ``told``."""
    text = README.read_text(encoding="utf-8").partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^   ```python\n(.*?)^   ```$", text, re.DOTALL | re.MULTILINE)
    told: list[object] = []

    def decorator(*arguments: object, **_: object) -> Any:
        told.extend(arguments)
        return lambda function: function

    found: dict[str, Any] = {"rule": decorator, "probe": decorator, "Level": Level, "told": told, **names}
    exec(compile(dedent(block), chapter, "exec"), found)
    return found


def test_the_rule_of_the_readme_fires_and_is_quiet() -> None:
    found = walk("To add a rule", Step=Step, Outcome=Outcome, Checksum=Checksum, held=held, broken=broken)
    (entry,) = [one for one in book() if one.id == found["told"][0]]
    entry = replace(entry, check=found["checksum_sent_valid"])
    said = {
        one.fires: [ruling.verdict for ruling in rulings_of(one.text, [entry])]
        for one in read(entry).transcripts
    }
    assert said == {True: [Verdict.PASS, Verdict.FAIL], False: [Verdict.PASS, Verdict.PASS]}


def test_the_probe_of_the_readme_passes_against_the_honest() -> None:
    found = walk("To add a probe", Peer=Peer, Script=Script, handshake=handshake)
    (entry,) = select([found["told"][0]])
    assert attempt(replace(entry, script=found["fin_acked_at_once"]), Stack()).verdict is Verdict.PASS


def test_the_renderer_of_the_readme_writes_rows() -> None:
    found = walk("To add a renderer")
    (connection,) = captured(FAULTY).connections
    assert list(found["rows"]("a.pcap", connection)) == ["a.pcap\t2\tFAIL\tsynack-ack-is-isn-plus-1\n"]
