"""``--step``: each segment of ours waits for Enter, from a terminal or a pipe, and the kernel takes it as it comes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.render.json import load
from rawshake.tcp.state import State
from tests.command import LONG, environment, rawshake
from tests.terminal import terminal

ENGLISH = {"LC_ALL": "C.UTF-8"}
#: More lines than any exchange here has segments.
ENOUGH = b"\n" * 50
QUESTION = "Enter sends it, Ctrl-C ends."
CTRL_C, CTRL_D = b"\x03", b"\x04"


def teardown(lab: Lab, *options: str) -> list[str]:
    return ["teardown", lab.address4, str(lab.ports["echo"]), "--linger", "0", "--step", *options]


def test_a_pipe_lets_each_segment_go_by_a_line(lab: Lab) -> None:
    done = rawshake(*teardown(lab, "--json", "-"), stdin=ENOUGH, env=ENGLISH)
    assert done.status == Exit.OK
    (exchange,) = load(done.out).exchanges
    ours = [step for step in exchange.steps if step.ours]
    assert done.err.count(QUESTION) == len(ours) == 4
    assert re.findall("Next: (.*)", done.err) == ["SYN", "ACK", "FIN,ACK", "ACK"]
    assert exchange.findings == ()


def test_the_ladder_is_the_same_as_without(lab: Lab) -> None:
    stepped = rawshake(*teardown(lab, "--compact"), stdin=ENOUGH, env=ENGLISH)
    hasty = rawshake(*(one for one in teardown(lab, "--compact") if one != "--step"), env=ENGLISH)

    def segments(text: str) -> list[str]:
        return re.findall(r"^[0-9.]+ (. \S+ \S+)", text, re.MULTILINE)

    assert segments(stepped.out)[:4] == segments(hasty.out)[:4]
    assert QUESTION not in stepped.out


@pytest.mark.parametrize("how", ["rst", "half"])
def test_other_endings_are_asked_for_too(lab: Lab, how: str) -> None:
    done = rawshake(*teardown(lab, "--how", how), stdin=ENOUGH, env=ENGLISH)
    assert done.status == Exit.OK
    asked = re.findall("Next: (.*)", done.err)
    assert asked == ["SYN", "ACK", *(["RST,ACK"] if how == "rst" else ["FIN,ACK", "ACK"])]


def test_too_few_lines_reset_the_connection(lab: Lab) -> None:
    done = rawshake(*teardown(lab, "--json", "-"), stdin=b"\n\n", env=ENGLISH)
    assert done.status == Exit.INTERRUPTED
    assert "There are no more lines to read" in done.err
    (exchange,) = load(done.out).exchanges
    assert str(exchange.steps[-1].segment.flags) == "R."
    assert lab.control.state(exchange.server, exchange.client).state is State.CLOSED


def test_what_the_server_sends_again_meanwhile_is_drawn_and_blamed_on_nobody(lab: Lab) -> None:
    with terminal(*teardown(lab, "--explain"), env=ENGLISH) as shown:
        shown.until(QUESTION)
        shown.press(b"\n")
        shown.until(QUESTION)  # for the third segment
        shown.until("It has heard no answer to that.")  # the kernel's SYN,ACK comes again after a second
        shown.until(QUESTION)
        for _ in range(3):
            shown.press(b"\n")
        assert shown.end() == Exit.OK
    assert "sent again" in shown.seen
    assert re.search(r"rules held, 0\s+broken", shown.seen)
    for line in shown.seen.splitlines():
        assert not re.match(rf"\s*{re.escape(QUESTION)}.*[│├]", line), line


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_whoever_ends_it_leaves_no_server_hanging(lab: Lab, keys: bytes) -> None:
    with terminal(*teardown(lab), env=ENGLISH) as shown:
        shown.until(QUESTION)
        shown.press(b"\n")
        shown.until(QUESTION)
        shown.press(keys)
        assert shown.end() == Exit.INTERRUPTED
    assert "interrupted: resetting the connection" in shown.seen
    assert "RST" in shown.seen


def test_connect_holds_what_was_opened_step_by_step(lab: Lab) -> None:
    opened = rawshake("connect", lab.address4, str(lab.ports["echo"]), "--step", stdin=b"\n\n", env=ENGLISH)
    assert opened.status == Exit.OK
    assert opened.err.count(QUESTION) == 2
    refused = rawshake("teardown", "--step", stdin=ENOUGH, env=ENGLISH)
    assert refused.status == Exit.USAGE
    assert "is open already: --step comes too late." in refused.err
    assert rawshake("teardown", "--linger", "0", env=ENGLISH).status == Exit.OK


def test_the_demonstration_step_by_step_in_korean() -> None:
    done = rawshake("demo", "--step", "--lang", "ko", stdin=ENOUGH, env=ENGLISH)
    assert done.status == Exit.OK
    assert "제 말 들리세요?" in done.err
    assert "Enter" in done.err
    assert QUESTION not in done.err
    assert re.search(r"agree: (\d+) of \1\n", done.out)


@pytest.mark.parametrize("name", ["teardown", "demo"])
def test_where_nobody_types_it_is_refused_before_anything_is_sent(lab: Lab, name: str) -> None:
    arguments = teardown(lab) if name == "teardown" else ("demo", "--step")
    command = [sys.executable, "-m", "rawshake", *arguments]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG, check=False,
        env=environment(ENGLISH),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr.startswith("rawshake: --step waits for Enter, and standard input is no terminal.\n")
    assert len(done.stderr.splitlines()) == 2


def test_many_have_no_steps(lab: Lab) -> None:
    done = rawshake(*teardown(lab, "--count", "3"), stdin=ENOUGH, env=ENGLISH)
    assert done.status == Exit.USAGE
    assert "--step" in done.err
