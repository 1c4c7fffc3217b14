"""What is said where a system allows no lab."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.lab.namespaces import start
from rawshake.net.lab.obstacle import impossible

REFUSAL = "Operation not permitted: unshare USER"


def system(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("number", "files", "said"),
    [
        (errno.ENOSPC, {"sys/user/max_user_namespaces": "0\n"}, "user.max_user_namespaces is 0"),
        (errno.EPERM, {"sys/kernel/unprivileged_userns_clone": "0\n"}, "unprivileged_userns_clone is 0"),
        (
            errno.EACCES,
            {"sys/kernel/apparmor_restrict_unprivileged_userns": "1\n", "self/status": "Seccomp:\t2\n"},
            "kernel.apparmor_restrict_unprivileged_userns is 1",
        ),
        (errno.EPERM, {"self/status": "Name:\tx\nSeccomp:\t2\n"}, "seccomp profile forbids it"),
        (errno.ENOSYS, {"self/status": "Seccomp:\t0\n"}, "this kernel has not all that it takes"),
        (errno.EINVAL, {}, "this kernel has not all that it takes"),
        (errno.ENOSPC, {"sys/user/max_user_namespaces": "9\n"}, "nested too deep"),
        (errno.EPERM, {}, f"no lab: {REFUSAL}."),
    ],
)
def test_reasons(tmp_path: Path, number: int, files: dict[str, str], said: str) -> None:
    failure = impossible(number, REFUSAL, proc=system(tmp_path, files))
    assert failure.status is Exit.LAB_IMPOSSIBLE
    assert said in failure.problem
    assert failure.problem.endswith(".")
    assert failure.next_step


def test_an_interpreter_that_this_user_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("")
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(Failure, match=f"cannot run {python}.*: Permission denied") as refused, start():
        pass
    assert refused.value.status is Exit.LAB_IMPOSSIBLE
