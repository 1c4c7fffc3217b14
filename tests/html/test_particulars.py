"""All that is known of a segment comes with the ladder: every field, every ruling, and no markup of a peer's."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from rawshake.html.particulars import particulars
from rawshake.plain.language import ENGLISH
from rawshake.report import Exchange, Judged
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End
from tests.html.transcripts import EVERYTHING, FAULTY, SIX, WHOLE


def entries(exchange: Exchange) -> list[Judged]:
    return [entry for entry in exchange.entries if isinstance(entry, Judged)]


def known(exchange: Exchange, *, passes: bool = True) -> dict[str, Any]:
    closing = {r.step: [one for one in exchange.closing if one.step == r.step] for r in exchange.closing}
    start = exchange.steps[0].time
    written = particulars(entries(exchange), closing, start=start, ours=End.CLIENT, passes=passes)
    text = ElementTree.fromstring(f"<metadata>{written}</metadata>").text
    found: dict[str, Any] = json.loads(text or "")
    return found


def fields(exchange: Exchange, number: int) -> dict[str, str]:
    return dict(known(exchange)["segments"][number - 1]["fields"])


def test_every_field_is_told() -> None:
    told = fields(WHOLE, 2)
    assert told["time"] == "0.042 ms, 42 µs after the one before"
    assert (told["from"], told["to"]) == ("192.0.2.2:80", "192.0.2.1:40000")
    assert told["flags"] == "SYN,ACK"
    assert told["seq"] == "4105823911 = b (ISN)"
    assert told["ack"] == "2915269998 = a+1"
    assert told["SEG.LEN"] == "1 = 0 +1 (SYN)"
    assert told["window"] == "65160"
    assert told["options"] == "<mss 1460, sackOK, TS val 9000 ecr 100, nop, wscale 7>"
    assert told["checksum"] == "correct"
    assert told["TTL"] == "64"
    assert told["client"] == "SYN-SENT → ESTABLISHED?"
    assert told["server"] == "SYN-RECEIVED? → SYN-RECEIVED"


def test_the_window_is_scaled_with_its_arithmetic() -> None:
    assert fields(WHOLE, 3)["window"] == "64256 = 502 · 2^7"


def test_data_are_shown_and_counted() -> None:
    assert fields(WHOLE, 4)["data"] == r'18 octets: "GET / HTTP/1.0\r\n\r\n"'
    assert "data" not in fields(WHOLE, 5)


def test_ipv6_has_a_hop_limit() -> None:
    assert "hop limit" in fields(SIX, 1)
    assert "TTL" not in fields(SIX, 1)


@pytest.mark.parametrize("exchange", [WHOLE, FAULTY, EVERYTHING])
def test_every_ruling_is_told_with_its_sentence(exchange: Exchange) -> None:
    found = known(exchange)
    for entry, told in zip(entries(exchange), found["segments"], strict=True):
        ruled = [*entry.rulings, *(r for r in exchange.closing if r.step == entry.step.number)]
        assert [(one[0], found["rules"][one[1]][0]) for one in told["said"]] == [
            (ruling.verdict.value, ruling.rule) for ruling in ruled
        ]
        assert told["held"] == 0
    sentences = [one[2] for told in found["segments"] for one in told["said"]]
    assert all(sentences)


def test_what_held_may_be_counted_only() -> None:
    everything, less = known(FAULTY), known(FAULTY, passes=False)
    for full, short in zip(everything["segments"], less["segments"], strict=True):
        kept = [one[2] for one in full["said"] if one[0] != "PASS"]
        assert [one[2] for one in short["said"]] == kept
        assert short["held"] == len(full["said"]) - len(kept)
    assert any(short["held"] for short in less["segments"])


def test_who_is_charged_is_said_of_what_was_broken_only() -> None:
    for told in known(EVERYTHING)["segments"]:
        for verdict, _, _, by, _ in told["said"]:
            assert bool(by) is (verdict in ("FAIL", "WARN", "NOTE"))
    said = [one for told in known(EVERYTHING)["segments"] for one in told["said"]]
    assert {one[3] for one in said if one[0] == Verdict.FAIL.value} == {"us", "the server"}
    assert [one[4] for one in said if one[4]] == ["follows from an earlier breach"]


def test_plain_words_are_told_where_a_language_is_given() -> None:
    assert "plain" not in known(WHOLE)["segments"][0]
    written = particulars(entries(WHOLE), {}, start=0, ours=None, passes=True, words=ENGLISH)
    first = json.loads(ElementTree.fromstring(f"<m>{written}</m>").text or "")["segments"][0]
    assert "Can you hear me?" in first["plain"]
    assert first["lang"] == "en"


def test_hostile_words_are_made_visible() -> None:
    text = json.dumps(known(EVERYTHING), ensure_ascii=False)
    assert "\u202e" not in text
    assert "evil" in text
