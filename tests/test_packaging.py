"""What is published about the package agrees with the package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

import rawshake

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def imported_elsewhere(top: str) -> set[str]:
    """Top-level names that the files of a folder import and that are neither Python's nor our own."""
    names: set[str] = set()
    for path in (ROOT / top).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"rawshake", "tests", "scripts"}


def declared(requirements: list[str]) -> set[str]:
    """What the packages in a list of requirements are imported as."""
    names = {re.split(r"[<>=!~ ]", requirement)[0].replace("-", "_") for requirement in requirements}
    return {{"pyyaml": "yaml"}.get(name, name) for name in names}


def test_dependencies_are_what_is_imported() -> None:
    assert imported_elsewhere("rawshake") == declared(PYPROJECT["project"]["dependencies"])


@pytest.mark.parametrize(("top", "extra"), [("scripts", ["test"]), ("tests", ["test"])])
def test_nothing_else_is_imported_by_what_is_beside_the_package(top: str, extra: list[str]) -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    allowed = declared(PYPROJECT["project"]["dependencies"] + [one for name in extra for one in extras[name]])
    assert imported_elsewhere(top) <= allowed


def test_dependencies_have_a_floor_and_no_ceiling() -> None:
    for requirement in PYPROJECT["project"]["dependencies"]:
        assert ">=" in requirement
        assert "<" not in requirement
        assert "==" not in requirement


def test_installed_metadata() -> None:
    installed = metadata("rawshake")
    assert installed["Version"] == rawshake.__version__
    assert installed["License-Expression"] == "GPL-2.0-or-later"
    assert installed["Requires-Python"] == ">=3.11"


def test_the_licence_is_the_one_named() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize(
    "script",
    [
        *(
            str(path.relative_to(ROOT))
            for path in (ROOT / "scripts").iterdir()
            if not path.suffix and path.is_file()
        ),
        ".ci/run",
    ],
)
def test_scripts_run_from_a_fresh_clone(script: str) -> None:
    path = ROOT / script
    shell = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#!")
    assert path.stat().st_mode & 0o111 == 0o111
    subprocess.run([shell, "-n", path], check=True, timeout=60)
