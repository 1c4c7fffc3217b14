"""Held connections, as commands see them: which there are, and orders to their keepers."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from rawshake.cli.output import (
    check_files,
    octets_to_stdout,
    render_options,
    to_stdout,
    write_octets,
    write_reports,
    write_text,
)
from rawshake.cli.parameters import Output
from rawshake.cli.text import readable
from rawshake.errors import Exit, Failure
from rawshake.net import keeper
from rawshake.net.privilege import User, invoking_user
from rawshake.render.options import Options

#: What a keeper hands over in pieces, as base64: what the server sent, the report, the frames.
PARTS: Final = ("data", "json", "pcap")


@dataclass(frozen=True, slots=True)
class Held:
    """One held connection: its number, both ends, their states, and what its keeper tells of it."""

    number: int
    client: tuple[str, int]
    server: tuple[str, int]
    states: tuple[str, str]
    unread: int
    age: int
    left: int

    def order(self, order: dict[str, Any], output: Output, *, raw: bool = False) -> int:
        """Have the keeper do something; what it draws is printed as it comes. The exit status."""
        check_files(output)
        options = render_options(output)
        # The keeper has another locale than we.
        output = replace(output, lang=options.words.code if options.words else None)
        channel = keeper.call(invoking_user(), self.number)
        parts = {name: bytearray() for name in PARTS}
        try:
            # Pages are made here, out of the report.
            wanted = (
                output
                if output.html is None and output.svg is None
                else replace(output, json=output.json or "")
            )
            channel.send({**order, "output": asdict(wanted), "options": _plain(options)})
            for message in channel.messages():
                if "text" in message:
                    to_stdout(message["text"])
                for name in parts.keys() & message:
                    parts[name] += base64.b64decode(message[name])
                if "failure" in message:
                    raise Failure(Exit(message["status"]), *message["failure"])
                if "status" in message:
                    _write(output, **{name: bytes(part) for name, part in parts.items()}, raw=raw)
                    return Exit(message["status"])
        except OSError as gone:
            raise self._broken_off() from gone
        finally:
            channel.close()
        raise self._broken_off()

    def _broken_off(self) -> Failure:
        if any(one.number == self.number for one in everything()[0]):
            return Failure(
                Exit.SESSION_GONE,
                f"The keeper of connection {self.number} broke this off; the connection lives.",
                "See how it stands: rawshake sessions.",
            )
        return Failure(
            Exit.SESSION_GONE,
            f"Connection {self.number} ended in the middle.",
            "Its keeper was killed, or failed: open another one.",
        )

    def send(self, octets: bytes, output: Output, *, wait: int, raw: bool) -> int:
        """Have the keeper send ``octets``, and print what came back within ``wait`` ns of quiet."""
        if raw:
            output = replace(output, quiet=True)
        order = {"order": "send", "data": base64.b64encode(octets).decode(), "wait": wait}
        return self.order(order, output, raw=raw)


def _plain(options: Options) -> dict[str, Any]:
    # The end that rawshake plays is the keeper's to say; the rest describes our own terminal.
    plain = asdict(options)
    del plain["ours"], plain["words"]
    return plain


def _write(output: Output, *, raw: bool, data: bytes, json: bytes, pcap: bytes) -> None:
    if output.json is not None:
        write_text(output.json, json.decode())
    if output.html is not None or output.svg is not None:
        from rawshake.render.json import load

        write_reports(replace(output, json=None), load(json.decode()))
    if output.pcap is not None:
        write_octets(output.pcap, pcap)
    if output.silent:
        return
    if raw:
        octets_to_stdout(data)
    elif data:
        to_stdout(readable(data).rstrip("\n") + "\n")


def everything() -> tuple[list[Held], list[int]]:
    """What the user holds, in the order of its numbers; and the numbers of those whose keepers are silent."""
    user = invoking_user()
    found, silent = [], []
    for number in keeper.held(user):
        try:
            told = _status(user, number)
        except Failure:
            continue  # it has just ended
        except TimeoutError:
            silent.append(number)
            continue
        if told is not None:
            ends = {name: (str(told[name][0]), int(told[name][1])) for name in ("client", "server")}
            states = (str(told["states"][0]), str(told["states"][1]))
            found.append(
                Held(number, **ends, states=states, unread=told["unread"], age=told["age"], left=told["left"])
            )
    return found, silent


def _status(user: User, number: int) -> dict[str, Any] | None:
    channel = keeper.call(user, number)
    try:
        channel.send({"order": "status"})
        return channel.receive()
    except TimeoutError:
        raise
    except OSError:
        return None
    finally:
        channel.close()


def find(wanted: str | None) -> Held:
    """The held connection of that number; the one opened last where none is named."""
    if wanted is not None and not (wanted.isascii() and wanted.isdecimal()):
        raise Failure(
            Exit.USAGE, f"{wanted!r} is not the number of a connection.", "Give its number, or HOST PORT."
        )
    held, silent = everything()
    for number in silent:
        if wanted is None or int(wanted) == number:
            raise keeper.deaf(number)
    if not held:
        raise Failure(
            Exit.SESSION_GONE,
            "No connection is held." if wanted is None else f"No connection {wanted} is held, nor any other.",
            "Open one first: sudo rawshake connect HOST PORT.",
        )
    if wanted is None:
        return min(held, key=lambda one: one.age)
    for one in held:
        if one.number == int(wanted):
            return one
    numbers = ", ".join(str(one.number) for one in held)
    raise Failure(Exit.SESSION_GONE, f"No connection {wanted} is held.", f"Held are: {numbers}.")


def to(host: str, port: int, family: Literal[4, 6] | None) -> Held | None:
    """The youngest held connection to that server, if there is one."""
    candidates = [one for one in everything()[0] if one.server[1] == port]
    if not candidates:
        return None
    from rawshake.net.route import resolve

    addresses = {target.address for target in resolve(host, family=family)}
    candidates = [one for one in candidates if one.server[0] in addresses]
    return min(candidates, key=lambda one: one.age, default=None)


def say(output: Output, text: str) -> None:
    """A line of our own, unless standard output is for a report alone."""
    if not output.silent:
        to_stdout(f"{text}\n")
