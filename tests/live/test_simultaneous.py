"""Simultaneous open (RFC 9293 section 3.5, Figure 7): with a kernel that dials us, and between two of rawshake."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.diag import find
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.tcp.state import State
from tests.command import LONG, rawshake, read_until, started

#: Of either side.
PORTS = (41_000, 42_000)
QUIET = ("--compact", "--hold", "60")


@pytest.mark.parametrize("offered", [("--wscale", "7", "--timestamps", "--sack", "--ecn"), ("--wscale", "0")])
def test_a_kernel_that_dials_us(lab: Lab, address: str, offered: tuple[str, ...]) -> None:
    ours = lab.client6 if ":" in address else lab.client4
    assert ours is not None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as stack:
        with lab.entered(Side.SERVER):
            kernel = stack.enter_context(socket.socket(family))
            kernel.bind((address, 0))
        port = kernel.getsockname()[1]
        words = ("connect", address, str(port), "--sport", str(PORTS[0]), "--simultaneous", *QUIET, *offered)
        process = stack.enter_context(started(*words))
        read_until(process, f"Waiting for {address}")
        kernel.settimeout(10)
        kernel.connect((ours, PORTS[0]))
        said = process.communicate(timeout=LONG)[0]
        assert process.returncode == Exit.OK, said
        with lab.entered(Side.SERVER):
            assert find(kernel.getsockname()[:2], (ours, PORTS[0])).state is State.ESTABLISHED
        told = rawshake("send", "hello", "--quiet")
        assert told.status == Exit.OK, told
        assert kernel.recv(5) == b"hello"
        kernel.close()
        done = rawshake("teardown", "--compact")
        assert done.status == Exit.OK, done
        flags = [line.split()[2] for line in done.out.splitlines() if line.split()[1:2] in (["<"], [">"])]
        assert [one.rstrip("EW") for one in flags[:3]] == ["S", "S", "S."]
        assert "0 broken" in done.out
        assert " WARN " not in done.out


def test_two_that_wait_for_each_other(lab: Lab) -> None:
    """Both wait; whoever has waited for long enough dials, and the other's SYN crosses that."""
    with ExitStack() as stack:
        processes = []
        for side, host, ports in (
            (Side.SERVER, lab.client4, PORTS),
            (Side.CLIENT, lab.address4, PORTS[::-1]),
        ):
            words = ("connect", host, str(ports[0]), "--sport", str(ports[1]), "--simultaneous", *QUIET)
            with lab.entered(side):
                processes.append(stack.enter_context(started(*words, "--timeout", "3")))
        for process in processes:
            said = process.communicate(timeout=LONG)[0]
            assert process.returncode == Exit.OK, said
            assert "0 broken" in said
        # The other one holds its end until it is told of this.
        done = rawshake("teardown", "--how", "rst", "--quiet")
        assert done.status == Exit.OK, done


def test_nobody_dials(lab: Lab) -> None:
    """The kernel there, asked after all, has no such connection."""
    words = ("connect", lab.address4, str(PORTS[0]), "--simultaneous", "--quiet", "--timeout", "0.4")
    assert rawshake(*words).status == Exit.REFUSED
