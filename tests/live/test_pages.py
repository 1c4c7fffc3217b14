"""Pages of live connections: held ones, clients of a port, those that are interrupted; and the demo's."""

from __future__ import annotations

import signal
from pathlib import Path

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.render.json import load
from rawshake.report import Outcome, Report
from tests.command import LONG, rawshake, read_until, started
from tests.html.reading import Page, unpacked
from tests.live.serving import serving, talk


def stored(page: Path) -> tuple[Page, Report]:
    """What is on the page, and the report in it."""
    made = Page(page.read_text(encoding="utf-8"))
    return made, load(unpacked(made, "report", 0))


def ladders(page: Page) -> int:
    return sum(one.get("class") == "rawshake-ladder" for _, one in page.elements)


def test_each_command_of_a_held_connection_writes_its_page(lab: Lab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--html", str(page), "-q")
    opened = rawshake("connect", lab.address4, str(lab.ports["echo"]), *options)
    assert (opened.status, opened.err.count("\n")) == (Exit.OK, 0)
    assert [one.outcome for one in stored(page)[1].exchanges] == [Outcome.HELD]
    assert rawshake("send", "hello", *options).status == Exit.OK
    sent = stored(page)[1].exchanges[0]
    assert any(step.segment.payload == b"hello" for step in sent.steps)
    done = rawshake("teardown", "--linger", "0", *options, "--svg", str(tmp_path / "ladder.svg"))
    assert done.status == Exit.OK
    made, report = stored(page)
    assert report.command == "teardown"
    assert report.exchanges[0].outcome is Outcome.CLOSED
    assert ladders(made) >= 1
    assert "rawshake-ladder" in (tmp_path / "ladder.svg").read_text(encoding="utf-8")


def test_what_a_held_connection_sends_back_stays_off_a_page_on_standard_output(lab: Lab) -> None:
    assert rawshake("connect", lab.address4, str(lab.ports["echo"]), "-q").status == Exit.OK
    sent = rawshake("send", "hello", "--html", "-")
    assert sent.out.startswith("<!DOCTYPE html>")
    assert sent.out.endswith("</html>\n")
    assert rawshake("teardown", "--linger", "0", "-q").status == Exit.OK


def test_a_page_has_each_client_of_a_port(lab: Lab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with serving(lab, tmp_path, "--count", "2", "--html", str(page)) as listener:
        assert talk(listener.name, b"one") == b"one"
        assert talk(listener.name, b"two") == b"two"
        assert listener.end() == Exit.OK, listener.said
    made, report = stored(page)
    assert report.command == f"listen {listener.port}"
    assert [one.outcome for one in report.exchanges] == [Outcome.CLOSED, Outcome.CLOSED]
    assert {"x1", "x2"} <= {one.get("id") for _, one in made.elements}
    assert "server (rawshake)" in page.read_text(encoding="utf-8")


def test_interrupted_in_the_middle_there_is_a_page_still(lab: Lab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ("teardown", lab.address4, str(lab.ports["never-accepts"]), "--html", str(page))
    with started(*arguments, "--how", "half") as process:
        read_until(process, "FIN-WAIT-2")
        process.send_signal(signal.SIGINT)
        read_until(process, "interrupted: ")
        assert process.wait(LONG) == Exit.INTERRUPTED
    assert stored(page)[1].exchanges[0].outcome is Outcome.INTERRUPTED


def test_the_demo_has_what_the_kernel_said(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert rawshake("demo", "-q", "--html", str(page)).status == Exit.OK
    text = page.read_text(encoding="utf-8")
    assert "kernel: ESTABLISHED = expected ESTABLISHED" in text
    assert "seq a (ISN)" in text
