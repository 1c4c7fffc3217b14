"""``rawshake play`` in memory: what it prints, how it ends, and every way in which a script can be wrong."""

from __future__ import annotations

import signal
from itertools import takewhile
from pathlib import Path

import pytest

from rawshake.cli.scripts import examples
from rawshake.errors import Exit
from rawshake.render.json import load
from rawshake.report import Outcome, Remark
from tests.command import ROOT, Done, rawshake, read_until, started

ECHO = """
def script(peer):
    yield peer.send("S 0:0(0) <mss 1460>")
    yield peer.expect("S. 0:0(0) ack 1", within=1.0)
    yield peer.send(". 1:1(0) ack 1")
    yield peer.send("P.", data=b"hello")
    yield peer.expect('P. 1:6(5) "hello"')
    yield peer.send(".")
    yield peer.send("F.")
    yield peer.expect("F. ack 7")
    yield peer.send(".")
"""


def play(scratch: Path, text: str, *options: str) -> Done:
    script = scratch / "mine.py"
    script.write_text(text, encoding="utf-8")
    return rawshake("play", str(script), "--rehearse", *options)


def test_it_draws_a_ladder_and_says_that_it_was_played(tmp_path: Path) -> None:
    done = play(tmp_path, ECHO)
    assert (done.status, done.err) == (Exit.OK, "")
    lines = done.out.splitlines()
    assert lines[0].split() == ["client", "(rawshake)", "server"]
    assert max(map(len, lines[:-1])) <= 80
    assert lines[-3].startswith("closed: 9 segments, ")
    assert lines[-1].endswith("mine.py: played to its end")


def test_all_output_options_are_taken(tmp_path: Path) -> None:
    assert play(tmp_path, ECHO, "--ascii").out.isascii()
    compact = play(tmp_path, ECHO, "--compact").out.splitlines()
    assert compact[0] == "0.000000 > S 0:0(0) win 65535 <mss 1460> # SYN-SENT / SYN-RECEIVED?"
    assert all(line[0] in "0#" for line in compact)
    quiet = play(tmp_path, ECHO, "-q").out.splitlines()
    assert [line.partition(":")[2].split(",")[0] for line in quiet] == [" 9 segments", " played to its end"]
    assert "\033[" in play(tmp_path, ECHO, "--color", "always").out
    refused = play(tmp_path, ECHO, "--pcap", str(tmp_path / "frames.pcap"))
    assert refused.status == Exit.USAGE
    assert "no frames" in refused.err


def test_a_mismatch_has_both_segments_each_field_and_a_status_of_its_own(tmp_path: Path) -> None:
    done = play(tmp_path, ECHO.replace("1:6(5)", "1:7(6)").replace('"hello"\'', "\"'"), "--compact")
    assert done.status == Exit.USAGE  # six octets and none: that is a mistake
    done = play(tmp_path, ECHO.replace('S. 0:0(0) ack 1"', 'S. 0:0(0) ack 2 <mss 99>", "R"'), "--compact")
    assert (done.status, done.err) == (Exit.MISMATCH, "")
    first, *others = [line for line in done.out.splitlines() if "mine.py" in line or line.startswith("#  ")]
    assert first.endswith("mine.py, line 4: what was expected did not come within 1 s")
    assert others == [
        "#   sent      S 0:0(0) win 65535 <mss 1460>",
        "#   expected  S. 0:0(0) ack 2 <mss 99> or R",
        "#   came      S. 0:0(0) ack 1 win 65535 <mss 1460>",
        "#     flags  expected R, got S.",
    ]
    # It also stands where it happened.
    assert "R within 1 s; S. 0:0(0) ack 1 win 65535 <mss 1460> came (flags: expected R, got S.)" in done.out
    assert done.out.count("> R 1:1(0)") == 1


def test_what_a_script_returns_is_said(tmp_path: Path) -> None:
    done = play(tmp_path, ECHO + '    return "seven"\n', "-q")
    assert done.out.endswith("mine.py: played to its end: seven\n")


def test_a_report_has_every_connection(tmp_path: Path) -> None:
    text = "def script(peer):\n    for one in (peer, peer.another()):\n        yield one.send('S')\n"
    text += (
        "        yield one.expect('S.')\n    yield peer.quiet(0.5)\n    yield peer.expect('R', within=0.3)\n"
    )
    done = play(tmp_path, text, "--json", "-")
    assert done.status == Exit.MISMATCH
    exchanges = load(done.out).exchanges
    assert [exchange.client[1] for exchange in exchanges] == [40000, 40001]
    assert {exchange.outcome for exchange in exchanges} == {Outcome.RESET_BY_US}
    remarks = [entry.text for entry in exchanges[0].entries if isinstance(entry, Remark)]
    assert remarks == ["expected R within 0.3 s; nothing came"]
    script = load(done.out).script
    assert script is not None
    assert script.missed is not None
    assert (script.ending, script.missed.line, script.missed.expected) == ("something else came", 6, "R")
    assert (script.missed.within, script.missed.came, script.missed.meanwhile) == (300_000_000, "", ())
    drawn = play(tmp_path, text, "--ascii").out
    assert drawn.count("client (rawshake)") == 2


@pytest.mark.parametrize("name", [name for name, _, _ in examples()])
def test_examples_are_played_by_name(name: str) -> None:
    done = rawshake("play", name, "--rehearse", "-q")
    assert (done.status, done.err) == (Exit.OK, "")
    assert f"{name}: played to its end" in done.out


