"""``--explain`` of real exchanges: each segment gets the sentence of what it really was, in English and in Korean."""

from __future__ import annotations

import re

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.render.text import columns
from tests.command import Done, rawshake

KOREAN = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "ko_KR.UTF-8"}
ENGLISH = {"LC_ALL": "C.UTF-8"}


def teardown(lab: Lab, server: str, *options: str, env: dict[str, str] | None = None) -> Done:
    port = str(lab.ports[server])
    return rawshake(
        "teardown", lab.address4, port, "--linger", "0", "--explain", *options, env=env or ENGLISH
    )


def quotes(done: Done) -> list[str]:
    """What the ends say to each other, in order, one line a segment."""
    explained = (line for line in done.out.splitlines() if re.match(r"# (What|The|No)", line))
    return [said for line in explained for said in re.findall('"([^"]*)"', line)[:1]]


def test_three_to_open_and_three_to_close(lab: Lab) -> None:
    assert quotes(teardown(lab, "closes-on-eof", "--compact"))[:4] == [
        "Can you hear me?",
        "I hear you. Can you hear me?",
        "I hear you!",
        "I have said everything; let us stop.",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "hello"], 'The client: "I hear you!", and it goes on speaking at once: 5 octets of data'),
        (["--drop", "syn:1"], "No answer has come, so the client asks once more"),
        (["--drop", "synack:1"], "But it is lost on the way: the client never hears it."),
        (["--drop", "fin:1"], "The client says once more: \"I have said everything; let us stop.\""),
        (["--how", "rst"], "The client hangs up with a RST"),
        (["--bad", "ack.ack=+1"], "But it is wrong on purpose: it has ack b+2"),
        (["--corrupt", "fin:1"], "Its checksum is wrong, so the server throws it away."),
        (["--delay", "synack:1=20ms"], "It is held back on the way, and arrives later."),
        (["--duplicate", "synack:1"], "A copy of an earlier segment arrives"),
    ],
)  # fmt: skip
def test_each_kind_of_segment_has_its_sentence(lab: Lab, options: list[str], said: str) -> None:
    assert said in teardown(lab, "echo", "--compact", *options).out
    assert said not in teardown(lab, "echo", "--compact").out


def test_a_refusal(lab: Lab) -> None:
    done = rawshake("teardown", lab.address4, "9999", "--explain", "--compact", env=ENGLISH)
    assert 'The server: "Not here."' in done.out
    assert "After a RST no end goes through TIME-WAIT" in done.out
    assert done.status == Exit.REFUSED


def test_in_korean_all_words_are_korean(lab: Lab) -> None:
    done = teardown(lab, "echo", env=KOREAN)
    assert done.status == Exit.OK
    for said in ("제 말 들리세요?", "네, 들려요. 제 말도 들리세요?", "네, 저도 들려요!", "이제 그만해요."):
        assert said in done.out
    between = [line.strip("│ ") for line in done.out.splitlines() if "─" not in line and "│" in line]
    assert not [line for line in between if "hear" in line or "let us" in line]
    assert "상태의 뜻:" in done.out
    assert max(map(columns, done.out.splitlines())) <= 80


def test_a_held_connection_is_explained_in_the_language_of_who_asks(lab: Lab) -> None:
    opened = rawshake("connect", lab.address4, str(lab.ports["echo"]), "--explain", env=ENGLISH)
    assert '"I hear you!"' in opened.out
    sent = rawshake("send", "hi", "--lang", "ko", env=ENGLISH)
    assert "클라이언트가 말해요." in sent.out
    closed = rawshake("teardown", "--linger", "0", env=KOREAN)
    assert "요." not in closed.out  # nobody asked for words
    assert closed.status == Exit.OK


def test_the_demonstration_is_introduced_in_that_language() -> None:
    done = rawshake("demo", "--explain", "--lang", "ko", env=ENGLISH)
    assert done.out.startswith("여기는 실험실이에요.")
    assert "서버가 연결을 받아들여요." in done.out
    assert "The server" not in done.out
    assert done.status == Exit.OK
