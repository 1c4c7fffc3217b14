"""The page of check: it holds the report, all connections' segments in what room there is, and links that lead on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final
from xml.etree import ElementTree

from rawshake.api.frames import Reading
from rawshake.connection import Connection
from rawshake.follow import Follower
from rawshake.html import ladder
from rawshake.html.check import Room
from rawshake.link import Frame
from rawshake.render import check_json
from rawshake.render.compact import Compact
from rawshake.rules import book
from rawshake.rules.model import Scope
from rawshake.rules.registry import RULES
from rawshake.tcp.notation import parse_exchange
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED, frames, octets
from tests.html.pages import OPTIONS, page_of, read, report_in, screened, shown, summed_up
from tests.html.reading import Page
from tests.screen.roads import generated

HOSTILE: Final = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e'\"&"
NO_LADDERS: Final = Room(ladders=0)


def followed(*exchanges: str, file: str = "trace.pcap") -> list[Connection]:
    """Written exchanges, followed and judged, with their transcripts."""
    done: list[Connection] = []
    follower = Follower(book(), done.append, keep=lambda connection: True)
    for number, frame in enumerate(frames(*exchanges), 1):
        follower.frame(Frame(frame.time, frame.packet, number=number))
    follower.finish()
    return sorted(done, key=lambda one: one.number)


def ids(page: Page) -> list[str]:
    return [one["id"] or "" for _, one in page.elements if "id" in one]


def links(page: Page) -> set[str]:
    hrefs = {one["href"] or "" for tag, one in page.elements if tag == "a"}
    return {href[1:] for href in hrefs if href.startswith("#")}


def written(captures: dict[str, list[Connection]]) -> str:
    """What ``--json`` writes."""
    writer = check_json.Writer()
    parts = [writer.head(rule.id for rule in book())]
    for file, connections in captures.items():
        parts += [writer.begin(file), *map(writer.connection, connections)]
        parts.append(writer.end(summed_up(file, connections)))
    return "".join([*parts, writer.foot()])


def test_it_holds_the_report_that_json_writes() -> None:
    captures = {"one.pcap": followed(CLEAN, FAULTY), "two.pcap": followed(REFUSED, MIDSTREAM)}
    found = report_in(read(page_of(captures)))
    assert found == json.loads(written(captures))
    assert found != json.loads(written(dict(reversed(captures.items()))))


def test_each_connection_has_the_ladder_that_it_has_elsewhere() -> None:
    made, done = screened(generated("http", 40, faults=7))
    drawn = shown(read(made), "ladders")
    assert set(drawn) == {one.number for one in done}
    for one in kept(generated("http", 40, faults=7)):
        assert one.exchange is not None
        # Rules that look at all connections of a capture are not asked again where one passed by columns.
        closing = tuple(
            r for r in one.exchange.closing if r.is_finding or RULES[r.rule].scope != Scope.CAPTURE
        )
        title = f"Connection {one.number}"
        assert drawn[one.number] in [
            ladder.draw(exchange, OPTIONS, title=title, foot=False)
            for exchange in (one.exchange, replace(one.exchange, closing=closing))
        ]


def kept(octets: bytes) -> list[Connection]:
    """All connections of a capture, followed packet by packet."""
    done: list[Connection] = []
    follower = Follower(book(), done.append, keep=lambda connection: True)
    for frame in Reading().frames([octets]):
        follower.frame(frame)
    follower.finish()
    return done


def test_ladders_of_two_captures_are_kept_apart() -> None:
    page = read(page_of({"one.pcap": followed(CLEAN), "two.pcap": followed(REFUSED)}))
    segments = [
        sum(
            "data-number" in one.attrib
            for one in ElementTree.fromstring(shown(page, "ladders", file)[1]).iter()
        )
        for file in (0, 1)
    ]
    assert segments == [8, 2]


def test_what_has_no_room_for_a_ladder_is_shown_in_lines() -> None:
    made, done = screened(generated("http", 30, faults=5), NO_LADDERS)
    page = read(made)
    lines = shown(page, "lines")
    assert (set(lines), shown(page, "ladders")) == ({one.number for one in done}, {})
    for one in kept(generated("http", 30, faults=5)):
        assert one.exchange is not None
        writer = Compact(OPTIONS)
        told = [writer.entry(entry) for entry in one.exchange.entries]
        numbered = [line.partition(" ") for line in lines[one.number].splitlines(keepends=True)]
        assert [rest for _, _, rest in numbered] == told
        assert (int(numbered[0][0]), int(numbered[-1][0])) == (one.first_frame, one.last_frame)
        assert len(parse_exchange("".join(told))) == one.facts.segments


def test_findings_come_before_the_first_where_there_is_no_room_for_all() -> None:
    made, done = screened(generated("http", 60, faults=6), Room(connections=9, segments=180, ladders=40))
    found = {one.number for one in done if one.findings}
    assert 3 < len(found) < 9
    page = read(made)
    listed = {one["number"] for one in report_in(page)["captures"][0]["connections"]}
    ladders, lines = set(shown(page, "ladders")), set(shown(page, "lines"))
    assert found <= listed & (ladders | lines)
    assert len(listed - found) == 9
    assert max(found) > max(listed - found)
    assert not ladders & lines
    assert 60 - len(listed) == made.unlisted
    assert f"the segments of {60 - len(ladders | lines)} connections" in made.left_out
    assert f"the lines of {made.unlisted} connections" in made.left_out
    # All are counted, whatever is listed.
    assert made.summaries[0].connections == 60


def test_where_there_is_room_nothing_is_left_out() -> None:
    made, _ = screened(generated("http", 60, faults=20))
    assert made.left_out == ""
    assert "Too much for one page" not in made.document()


def test_a_ladder_of_very_many_segments_is_not_drawn() -> None:
    made = page_of({"trace.pcap": followed(CLEAN, REFUSED)}, Room(longest=7))
    assert set(shown(read(made), "ladders")) == {2}


def test_room_is_taken_once_however_often_it_is_asked_for() -> None:
    one, two, three = followed(CLEAN, CLEAN, REFUSED)  # 8, 8 and 2 segments
    made = page_of({}, Room(segments=16))
    made.begin("trace.pcap")
    assert [made.keeps(each) for each in (one, one, two, three)] == [True, True, True, False]


def test_a_finding_leads_to_its_connection_and_to_its_rule() -> None:
    page = read(page_of({"trace.pcap": followed(CLEAN, FAULTY)}))
    assert {"connection-2", "rule-synack-ack-is-isn-plus-1"} <= links(page)
    assert "connection-1" not in links(page)
    assert "rule-synack-ack-is-isn-plus-1" in ids(page)
    assert "rule-mss-option-on-syn" not in ids(page)


def test_of_several_captures_it_says_which() -> None:
    page = read(page_of({"one.pcap": followed(CLEAN), "two.pcap": followed(FAULTY)}))
    assert "connection-2-1" in links(page)
    assert {one["data-key"] for _, one in page.elements if "data-key" in one} >= {"file", "number", "rtt"}
    alone = read(page_of({"one.pcap": followed(CLEAN)}))
    assert "file" not in {one["data-key"] for _, one in alone.elements if "data-key" in one}


def test_no_two_elements_have_one_id() -> None:
    found = ids(
        read(page_of({"one.pcap": followed(CLEAN, FAULTY), "two.pcap": followed(REFUSED, MIDSTREAM)}))
    )
    assert len(found) == len(set(found))


def test_a_capture_that_ends_too_soon_ends_nevertheless() -> None:
    made = page_of({})
    made.begin("broken.json")
    made.begin("empty.pcap")
    assert [one["file"] for one in report_in(read(made))["captures"]] == ["broken.json", "empty.pcap"]


def test_hostile_words_stay_words() -> None:
    (one,) = followed(
        CLEAN.replace(r"hello\n", "</svg><img src=x>").replace("7", "18").replace("(6)", "(17)")
    )
    hostile = replace(one, remarks=(HOSTILE,), client=(HOSTILE, 1))
    for room in (Room(), NO_LADDERS):
        page = read(page_of({HOSTILE: [hostile], "two.pcap": followed(FAULTY)}, room))
        assert "img" not in [tag for tag, _ in page.elements]
        assert report_in(page)["captures"][0]["file"] == HOSTILE
    svg = shown(read(page_of({HOSTILE: [hostile]})), "ladders")[1]
    assert not [part for part in ElementTree.fromstring(svg).iter() if part.tag.endswith("img")]
    assert "<img" not in svg


def test_a_page_that_would_not_escape_is_found_out() -> None:
    assert "img" in [tag for tag, _ in Page(f"<p>{HOSTILE}</p>").elements]


def test_what_was_not_judged_is_said() -> None:
    text = page_of({"trace.pcap": followed(MIDSTREAM)}).document()
    assert "begun before the capture" in text
    assert "begun before the capture" not in page_of({"trace.pcap": followed(CLEAN)}).document()


def test_an_empty_capture_has_a_page() -> None:
    made, done = screened(octets([]))
    text = made.document()
    assert (done, report_in(Page(text))["captures"][0]["connections"]) == ([], [])
    assert "nothing to judge" in text
