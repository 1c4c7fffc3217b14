"""``rawshake check --html``: a page in a file, beside what else is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rawshake.errors import Exit
from tests.cli.traces import CLEAN, FAULTY, capture
from tests.command import ROOT, rawshake
from tests.html.reading import Page, unpacked


def test_the_page_holds_what_json_writes(tmp_path: Path) -> None:
    one, two = capture(tmp_path, CLEAN, FAULTY), capture(tmp_path, FAULTY, name="two.pcap")
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    done = rawshake("check", str(one), str(two), "--html", str(page), "--json", str(report))
    assert (done.status, done.err) == (Exit.RULE_BROKEN, "")
    found = Page(page.read_text(encoding="utf-8"))
    assert unpacked(found, "report", 0) == report.read_text()
    drawn = json.loads(found.script("data-drawn"))
    assert drawn == [{"ladders": [1, 2], "lines": []}, {"ladders": [1], "lines": []}]
    assert "connection 2" in done.out  # and the text is there as ever


def test_a_report_becomes_a_page_without_segments(tmp_path: Path) -> None:
    trace, report, page = capture(tmp_path, CLEAN), tmp_path / "report.json", tmp_path / "page.html"
    rawshake("check", str(trace), "--json", str(report))
    done = rawshake("check", str(report), "--html", str(page))
    assert (done.status, done.err) == (Exit.OK, "")
    found = Page(page.read_text(encoding="utf-8"))
    assert json.loads(found.script("data-drawn")) == [{"ladders": [], "lines": []}]
    connections = json.loads(unpacked(found, "report", 0))["captures"][0]["connections"]
    assert connections == json.loads(report.read_text())["captures"][0]["connections"]


def test_one_connection_has_a_page_of_its_own(tmp_path: Path) -> None:
    trace, page = capture(tmp_path, CLEAN, FAULTY), tmp_path / "page.html"
    rawshake("check", str(trace), "--connection", "2", "--html", str(page))
    found = Page(page.read_text(encoding="utf-8"))
    (exchange,) = json.loads(unpacked(found, "report", 0))["exchanges"]
    assert exchange["server"]["port"] == 80
    assert exchange["client"]["port"] == 40002
    assert not any(one.get("id") == "rows" for _, one in found.elements)


def test_a_page_may_go_to_standard_output_alone(tmp_path: Path) -> None:
    trace = str(capture(tmp_path, CLEAN))
    done = rawshake("check", trace, "--html", "-")
    assert (done.status, done.out[:15], done.err) == (Exit.OK, "<!DOCTYPE html>", "")
    both = rawshake("check", trace, "--html", "-", "--json", "-")
    assert both.status == Exit.USAGE
    assert "--json and --html cannot both go to standard output." in both.err


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN)), "--html", str(tmp_path / "nowhere" / "page.html"))
    assert done.out == ""
    assert done.status not in (Exit.OK, Exit.RULE_BROKEN)
    assert "nowhere" in done.err


def test_who_asks_for_no_page_does_not_load_what_makes_them(tmp_path: Path) -> None:
    def loaded(*more: str) -> set[str]:
        words = [sys.executable, "-X", "importtime", "-m", "rawshake", "check", trace, *more]
        told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stderr
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines()}

    trace = str(capture(tmp_path, CLEAN))
    assert "jinja2" not in loaded()
    assert "jinja2" in loaded("--html", str(tmp_path / "page.html"))


def test_one_connection_has_a_picture(tmp_path: Path) -> None:
    trace, picture = capture(tmp_path, CLEAN, FAULTY), tmp_path / "ladder.svg"
    done = rawshake("check", str(trace), "--connection", "2", "--svg", str(picture))
    assert (done.status, done.err) == (Exit.RULE_BROKEN, "")
    assert "✗ FAIL" in picture.read_text(encoding="utf-8")
    assert rawshake("check", str(trace), "--connection", "1", "--svg", "-").out.startswith("<svg ")


def test_all_connections_have_none(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN)), "--svg", str(tmp_path / "ladder.svg"))
    assert (done.status, done.out) == (Exit.USAGE, "")
    assert done.err.splitlines()[1].strip() == "Name it by its number: --connection 3."
    assert not (tmp_path / "ladder.svg").exists()
