"""``--html`` and ``--svg``: what is written where, what is refused before anything is done, with a script in memory."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from rawshake.errors import Exit
from rawshake.render.json import load
from tests.command import Done, rawshake
from tests.html.reading import Page, unpacked


def play(script: str, *options: str) -> Done:
    return rawshake("play", script, "--rehearse", *options)


def test_the_page_and_the_report_are_of_one_exchange(tmp_path: Path) -> None:
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    done = play("fin-with-data", "-q", "--html", str(page), "--json", str(report))
    assert (done.status, done.err) == (Exit.OK, "")
    made = Page(page.read_text(encoding="utf-8"))
    assert unpacked(made, "report", 0) == report.read_text(encoding="utf-8")
    count = len(load(report.read_text(encoding="utf-8")).exchanges[0].steps)
    assert [one["id"] for _, one in made.elements if (one.get("class") or "").startswith("segment ")] == [
        f"x1-{number}" for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(("script", "connections"), [("fin-with-data", 1), ("reset-opening", 3)])
def test_the_picture_has_every_connection(tmp_path: Path, script: str, connections: int) -> None:
    picture = tmp_path / "ladder.svg"
    assert play(script, "-q", "--svg", str(picture)).status == Exit.OK
    root = ElementTree.parse(picture).getroot()
    ladders = [one for one in root.iter() if one.attrib.get("class") == "rawshake-ladder"]
    assert len(ladders) == connections


@pytest.mark.parametrize(("option", "begins"), [("--html", "<!DOCTYPE html>"), ("--svg", "<svg xmlns=")])
def test_standard_output_has_it_alone(option: str, begins: str) -> None:
    done = play("fin-with-data", option, "-")
    assert done.out.startswith(begins)
    assert done.out.rstrip().endswith(("</html>", "</svg>"))


@pytest.mark.parametrize("others", [("--json", "-"), ("--svg", "-")])
def test_standard_output_has_room_for_one(others: tuple[str, str]) -> None:
    done = play("fin-with-data", "--html", "-", *others)
    assert (done.status, done.out) == (Exit.USAGE, "")
    assert "cannot both go to standard output" in done.err


@pytest.mark.parametrize("option", ["--html", "--svg"])
def test_a_file_that_cannot_be_written_is_refused_first(tmp_path: Path, option: str) -> None:
    done = play("fin-with-data", option, str(tmp_path / "none" / "page"))
    assert (done.status, done.out) == (Exit.UNREADABLE, "")
    assert "cannot be written" in done.err
    assert len(done.err.splitlines()) == 2


@pytest.mark.parametrize("option", ["--html", "--svg"])
def test_many_connections_have_none(option: str) -> None:
    done = rawshake("teardown", "127.0.0.1", "7", "--count", "2", option, "page")
    assert done.status == Exit.USAGE
    assert f"{option} is for one connection" in done.err
