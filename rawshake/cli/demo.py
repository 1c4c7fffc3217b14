"""``rawshake demo``: connect, send and teardown in a lab, the server's own kernel asked after every segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import click

from rawshake.api.crafting import Crafting
from rawshake.cli.parameters import (
    Output,
    crafting_options,
    html_option,
    output_options,
    step_option,
    svg_option,
    take,
)
from rawshake.errors import Exit, Failure
from rawshake.plain.language import ENGLISH, phrase

if TYPE_CHECKING:
    from rawshake.cli.live import Live
    from rawshake.net.lab.namespaces import Lab

_NAMESPACES: Final = phrase("two network namespaces and a wire between them")
_LOOPBACK: Final = phrase("this machine's loopback")
# Translators: {place} is one of the two before.
_INTRODUCTION: Final = phrase(
    "A lab: {place}, and an echo server at {address}, which acts only when told to. After each segment the server's "
    "kernel is asked for its socket's state, RCV.NXT and SND.UNA."
)
#: What is sent, and comes back.
SAID: Final = b"Hello from rawshake!\r\n"


@click.command("demo")
@click.option(
    "-4", "family", flag_value=4, type=int, default=4, help="Over IPv4, as it is unless told otherwise."
)
@click.option("-6", "family", flag_value=6, type=int, help="Over IPv6.")
@step_option
@output_options
@html_option
@svg_option
def command(family: Literal[4, 6], step: bool, **given: object) -> int:
    r"""Show a handshake and a close in a lab of their own; no set-up.

    Connects by hand to an echo server in a network of its own, sends a line, and closes. The servers stand
    still between the steps, and after every segment their kernel is asked for the state of its socket. No
    root is needed where the system allows user namespaces.

    \b
    Examples:
      rawshake demo
      rawshake demo --explain --step     in plain words, one at a time
      rawshake demo -6 -v
      rawshake demo --compact --pcap demo.pcap
    """
    output = take(Output, given)
    if step:
        from rawshake.cli.stepping import somebody_must_answer

        somebody_must_answer()  # before a lab is made
    from rawshake.net.lab.command import run_function
    from rawshake.net.privilege import raw_sockets_allowed

    def show(lab: Lab) -> int:
        return _show(lab, family, output, step=step)

    try:
        return run_function(show, servers=["echo"], held=True, meanwhile=_load)
    except Failure as refused:
        if refused.status is not Exit.LAB_IMPOSSIBLE or not raw_sockets_allowed():
            raise
    # A default container: no namespaces, but raw sockets.
    return run_function(show, servers=["echo"], held=True, namespaces=False)


def _load() -> None:
    """Import all that will be needed, while the lab starts; the first two are getaddrinfo's and our ISN's."""
    import encodings.idna  # noqa: F401
    import secrets  # noqa: F401

    import rawshake.cli.live
    import rawshake.cli.witness  # noqa: F401
    from rawshake.net import craft
    from rawshake.rules import book

    craft.warm_up(v6=False)
    book()


def _show(lab: Lab, family: Literal[4, 6], output: Output, *, step: bool) -> int:
    from rawshake.cli.live import opened
    from rawshake.cli.witness import Witness

    address, port = lab.address4 if family == 4 else lab.address6, lab.ports["echo"]
    if address is None:
        raise Failure(Exit.NO_ROUTE, "This kernel has no IPv6.", "Leave -6 out.")
    _introduce(lab, address, output)
    # A signal leaves no server hanging: it ends with the lab.
    with opened("demo", address, port, ordinary(family), output, step=step) as live:
        witness = Witness(lab.control, live)
        _converse(lab, live)
        return witness.conclude()


def ordinary(family: Literal[4, 6]) -> Crafting:
    """What connect does unless told otherwise."""

    @click.command()
    @crafting_options
    def plain(**given: object) -> Crafting:
        return take(Crafting, given)

    crafting = plain.main([f"-{family}"], standalone_mode=False)
    assert isinstance(crafting, Crafting)
    return crafting


def _introduce(lab: Lab, address: str, output: Output) -> None:
    from rawshake.cli.output import render_options
    from rawshake.render.text import wrap

    if output.quiet or output.silent:
        return
    options = render_options(output)
    words = options.words or ENGLISH
    place = words.say(_NAMESPACES if lab.namespaces else _LOOPBACK)
    intro = words.say(_INTRODUCTION, place=place, address=address)
    click.echo("\n".join([*wrap(intro, options.columns), ""]))


def _converse(lab: Lab, live: Live) -> None:
    """Connect, send and close; the server acts once we have nothing left to do."""
    from rawshake.endpoint import Want
    from rawshake.profile import SECOND

    session, act = live.session, lab.control.step

    session.remark(phrase("CONNECT"))
    if not session.connect():
        return
    session.remark(phrase("The server accepts the connection."))
    act()
    session.remark(phrase("SEND"))
    session.endpoint.send(SAID)
    session.run(lambda: not session.endpoint.unacknowledged or session.over)
    session.remark(phrase("The server reads that, and sends it back."))
    act()
    act()
    deadline = session.link.now() + SECOND

    def all_came() -> bool:
        return len(session.endpoint.unread) >= len(SAID) and session.me.acked == session.me.rcv_nxt

    session.run(lambda: all_came() or session.over, deadline=deadline)
    session.read()
    session.remark(phrase("TEARDOWN"))
    session.endpoint.want = Want.CLOSE
    session.run(lambda: session.half_closed or session.over)
    session.remark(phrase("The server reads the end of file, and closes."))
    act()
    session.close(deadline=session.link.now() + SECOND)
