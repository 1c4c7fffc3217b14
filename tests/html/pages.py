"""Pages of ``check`` made in memory, and what a browser would read in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from rawshake.api.frames import Reading
from rawshake.connection import Connection
from rawshake.html.check import CheckPage, Room
from rawshake.render.options import Options
from rawshake.render.summary import Summary
from rawshake.rules import book
from rawshake.screen.road import Screen
from tests.html.reading import Page, unpacked
from tests.screen.roads import chunks

OPTIONS = Options()
Json = dict[str, Any]


def summed_up(file: str, connections: Iterable[Connection]) -> Summary:
    summary = Summary(file)
    for connection in connections:
        summary.add(connection)
        summary.segments += connection.facts.segments
    return summary


def page_of(captures: dict[str, list[Connection]], room: Room | None = None) -> CheckPage:
    """Connections that are judged, each perhaps with its transcript, told to a page."""
    made = CheckPage(book(), OPTIONS, room or Room())
    for file, connections in captures.items():
        made.begin(file)
        for connection in connections:
            made.connection(connection)
        made.end(summed_up(file, connections))
    return made


def screened(octets: bytes, room: Room | None = None) -> tuple[CheckPage, list[Connection]]:
    """The page of a capture, drawn while it is judged, as the command does it; and its connections."""
    made = CheckPage(book(), OPTIONS, room or Room())
    done: list[Connection] = []

    def take(connection: Connection) -> None:
        made.draw(connection)
        done.append(replace(connection, exchange=None))

    made.begin("trace.pcap")
    Screen(book(), take, keep=made.keeps).run(chunks(octets), Reading())
    done.sort(key=lambda one: one.number)
    for connection in done:
        made.connection(connection)
    made.end(summed_up("trace.pcap", done))
    return made, done


def read(made: CheckPage) -> Page:
    return Page(made.document())


def report_in(page: Page) -> Json:
    found: Json = json.loads(unpacked(page, "report", 0))
    return found


def shown(page: Page, kind: str, file: int = 0) -> dict[int, str]:
    """The ladders, or the lines, of a capture's connections by their numbers, as the page's script finds them."""
    drawn: list[dict[str, list[int]]] = json.loads(page.script("data-drawn"))
    before = sum(len(one[kind]) for one in drawn[:file])
    return {number: unpacked(page, kind, before + at) for at, number in enumerate(drawn[file][kind])}
