"""``compare`` and ``grid`` as a user has them: what is no report of ``verify`` is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.render.verify_json import dump
from tests.command import rawshake
from tests.probes.stack import Stack
from tests.render.test_verify_json import challenged_wrongly, ran

NEXT = "\n  Name a report of 'rawshake verify HOST --json FILE'.\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "right.json"
    path.write_text(dump(ran(Stack(), "syn-opens", "ESTABLISHED/SYN/at")))
    return path


@pytest.mark.parametrize("words", [("grid",), ("compare",)])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "The text is not JSON: Expecting value: line 1 column 1 (char 0)."),
        ("[]", "$ is [], not an object."),
        ('{"schema": 1, "command": "check"}', "The report is of 'check', not of 'verify'."),
        ('{"schema": 9, "command": "verify"}', "The report is of schema 9; this version reads schema 1."),
        ('{"schema": 1, "command": "verify"}', "$ has no 'results'."),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, words: tuple[str, ...], text: str, why: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    done = rawshake(*words, str(path))
    assert (done.status, done.out, done.err) == (Exit.UNREADABLE, "", f"rawshake: {path}: {why}{NEXT}")


@pytest.mark.parametrize("word", ["grid", "compare"])
def test_what_cannot_be_read_is_refused(tmp_path: Path, word: str) -> None:
    missing, binary = tmp_path / "missing.json", tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    done = rawshake(word, str(missing))
    assert done.status == Exit.UNREADABLE
    assert done.err == f"rawshake: {missing} cannot be read: No such file or directory.{NEXT}"
    assert rawshake(word, str(binary)).err == f"rawshake: {binary} cannot be read: it is not text.{NEXT}"


def test_a_report_without_cells_has_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text(dump(ran(Stack(), "syn-opens")))
    done = rawshake("grid", str(path))
    assert done.status == Exit.UNREADABLE
    assert done.err.startswith(f"rawshake: No cell of the grid is in {path}.")


def test_a_grid_is_drawn_of_standard_input(report: Path) -> None:
    done = rawshake("grid", "-", stdin=report.read_bytes())
    assert (done.status, done.err) == (Exit.OK, "")
    assert "  SYN                   .       +       .       .       .\n" in done.out


def test_stacks_are_compared(report: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(dump(ran(challenged_wrongly(), "syn-opens", "ESTABLISHED/SYN/at")))
    done = rawshake("compare", str(report), str(wrong))
    assert done.status == Exit.OK
    assert " right   wrong" in done.out.splitlines()[0]
    assert "1 probe of 2 differ, 1 of them cells of the grid." in done.out


def test_reports_of_one_name_are_told_apart(report: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / report.name
    other.write_bytes(report.read_bytes())
    head = rawshake("compare", str(report), str(other)).out.splitlines()[0]
    assert head.split() == ["differs", "1:right", "2:right"]


def test_a_cell_of_the_grid_has_a_page() -> None:
    done = rawshake("explain", "ESTABLISHED/RST/at")
    assert done.status == Exit.OK
    assert done.out.startswith("ESTABLISHED/RST/at\nESTABLISHED: RST at RCV.NXT.\n")
    assert "clause    RFC 9293 3.10.7.4\n" in done.out


@pytest.mark.parametrize(("word", "page"), [("grid", "heatmap"), ("compare", "differs")])
def test_a_page_is_written_beside_the_screen_or_in_its_place(
    report: Path, tmp_path: Path, word: str, page: str
) -> None:
    path = tmp_path / "page.html"
    beside = rawshake(word, str(report), "--html", str(path))
    assert (beside.status, beside.err) == (Exit.OK, "")
    assert beside.out == rawshake(word, str(report)).out
    assert f'id="{page}"' in path.read_text()
    assert rawshake(word, str(report), "--html", "-").out == path.read_text()
