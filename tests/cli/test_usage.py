"""What a user sees who types something wrong, asks for help, or may not: a sentence and a next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from rawshake.cli.commands import COMMANDS
from rawshake.errors import Exit
from tests.command import Done, rawshake

HERE = ("127.0.0.1", "1")
NOBODY = 65534


def assert_a_sentence_and_a_next_step(done: Done, status: Exit) -> None:
    assert (done.status, done.out) == (status, ""), done.err
    problem, *next_steps = done.err.splitlines()
    assert problem.startswith("rawshake: ")
    assert problem.endswith((".", ")"))
    assert all(line.startswith("  ") for line in next_steps)
    assert next_steps


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("connect",), Exit.USAGE, "HOST"),
        (("connect", "127.0.0.1"), Exit.USAGE, "PORT"),
        (("connect", "127.0.0.1", "0"), Exit.PORT_ZERO, "port 0"),
        (("connect", "127.0.0.1", "65536"), Exit.USAGE, "'65536' is not a port"),
        (("connect", "127.0.0.1", "http"), Exit.USAGE, "'http' is not a port"),
        (("connect", "127.0.0.1", "\u0663"), Exit.USAGE, "is not a port"),
        (("connect", *HERE, "--isn", "4294967296"), Exit.USAGE, "4294967296"),
        (("connect", *HERE, "--isn", "a"), Exit.USAGE, "'a' is not a whole number"),
        (("connect", *HERE, "--ttl", "0"), Exit.USAGE, "between 1 and 255"),
        (("connect", *HERE, "--window", "-1"), Exit.USAGE, "-1"),
        (("connect", *HERE, "--isn", "1_000"), Exit.USAGE, "'1_000' is not a whole number"),
        (("connect", *HERE, "--isn", "\u0663"), Exit.USAGE, "is not a whole number"),
        (("connect", *HERE, "--timeout", "nan"), Exit.USAGE, "nan"),
        (("connect", *HERE, "--timeout", "1_0"), Exit.USAGE, "'1_0' is not a number of seconds"),
        (("connect", *HERE, "--hold", "inf"), Exit.USAGE, "'inf' is not a number of seconds"),
        (("connect", *HERE, "--pcap", "-"), Exit.USAGE, "--pcap -"),
        (("connect", *HERE, "--timeout", "soon"), Exit.USAGE, "'soon' is not a number of seconds"),
        (("connect", *HERE, "--linger", "1"), Exit.USAGE, "--linger"),
        (("connect", *HERE, "--bad", "ack"), Exit.USAGE, "'ack' is not STEP.FIELD=VALUE"),
        (("connect", *HERE, "--bad", "third.ack=1"), Exit.USAGE, "'third'"),
        (("listen", "8080", "--behave", "ehco"), Exit.USAGE, "'ehco' is no behaviour"),
        (("listen", "8080", "--behave", "echo:5"), Exit.USAGE, "'echo' takes no number"),
        (("listen", "8080", "--once", "--count", "3"), Exit.USAGE, "--once and --count"),
        (("listen", "70000"), Exit.USAGE, "70000"),
        (("connect", *HERE, "--bad", "ack.mss=1"), Exit.USAGE, "'mss'"),
        (("connect", *HERE, "--bad", "ack.ack=one"), Exit.USAGE, "'one'"),
        (("connect", *HERE, "--bad", "ack.window=65536"), Exit.USAGE, "65536"),
        (("connect", *HERE, "--bad", "syn.flags=Q"), Exit.USAGE, "'Q'"),
        (("connect", *HERE, "--bad", "ack.ack=1", "--bad", "ack.ack=+1"), Exit.USAGE, "twice what ack.ack"),
        (("connect", *HERE, "--drop", "synack:0"), Exit.USAGE, "'0'"),
        (("connect", *HERE, "--drop", "sin:1"), Exit.USAGE, "'sin'"),
        (("connect", *HERE, "--options", "<mss 1460", "--mss", "1"), Exit.USAGE, "<mss 1460"),
        (("connect", *HERE, "--options", "<mss 1460>", "--mss", "1"), Exit.USAGE, "--mss asks for one more"),
        (("connect", *HERE, "--options", "<" + ",".join(["nop"] * 41) + ">"), Exit.USAGE, "41 octets"),
        (("connect", *HERE, "-4", "-6", "--source", "::1"), Exit.UNKNOWN_HOST, "127.0.0.1"),
        (("verify", "127.0.0.1"), Exit.USAGE, "No port is named"),
        (("verify", "127.0.0.1", "--closed", "81"), Exit.USAGE, "No open port is named"),
        (("verify", "lab"), Exit.USAGE, "There is no lab here"),
        (("verify", *HERE, "--select", "resets"), Exit.USAGE, "the nearest is 'reset'"),
        (("verify", *HERE, "--expect", "/nowhere"), Exit.UNREADABLE, "/nowhere cannot be read"),
        (("verify", "198.18.0.1", "1"), Exit.NOT_PERMITTED, "198.18.0.1"),
        (("probes", "--chapter", "resets"), Exit.USAGE, "There is no chapter 'resets'"),
        (("compare", "/nowhere"), Exit.UNREADABLE, "/nowhere cannot be read"),
        (("compare", __file__), Exit.UNREADABLE, "test_usage.py: The text is not JSON"),
        (("grid", "/nowhere"), Exit.UNREADABLE, "/nowhere cannot be read"),
        (("connect", "no.such.host.invalid", "1"), Exit.UNKNOWN_HOST, "no.such.host.invalid"),
        (("connect", "", "1"), Exit.UNKNOWN_HOST, "''"),
        (("connect", "0.0.0.0", "1"), Exit.USAGE, "0.0.0.0"),
        (("connect", "224.0.0.1", "1"), Exit.USAGE, "multicast"),
        (("connect", *HERE, "--data", "\\q"), Exit.USAGE, "'\\q'"),
        (("connect", *HERE, "--json", "/no/such/folder/x"), Exit.UNREADABLE, "/no/such/folder/x"),
        (("teardown", *HERE, "1"), Exit.USAGE, "more than HOST and PORT"),
        (("teardown", *HERE, "--count", "0"), Exit.USAGE, "0 is not between 1 and"),
        (("teardown", *HERE, "--count", "2", "--jobs", "0"), Exit.USAGE, "between 1 and 4096"),
        (("teardown", *HERE, "--count", "2", "--rate", "0"), Exit.USAGE, "'0' is not a number a second"),
        (
            ("teardown", *HERE, "--count", "2", "--rate", "fast"),
            Exit.USAGE,
            "'fast' is not a number a second",
        ),
        (("teardown", *HERE, "--jobs", "2", "--rate", "3"), Exit.USAGE, "--jobs and --rate mean nothing"),
        (("teardown", *HERE, "--jobs", "2"), Exit.USAGE, "--jobs means nothing"),
        (("teardown", *HERE, "--count", "2", "--reorder", "3"), Exit.USAGE, "--reorder is for one"),
        (("teardown", "192.0.43.8", "80", "--drop", "syn:1"), Exit.NOT_PERMITTED, "and --drop is for hosts"),
        (
            ("connect", "192.0.43.8", "80", "--delay", "2", "--corrupt", "3"),
            Exit.NOT_PERMITTED,
            "--delay and --corrupt",
        ),
        (("teardown", *HERE, "--count", "2", "--isn", "7", "--how", "rst"), Exit.USAGE, "--how and --isn"),
        (
            ("teardown", *HERE, "--count", "2", "--bad", "ack.ack=+1"),
            Exit.USAGE,
            "--bad is for one connection",
        ),
        (("teardown", *HERE, "--count", "2", "--pcap", "x.pcap"), Exit.USAGE, "--pcap"),
        (("teardown", "--count", "2"), Exit.USAGE, "name HOST and PORT"),
        (("teardown", "192.0.43.8", "80", "--count", "2"), Exit.NOT_PERMITTED, "192.0.43.8 is in no private"),
        (("teardown", "::ffff:192.0.43.8", "80", "--count", "2"), Exit.NOT_PERMITTED, "and --count is for"),
        (("teardown", "one"), Exit.USAGE, "'one' is not the number"),
        (("teardown", *HERE, "--how", "gently"), Exit.USAGE, "gently"),
        (("teardown", *HERE, "--linger", "241"), Exit.USAGE, "241"),
        (("send",), Exit.USAGE, "TEXT"),
        (("conect", *HERE), Exit.USAGE, "'conect'"),
        (("frobnicate",), Exit.USAGE, "'frobnicate'"),
        (("--frobnicate",), Exit.USAGE, "--frobnicate"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments: tuple[str, ...], status: Exit, said: str) -> None:
    done = rawshake(*arguments)
    assert_a_sentence_and_a_next_step(done, status)
    assert said in done.err


def test_the_nearest_command_is_named() -> None:
    assert "Did you mean 'rawshake connect'?" in rawshake("conect").err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str) -> None:
    done = rawshake(command, "--help", env={"COLUMNS": "80"})
    assert (done.status, done.err) == (Exit.OK, "")
    assert max(map(len, done.out.splitlines())) <= 80
    (line,) = [line for line in rawshake("--help").out.splitlines() if line.startswith(f"  {command} ")]
    assert line.split()[1][0].isupper()


def test_version() -> None:
    assert rawshake("--version").out.split() == ["rawshake", "0.1.0"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell: str) -> None:
    script = rawshake(env={"_RAWSHAKE_COMPLETE": f"{shell}_source"})
    assert script.status == Exit.OK
    assert "_RAWSHAKE_COMPLETE" in script.out


def test_completion_names_the_commands() -> None:
    words = {"COMP_WORDS": "rawshake te", "COMP_CWORD": "1", "_RAWSHAKE_COMPLETE": "bash_complete"}
    assert rawshake(env=words).out.split() == ["plain,teardown"]


def unprivileged() -> dict[str, list[str]]:
    """Prefixes of a command that take CAP_NET_RAW away; what is left lets it read this Python wherever it lies."""
    left = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    found = {"root": ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]}
    (mapped,) = [int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()[:1]]
    if mapped > NOBODY:  # not in a user namespace of one user
        found["nobody"] = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *left]
    return found


@pytest.mark.parametrize("who", unprivileged())
@pytest.mark.parametrize(
    "command", [("connect", "127.0.0.1", "80"), ("teardown", "127.0.0.1", "80", "--how", "rst")]
)
def test_without_privilege_the_next_step_is_told(who: str, command: tuple[str, ...]) -> None:
    done = rawshake(*command, prefix=unprivileged()[who])
    assert_a_sentence_and_a_next_step(done, Exit.NO_PRIVILEGE)
    line = done.err.splitlines()[1]
    if who == "root":
        assert "--cap-add NET_RAW" in line
    else:  # the very line to type
        assert line.startswith(("  Type this: sudo /", "  Type this: su -c "))
        assert " ".join(command) in line


@pytest.mark.parametrize("who", unprivileged())
def test_doctor_without_privilege(who: str) -> None:
    done = rawshake("doctor", prefix=unprivileged()[who])
    assert (done.status, done.err) == (Exit.NO_PRIVILEGE, "")
    assert done.out.startswith("raw sockets    no ")