def test_they_are_listed() -> None:
    done = rawshake("play", "--list")
    assert done.status == Exit.OK
    for name, peer, _ in examples():
        assert f"{name:20} {peer}\n" in done.out
    assert max(map(len, done.out.splitlines()[:-1])) <= 80


def test_against_other_servers(tmp_path: Path) -> None:
    text = "def script(peer):\n    yield peer.send('S')\n    yield peer.expect('R. =0: ack 1')\n"
    assert play(tmp_path, text, "--server", "closed").status == Exit.OK
    assert play(tmp_path, text).status == Exit.MISMATCH
    refused = play(tmp_path, text, "--server", "nginx")
    assert refused.status == Exit.USAGE
    assert "'nginx'" in refused.err
    assert "closes-first" in refused.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def script(peer)\n    pass\n", "mine.py, line 1: expected ':'."),
        ("def play(peer):\n    yield\n", "mine.py has no function 'script'."),
        ("script = 5\n", "mine.py has a 'script' that is no function."),
        ("import nothing_of_the_kind\n", "mine.py, line 1: ModuleNotFoundError: No module named"),
        ("x = 1\ny = x / 0\n", "mine.py, line 2: ZeroDivisionError: division by zero"),
        ("x = 1\nraise SystemExit(0)\n", "mine.py, line 2: SystemExit: 0"),
        ("def script(peer):\n    peer.send('S')\n", "mine.py: script(peer) yields nothing; write yield"),
        ("def script(peer):\n    yield peer.send('Q')\n", 'mine.py, line 2: "Q" in "Q" is not a flag'),
        ("def script(peer):\n    yield 5\n", "mine.py, line 2: 5 was yielded; yield what peer.send"),
        (
            "def script(peer):\n    yield peer.send('S')\n    peer.expect('S.')\n",
            "mine.py, line 2: What peer.expect(...) makes was not yielded.",
        ),
        (
            "def script(peer):\n    yield peer.send('S')\n    raise KeyError('x')\n",
            "mine.py, line 3: KeyError: 'x'",
        ),
        ("def script():\n    yield\n", "mine.py: TypeError: script() takes 0 positional arguments"),
    ],
)
def test_what_is_wrong_with_a_script_is_one_sentence_and_a_next_step(
    tmp_path: Path, text: str, told: str
) -> None:
    done = play(tmp_path, text)
    assert done.status == Exit.USAGE
    first, second = done.err.splitlines()
    assert told in first
    assert second.startswith("  ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing argument 'SCRIPT'."),
        (("fin-with-data",), "A script is played against HOST and PORT."),
        (("fin-with-data", "192.0.2.1"), "A script is played against HOST and PORT."),
        (("fin-with-data", "192.0.2.1", "80", "--rehearse"), "--rehearse meets a server in memory, no host."),
        (("fin-with-data", "192.0.2.1", "80", "--server", "echo"), "--server is for --rehearse."),
        (("fin-with-data", "192.0.2.1", "http"), "'http' is not a port"),
        (("fin-wiht-data", "--rehearse"), "There is no script 'fin-wiht-data'."),
        (("./nowhere.py", "--rehearse"), "./nowhere.py is no file."),
        (("/", "--rehearse"), "/ is a directory."),
    ],
)
def test_what_cannot_be_played(arguments: tuple[str, ...], told: str) -> None:
    done = rawshake("play", *arguments)
    assert done.status == Exit.USAGE
    assert told in done.err
    assert len(done.err.splitlines()) == 2


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    assert "Did you mean fin-with-data?" in rawshake("play", "fin-wiht-data", "--rehearse").err


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_hosts_that_nobody_answers_for_are_refused(host: str) -> None:
    done = rawshake("play", "fin-with-data", host, "80")
    assert done.status == Exit.NOT_PERMITTED
    assert "--i-am-allowed-to-test-this-host" in done.err


def test_a_script_that_never_yields_can_be_stopped(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    text = (
        "def script(peer):\n    yield peer.send('S')\n    yield peer.expect('S.')\n    yield peer.wait(1)\n"
    )
    script.write_text(
        f"{text}    print('now', flush=True)\n    while True:\n        pass\n", encoding="utf-8"
    )
    with started("play", str(script), "--rehearse", "--compact") as process:
        read_until(process, "now")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == Exit.INTERRUPTED
        assert process.stdout is not None
        rest = process.stdout.read()
    assert "> R 1:1(0)" in rest
    assert "mine.py: stopped" in rest
    assert "Traceback" not in rest


def test_modules_beside_a_script_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("SYN = 'S 0:0(0)'\n", encoding="utf-8")
    done = play(tmp_path, "from beside import SYN\ndef script(peer):\n    yield peer.send(SYN)\n", "-q")
    assert done.status == Exit.OK
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.py", "mine.py"]


@pytest.mark.parametrize("where", ["README.md", "rawshake/play/__init__.py"])
def test_what_the_documents_show_is_played(tmp_path: Path, where: str) -> None:
    text = (ROOT / where).read_text(encoding="utf-8")
    begin = text.index("from rawshake.play import Peer, Script\n")
    lines = [line.removeprefix("    ") if "play/" in where else line for line in text[begin:].splitlines()]
    script = "\n".join(takewhile(lambda line: line.startswith((" ", "def ", "from ")) or not line, lines))
    assert "peer.quiet(" in script
    done = play(tmp_path, script, "-q")
    assert (done.status, done.err) == (Exit.OK, "")
