"""Each segment has its sentence: of what it really is, with the numbers of this exchange, in each language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from rawshake.api.languages import languages, load
from rawshake.plain.language import ENGLISH, Language
from rawshake.plain.meaning import Meaning, meaning
from rawshake.plain.sentences import sentence
from rawshake.profile import Deviation, deviate
from rawshake.report import Exchange
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Step
from tests.plain.test_meaning import EXCHANGES, OPENED, examples
from tests.render.exchanges import exchanges
from tests.rules.play import steps_of

CLOSED = OPENED + """
    > F. 1:1(0) ack 1
    < . 1:1(0) ack 2
    < F. 1:1(0) ack 2
    > . 2:2(0) ack 2
"""  # fmt: skip
LANGUAGES = [load(code) for code in languages()]
HANGUL = re.compile("[가-힣]")
#: Client's and server's ISN.
ISNS = (1000, 5000)


def told(text: str, *, ours: End | None = None) -> list[str]:
    return [sentence(step) for step in steps_of(text, isns=ISNS, ours=ours)]


def quotes(text: str) -> list[str]:
    """What the ends say to each other."""
    return [said for one in told(text) for said in re.findall('"([^"]*)"', one)[:1]]


def test_the_three_and_the_four() -> None:
    assert quotes(CLOSED) == [
        "Can you hear me?",
        "I hear you. Can you hear me?",
        "I hear you!",
        "I have said everything; let us stop.",
        "All right, one moment.",
        "I am done too.",
        "All right.",
    ]


def test_numbers_have_their_names_and_values() -> None:
    syn, synack, ack, fin, ack_of_fin, second, last = told(CLOSED)
    assert "counts from a = 1000" in syn
    assert "a+1 = 1001 comes next" in syn
    assert "ACK a+1 = 1001" in synack
    assert "counts from b = 5000" in synack
    assert "ACK b+1 = 5001" in ack
    assert "a+1 = 1001" in fin
    assert "ACK a+2 = 1002 is the number of the FIN, a+1 = 1001, plus one" in ack_of_fin
    assert "b+1 = 5001" in second
    assert "ACK b+2 = 5002 is the number of the FIN, b+1 = 5001, plus one" in last


def test_what_popular_texts_have_wrong() -> None:
    syn, *_others, fin, _ack, _second, last = told(CLOSED)
    assert "leaves CLOSED and is in SYN-SENT" in syn
    assert "a sequence number of its own choice, not a port" in syn
    assert "TIME-WAIT" not in fin
    assert (
        "With this last ACK TIME-WAIT begins for the client, which closed first; the server is CLOSED" in last
    )


def test_the_number_of_a_fin_stands_after_its_data() -> None:
    *_opened, fin, ack = told(OPENED + "> FP. 1:6(5) ack 1\n< . 1:1(0) ack 7")
    assert "a+6 = 1006" in fin
    assert "5 octets of data stand before the FIN" in fin
    assert "ACK a+7 = 1007 is the number of the FIN, a+6 = 1006, plus one" in ack


def test_four_are_often_three() -> None:
    *_opened, fin, both, last = told(OPENED + "< F. 1:1(0) ack 1\n> F. 1:1(0) ack 2\n< . 2:2(0) ack 2")
    assert fin.startswith('The server: "I have said everything')
    assert "three segments, not four" in both
    assert "TIME-WAIT begins for the server, which closed first" in last


def test_one_octet_is_one() -> None:
    assert "1 octet of data, from a+1" in told(OPENED + "> P. 1:2(1) ack 1")[-1]
    assert "2 octets of data, from a+1" in told(OPENED + "> P. 1:3(2) ack 1")[-1]


def test_what_is_lost_is_never_heard() -> None:
    lost, again = told("> S 0:0(0) [lost]\n+1 > S 0:0(0)")
    assert lost.endswith("But it is lost on the way: the server never hears it.")
    assert "lost" not in again


@pytest.mark.parametrize("note", ["delayed by 20 ms by rawshake", "reordered by rawshake"])
def test_what_is_held_back_is_not_lost(note: str) -> None:
    (step,) = steps_of("> S 0:0(0) [lost]")
    assert sentence(replace(step, note=note)).endswith("It is held back on the way, and arrives later.")


def test_a_wrong_checksum() -> None:
    (step,) = steps_of("> S 0:0(0)")
    wrong = replace(step, segment=replace(step.segment, checksum=Checksum.WRONG))
    assert sentence(wrong).endswith("Its checksum is wrong, so the server throws it away.")
    assert "checksum" not in sentence(step)


def test_a_capture_that_begins_late() -> None:
    first, second = told("< . 1:1(0) ack 1\n< P. 1:6(5) ack 1")
    assert "What went before was not seen" in first
    assert "What went before was not seen" not in second


def crafted(deviation: Deviation, name: str, text: str) -> Step:
    """The last segment of the exchange, sent by rawshake with something wrong in it on purpose."""
    *lines, last = parse_exchange(text, client_isn=ISNS[0], server_isn=ISNS[1])
    tracker = Tracker((last.segment.src, last.segment.sport), (last.segment.dst, last.segment.dport))
    for line in lines:
        tracker.apply(line.segment, line.time, fate=Fate.PASSED if line.from_client else Fate.DELIVERED)
    outgoing = deviate(name, last.segment, [deviation])
    return tracker.apply(outgoing.segment, last.time, ours=True, meant=outgoing.meant)


def test_what_is_wrong_on_purpose_is_said_with_what_would_be_right() -> None:
    said = sentence(crafted(Deviation("ack", "ack", 1, True), "ack", OPENED))
    assert said.startswith('What would be right: The client: "I hear you!" ACK b+1 = 5001')
    assert "But it is wrong on purpose: it has ack b+2 = 5002 in place of ack b+1 = 5001." in said
    assert "ACK b+2 = 5002 is not the answer to the SYN of the server, which answers with a RST." in said
    right = sentence(crafted(Deviation("fin", "ack", 1, True), "ack", OPENED))
    assert "wrong" not in right


def test_wrong_flags_are_named() -> None:
    said = sentence(crafted(Deviation("ack", "flags", 0x14, False), "ack", OPENED))
    assert "it has RST,ACK in place of ACK" in said


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
@pytest.mark.parametrize("name", EXCHANGES)
def test_every_segment_is_told_whole(name: str, language: Language) -> None:
    for step in steps_of(EXCHANGES[name]):
        check_whole(sentence(step, language), language)


@pytest.mark.parametrize("steps", examples())
def test_examples_of_the_rule_book_are_told_whole(steps: list[Step]) -> None:
    for step in steps:
        for language in LANGUAGES:
            check_whole(sentence(step, language), language)


def check_whole(said: str, language: Language) -> None:
    assert "{" not in said
    assert re.search(r"(^|[ (])\?", said) is None, said  # a number that is not known
    assert said[0].isupper() or HANGUL.match(said) or said[0].isdigit(), said
    assert said.endswith((".", '"', "?")), said
    assert bool(HANGUL.search(said)) == (language is not ENGLISH)


@given(exchanges())
def test_whatever_passes_has_a_sentence(exchange: Exchange) -> None:
    for step in exchange.steps:
        for language in LANGUAGES:
            assert sentence(step, language)


def test_a_number_that_is_not_known_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        check_whole("The client speaks, from ? on.", ENGLISH)


def test_a_segment_of_its_own_is_told_the_same_to_everyone() -> None:
    text = EXCHANGES["both dial, and both close, at once"]
    assert told(text) == told(text, ours=End.CLIENT)


def test_data_rides_on_a_syn() -> None:
    (said,) = told("> S 0:5(5)")
    assert said.endswith("5 octets of data ride on it.")
    assert "ride" not in told("> S 0:0(0)")[0]


def test_a_syn_to_an_end_that_was_reset_is_not_foretold_a_reset() -> None:
    *_before, syn, _answer = told(OPENED + "> R. 1:1(0) ack 1\n> S 9000:9000(0)\n< S. 7000:7000(0) ack 9001")
    assert "asks anew" in syn
    assert "RST" not in syn
    *_before, stray = told(OPENED + "> R. 1:1(0) ack 1\n> P. 1:6(5) ack 1")
    assert "has no connection to which it belongs, and answers with a RST" in stray


def test_meanings_and_sentences_go_together() -> None:
    plain = Segment(src="a", dst="b", sport=1, dport=2, seq=steps_of("> S 0:0(0)")[0].segment.seq)
    mute = Tracker(("a", 1), ("b", 2)).apply(plain, 0)
    assert meaning(mute) is Meaning.MUTE
    assert "without ACK" in sentence(mute)
