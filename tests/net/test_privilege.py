"""What is printed for those who may not, and whose files are written."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net import privilege
from rawshake.net.privilege import User, invoking_user, open_for_user, require_raw, sudo_line


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """An installed console script, in a directory whose name has to be quoted."""
    path = tmp_path / "my tools" / "rawshake"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n", encoding="ascii")
    path.chmod(0o755)
    return path


def command(line: str) -> list[str]:
    """The words that root's shell sees, whether by sudo or, where that is not installed, by su."""
    words = shlex.split(line)
    if words[0] == "sudo":
        return words[1:]
    assert words[:2] == ["su", "-c"]
    return shlex.split(words[2])


def test_the_line_has_the_scripts_full_path_and_quotes_what_needs_it(script: Path) -> None:
    line = sudo_line([str(script), "connect", "example.org", "80", "--data", "a b"])
    assert command(line) == [str(script), "connect", "example.org", "80", "--data", "a b"]


def test_a_script_found_by_its_name_gets_its_path(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    assert command(sudo_line(["rawshake", "demo"])) == [str(script), "demo"]


def test_a_relative_script_gets_its_path(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(script.parent)
    assert command(sudo_line(["./rawshake", "demo"])) == [str(script), "demo"]


@pytest.mark.parametrize("program", ["/somewhere/rawshake/__main__.py", "-m", ""])
def test_a_module_is_run_by_this_python(program: str) -> None:
    assert command(sudo_line([program, "demo"])) == [sys.executable, "-m", "rawshake", "demo"]


def test_su_is_the_way_where_there_is_no_sudo(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert sudo_line([str(script), "demo"]).startswith("su -c ")
    (script.parent / "sudo").write_text("#!/bin/sh\n", encoding="ascii")
    (script.parent / "sudo").chmod(0o755)
    assert sudo_line([str(script), "demo"]).startswith("sudo ")


def test_without_raw_sockets_the_failure_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privilege, "raw_sockets_allowed", lambda: False)
    with pytest.raises(Failure) as failed:
        require_raw(["rawshake", "demo"])
    assert failed.value.status is Exit.NO_PRIVILEGE
    expected = "NET_RAW" if os.geteuid() == 0 else sudo_line(["rawshake", "demo"])
    assert expected in failed.value.next_step


@pytest.mark.parametrize(("uid", "gid"), [("1000", "1001"), ("0", "0"), ("", "1"), ("x", "1"), ("-1", "1")])
def test_who_ran_sudo_counts_for_root_only(monkeypatch: pytest.MonkeyPatch, uid: str, gid: str) -> None:
    monkeypatch.setenv("SUDO_UID", uid)
    monkeypatch.setenv("SUDO_GID", gid)
    said = User(int(uid), int(gid)) if uid.isdecimal() else None
    myself = User(os.getuid(), os.getgid())
    assert invoking_user() == (said if said and os.geteuid() == 0 else myself)


def test_without_sudo_it_is_who_runs_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert invoking_user() == (os.getuid(), os.getgid())


def test_a_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"what was there before")
    with open_for_user(str(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="Is a directory") as failed:
        open_for_user(str(tmp_path))
    assert failed.value.status is Exit.UNREADABLE
