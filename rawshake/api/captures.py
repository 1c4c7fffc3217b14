"""Captures and reports in files, as what was found in them and as single connections."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from rawshake.api.frames import Reading
from rawshake.connection import Connection, Found
from rawshake.errors import Exit, Failure
from rawshake.follow import Follower
from rawshake.net.tracefile import opened
from rawshake.render.reading import BadReport, parse
from rawshake.report import Exchange
from rawshake.rules import UnknownRule, book
from rawshake.rules import select as choose
from rawshake.trace.expression import parse as parse_filter
from rawshake.trace.model import Damage


@dataclass(frozen=True, slots=True)
class Checked:
    """What a capture holds: its connections in the order of their first packets, and what was found in each.

    ``left_out`` counts, by reason, the packets that tell nothing of a connection. ``damage`` says where the file
    could not be read further, and is empty where it was read to its end.
    """

    path: str
    connections: tuple[Connection, ...]
    packets: int
    segments: int
    left_out: Counter[str]
    damage: str = ""

    @property
    def findings(self) -> tuple[Found, ...]:
        """The breaches, warnings and notes of all connections, each with the number of its packet."""
        return tuple(found for connection in self.connections for found in connection.findings)

    def exchange(self, number: int) -> Exchange:
        """Every segment of the connection of that number: the capture is read once more."""
        return exchange(self.path, number)


def check(
    path: str | os.PathLike[str],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    filter: str | None = None,  # noqa: A002  # as on the command line
) -> Checked:
    """Judge every connection of a capture, as ``rawshake check`` does; ``-`` is standard input.

    ``select`` and ``ignore`` name rules or chapters, ``filter`` is in the words of ``--filter``.

    Raises ``Failure``: UNREADABLE where nothing of the file can be read, USAGE for what cannot be understood.
    """
    from rawshake.screen.road import Screen  # loads numpy, which a single connection does without

    file = os.fspath(path)
    try:
        rules = choose(select, ignore)
    except UnknownRule as unknown:
        sentence = str(unknown)
        raise Failure(Exit.USAGE, f"{sentence[0].upper()}{sentence[1:]}.", "See 'rawshake rules'.") from None
    done: list[Connection] = []
    reading = Reading(parse_filter(filter) if filter else None)
    with opened(file) as chunks:
        totals = Screen(rules, done.append).run(chunks, reading)
    damage = str(reading.damage) if reading.damage is not None else ""
    if damage and not reading.records:
        raise _unreadable(file, damage)
    return Checked(
        path=file,
        connections=tuple(sorted(done, key=lambda connection: connection.number)),
        packets=reading.records,
        segments=totals.segments,
        left_out=reading.left_out + totals.left_out,
        damage=damage,
    )


def exchange(path: str, number: int | None = None) -> Exchange:
    """The connection of that number in a capture or in a report of live connections; without one the only one.

    ``-`` is standard input. Raises Failure: UNREADABLE, and USAGE where there is no such connection, or more than
    one to choose from.
    """
    try:
        with opened(path) as octets:
            rest = iter(octets)
            first = next(rest, b"")
            if is_report(first):
                return _of_report(path, first + b"".join(rest), number)
            return _of_capture(path, chain([first], rest), number)
    except Damage as damage:
        raise _unreadable(path, str(damage)) from None


def is_report(first: bytes) -> bool:
    """Whether a file that begins so is a report and not a capture."""
    return first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _unreadable(path: str, why: str) -> Failure:
    return Failure(
        Exit.UNREADABLE,
        f"'{path}' cannot be read: {why}.",
        "Name a report that --json wrote, or a capture in the format pcap or pcapng.",
    )


def _chosen(path: str, number: int | None, count: int) -> Failure:
    if number is None:
        few = f"There is {'more than one' if count else 'no'} connection in '{path}'."
        return Failure(
            Exit.USAGE, few, "Choose with --connection N." if count else "See 'rawshake check FILE'."
        )
    connections = f"{count} connection{'' if count == 1 else 's'}"
    return Failure(
        Exit.USAGE,
        f"There is no connection {number} in '{path}', which has {connections}.",
        "See 'rawshake check FILE' for their numbers.",
    )


def _of_report(path: str, octets: bytes, number: int | None) -> Exchange:
    from rawshake.render import check_json
    from rawshake.render.json import load

    try:
        text = octets.decode("utf-8-sig")
        if parse(text)["command"].value == check_json.COMMAND:
            raise Failure(
                Exit.USAGE,
                f"'{path}' is a report of many connections, which holds no segments.",
                "Name the capture in its place: what was checked, or what --pcap has written.",
            )
        found = load(text).exchanges
    except UnicodeDecodeError as damage:
        raise _unreadable(path, str(damage)) from None
    except BadReport as bad:
        raise Failure(bad.status, f"'{path}': {bad.problem}", bad.next_step) from None
    if number is None and len(found) == 1:
        return found[0]
    if number is None or number > len(found):
        raise _chosen(path, number, len(found))
    return found[number - 1]


def _of_capture(path: str, chunks: Iterable[bytes], number: int | None) -> Exchange:
    wanted = 1 if number is None else number
    kept: list[Connection] = []

    def take(connection: Connection) -> None:
        if connection.number == wanted:
            kept.append(connection)

    reading = Reading()
    follower = Follower(book(), take, keep=lambda one: one.number == wanted)
    for frame in reading.frames(chunks):
        follower.frame(frame)
        if number is None and follower.totals.connections > 1:
            raise _chosen(path, number, follower.totals.connections)
        if kept and number is not None:
            break
    else:
        follower.finish()
    if kept:
        return _kept(path, kept[0])
    if reading.damage is not None:
        raise reading.damage
    raise _chosen(path, number, follower.totals.connections)


def _kept(path: str, connection: Connection) -> Exchange:
    if connection.exchange is None:
        raise Failure(
            Exit.USAGE,
            f"Connection {connection.number} of '{path}' is too long to be kept as a whole.",
            "Name a shorter one.",
        )
    return connection.exchange
