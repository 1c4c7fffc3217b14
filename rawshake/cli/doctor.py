"""``rawshake doctor``: what this machine allows, each thing tried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rawshake.errors import Exit, Failure

if TYPE_CHECKING:
    from rawshake.net.doctor import Finding


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> int:
    r"""Tell what this machine allows: raw sockets, the guard, the capture ring, firewall, namespaces.

    Each is tried out, and where raw sockets are allowed a handshake is made by hand on loopback. The exit
    status is 0 if 'rawshake connect' can work here.

    \b
    Examples:
      sudo rawshake doctor
      rawshake doctor --json     what is so without root
    """
    from rawshake.net.doctor import Answer

    findings = []
    for finding in _examine():
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        import json

        told = [
            {"name": f.name, "answer": f.answer.value, "text": f.text, "next": f.next_step} for f in findings
        ]
        click.echo(json.dumps(told, indent=2))
    answers = {finding.name: finding.answer for finding in findings}
    if answers["raw sockets"] is not Answer.YES or answers["guard"] is not Answer.YES:
        return Exit.NO_PRIVILEGE
    return Exit.LOCAL_FIREWALL if Answer.NO in (answers["IPv4"], answers["IPv6"]) else Exit.OK


def _examine() -> Iterator[Finding]:
    from rawshake.net import doctor

    privilege = doctor.raw_sockets()
    yield privilege
    yield doctor.guard()
    yield doctor.ring()
    yield doctor.firewall()
    yield _lab()
    for name, address in (("IPv4", "127.0.0.1"), ("IPv6", "::1")):
        if privilege.answer is doctor.Answer.YES:
            yield _handshake(name, address)
        else:
            yield doctor.Finding(
                name, doctor.Answer.UNKNOWN, "A handshake cannot be tried without raw sockets."
            )


def _lab() -> Finding:
    from rawshake.net.doctor import Answer, Finding
    from rawshake.net.lab.namespaces import start

    try:
        with start(servers=["echo"]):
            return Finding("namespaces", Answer.YES, "'rawshake demo' and 'rawshake lab' work for this user.")
    except Failure as refused:
        return Finding("namespaces", Answer.NO, refused.problem, refused.next_step)


def _handshake(name: str, address: str) -> Finding:
    """Whether a connection by hand to a server of our own on loopback comes about and draws no RST of our kernel."""
    from rawshake.net.doctor import Answer, Finding, listening
    from rawshake.net.wire import Wire
    from rawshake.profile import SECOND, Profile
    from rawshake.rules import book
    from rawshake.session import Session
    from rawshake.tcp.seq import Seq
    from rawshake.tcp.tracker import Tracker

    try:
        with listening(address) as port, Wire(address, 0, address, port) as wire:
            profile = Profile(isn=Seq(wire.now() & 0xFFFFFFFF), timeout=SECOND)
            session = Session(wire, Tracker((address, wire.sport), (address, port)), profile, book())
            established = session.connect()
            session.abort()
            session.settle()
    except Failure as refused:
        return Finding(name, Answer.NO, refused.problem, refused.next_step)
    except OSError as missing:
        return Finding(name, Answer.UNKNOWN, f"There is no {name} on loopback: {missing.strerror}.")
    if session.firewalled:
        return Finding(
            name, Answer.NO, f"On loopback {session.firewalled}.", "Look at this machine's firewall."
        )
    if not established:
        return Finding(name, Answer.NO, "A handshake by hand on loopback did not come about.", "")
    return Finding(name, Answer.YES, "A handshake by hand on loopback came about, with no RST of our kernel.")


def _print(finding: Finding) -> None:
    from rawshake.render.text import wrap

    margin = 26
    lines = wrap(finding.text, max(40, _width() - margin))
    if finding.next_step:
        lines += wrap(finding.next_step, max(40, _width() - margin))
    click.echo(f"{finding.name:14} {finding.answer.value:10} {lines[0]}")
    for line in lines[1:]:
        click.echo(f"{'':{margin - 1}} {line}")


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size().columns, 100)
