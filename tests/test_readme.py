"""The README opens as it should, and what it says that the code knows too is what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from rawshake.errors import Exit, Failure
from scripts import readme
from tests.typed import calls, parse

ROOT = Path(__file__).parent.parent
TEXT = readme.README.read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)#:]+)\)|`((?:scripts|tests|rawshake)/[\w./]*)`")


def part(name: str, text: str = TEXT) -> str:
    """What stands in a README between the marks of that part."""
    found = [match[0] for match in readme.PART.finditer(text) if match[2] == name]
    assert len(found) == 1
    return found[0]


def test_its_tables_are_what_the_code_says() -> None:
    assert readme.render(TEXT) == TEXT, "stale: run scripts/readme"


@pytest.mark.parametrize("name", [name for name in readme.PARTS if name not in readme.OF_TRANSLATIONS])
def test_it_has_every_part(name: str) -> None:
    assert part(name).count("\n") > 3


def test_every_exit_status_is_explained() -> None:
    table = part("exits")
    for status in Exit:
        assert re.search(rf"^\| {status.value} \| `{status.name}` \| \S.+\|$", table, re.MULTILINE)


def test_it_opens_with_the_two_commands_and_a_ladder() -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", TEXT, re.DOTALL)
    assert [line.split()[0] for line in blocks[0].splitlines()] == ["scripts/demo", "scripts/test"]
    assert "├── SYN" in blocks[1]
    assert blocks[1].rstrip().splitlines()[-2].startswith("closed: 6 segments")
    assert max(map(len, blocks[1].splitlines())) <= 80


def headings(text: str) -> list[str]:
    """The chapters of a Markdown file."""
    return re.findall(
        r"^## (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )


def test_its_contents_lead_to_every_chapter() -> None:
    contents = TEXT.partition("\n## Contents\n")[2].partition("\n## ")[0]
    linked = re.findall(r"\[([^]]+)\]\(#([a-z-]+)\)", contents)
    assert [target for name, target in linked if name.lower().replace(" ", "-") != target] == []
    assert sorted(name for name, _ in linked) == sorted(set(headings(TEXT)) - {"Contents", "Licence"})


def test_a_newcomer_reads_on_the_first_screens_how_to_begin() -> None:
    top = TEXT.splitlines()[:100]
    for what in ("scripts/demo", "scripts/test", "├── SYN", "## Contents"):
        assert any(what in line for line in top)


def test_it_gives_the_reason_for_each_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name = requirement.partition(">")[0]
        assert re.search(rf"^\| \[{name}\]\(https://pypi.org/project/{name}/\) \| \S", TEXT, re.MULTILINE)


def test_it_knows_every_part_of_the_package() -> None:
    parts = {
        path.stem
        for path in (ROOT / "rawshake").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    rows = re.findall(r"^\| (`[a-z`, ]+`) \|", TEXT.partition("## How it is built")[2], re.MULTILINE)
    named = {name.strip("`") for row in rows for name in row.split(", ")}
    assert parts - named <= {"__init__", "__main__", "errors"}


def test_it_knows_every_script() -> None:
    told = TEXT.partition("\n## Scripts\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `scripts/([a-z]+)` \| \S", told, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix}


def test_the_files_it_names_are_there() -> None:
    named = [one or other for one, other in LINK.findall(TEXT)]
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_table_escapes_what_would_end_a_cell() -> None:
    assert readme.table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"
    assert readme.escape("<mss  1>") == r"\<mss 1\>"


def test_an_unknown_argument_is_refused() -> None:
    assert readme.main(["--nonsense"]) == 2


def shell_lines(text: str) -> list[str]:
    """What is typed in the blocks of a Markdown file: every line that starts rawshake, in whatever way."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [
        line
        for line in lines
        if re.match(r"(sudo |docker \w+ .*|tcpdump .*\| )?rawshake [a-z-]|docker run ", line)
    ]


def test_its_examples_are_understood() -> None:
    measured = TEXT.partition("\n## How fast\n")[2].partition("\n## ")[0]  # its blocks are no shell
    seen = {parse(arguments) for line in shell_lines(TEXT.replace(measured, "")) for arguments in calls(line)}
    assert {"demo", "connect", "send", "sessions", "teardown", "run", "doctor", "verify", "check"} <= seen


@pytest.mark.parametrize(
    "line",
    ["rawshake tearup", "docker exec shake rawshake send", "docker run --rm IMAGE teardown --nonsense"],
)
def test_an_example_that_is_not_understood_is_found(line: str) -> None:
    assert shell_lines(f"```\n{line}  # why\n```\n") == [f"{line}  # why"]
    *_, arguments = calls(line)
    with pytest.raises((click.UsageError, Failure)):
        parse(arguments)
