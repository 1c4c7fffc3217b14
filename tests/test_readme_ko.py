"""The Korean README keeps up with the English one: its chapters, commands, options and blocks, and its links."""

from __future__ import annotations

import re
from pathlib import Path

from rawshake.cli.commands import COMMANDS
from scripts import readme
from scripts.command_line import leaves, options
from tests.test_readme import headings, part, shell_lines
from tests.typed import calls, parse

ROOT = Path(__file__).parent.parent
ENGLISH = readme.README.read_text(encoding="utf-8")
KOREAN = readme.KOREAN.read_text(encoding="utf-8")
#: Each chapter, and the one that it is a translation of, if it is of one.
CHAPTERS = {
    "차례": "Contents",
    "설치": "Installing",
    "명령": "Commands",
    "첫걸음": "First steps",
    "사다리 읽기": "Reading the ladder",
    "3-way handshake": None,
    "연결을 닫을 때": None,
    "쉬운 말로": "In plain words",
    "페이지와 그림": "Pages and pictures",
    "TCP의 상태": "The states of TCP",
    "여는 방법과 닫는 방법": "Opening and closing",
    "서버가 되어 보기": "Being the server",
    "스크립트로 보내기": "Playing by script",
    "서버 검증": "Verifying a server",
    "캡처 파일과 실시간 트래픽": "Captures and live traffic",
    "지속적 통합(CI)": "In continuous integration",
    "컨테이너": "In containers",
    "실습실": "The lab",
    "지원하는 것과 지원하지 않는 것": "Supported and not supported",
    "영어 README에만 있는 것": None,
    "라이선스": "Licence",
}


def chapter(text: str, name: str) -> str:
    return text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def anchors(text: str) -> set[str]:
    """Where links into a Markdown file lead, as GitHub has it."""
    return {re.sub(r"[^\w\s-]", "", name).lower().replace(" ", "-") for name in headings(text)}


def code(text: str) -> set[str]:
    """The lines of its blocks without comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return {re.sub(r"\s+# .*", "", line).rstrip() for block in blocks for line in block.splitlines()} - {""}


def prose(text: str) -> str:
    """What is neither a block nor generated."""
    return re.sub(r"^```.*?^```$", "", readme.PART.sub("", text), flags=re.DOTALL | re.MULTILINE)


def written_options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose(text)))


def test_its_generated_parts_are_what_the_code_says() -> None:
    assert readme.render(KOREAN) == KOREAN, "stale: run scripts/readme"


def test_each_leads_to_the_other() -> None:
    assert "](README.ko.md)" in ENGLISH[:200]
    assert "](README.md)" in KOREAN[:200]


def test_it_has_every_chapter_in_the_same_order_or_leads_to_it() -> None:
    assert headings(KOREAN) == list(CHAPTERS)
    ours = [name for name in CHAPTERS.values() if name]
    theirs = headings(ENGLISH)
    assert ours == [name for name in theirs if name in ours]
    elsewhere = set(re.findall(r"README\.md#([a-z-]+)", chapter(KOREAN, "영어 README에만 있는 것")))
    assert elsewhere == {name.lower().replace(" ", "-") for name in theirs if name not in ours}


def test_its_contents_lead_to_every_chapter() -> None:
    linked = re.findall(r"\]\(#([^)]+)\)", chapter(KOREAN, "차례"))
    assert set(linked) == anchors(KOREAN) - {"차례", "라이선스"}


def test_its_links_lead_somewhere() -> None:
    outside = re.findall(r"\]\((README\.md)#([a-z-]+)\)", KOREAN)
    assert {anchor for _, anchor in outside} <= anchors(ENGLISH)
    assert set(re.findall(r"\]\(#([^)]+)\)", KOREAN)) <= anchors(KOREAN)


def test_its_table_has_every_command() -> None:
    assert re.findall(r"^\| `([a-z]+)` \| \S", chapter(KOREAN, "명령"), re.MULTILINE) == list(COMMANDS)


def test_what_is_typed_is_what_is_typed_in_english() -> None:
    drawn = part("ladder-ko", KOREAN)
    assert code(KOREAN.replace(drawn, "")) <= code(ENGLISH)
    assert code("```\nrawshake demo --loud  # why\n```\n") == {"rawshake demo --loud"}


def test_its_examples_are_understood() -> None:
    seen = {parse(arguments) for line in shell_lines(KOREAN) for arguments in calls(line)}
    assert {
        "demo",
        "connect",
        "send",
        "teardown",
        "listen",
        "play",
        "verify",
        "check",
        "sniff",
        "states",
    } <= seen


def test_the_options_it_speaks_of_are_there() -> None:
    known = {
        one
        for name, command in leaves()
        for written, _ in options(name, command)
        for one in re.findall(r"--[a-z-]+", written)
    }
    assert written_options(KOREAN) - {"--help", "--tag"} <= known
    assert written_options("With `--loud` and --seed.\n```\n--quiet\n```\n") == {"--loud", "--seed"}


def test_its_ladder_is_explained_in_korean() -> None:
    drawn = part("ladder-ko", KOREAN)
    assert "$ sudo rawshake teardown 127.0.0.1 80 --explain --lang ko\n" in drawn
    assert "3-way handshake예요" in drawn
    assert "closed: 6 segments" in drawn


def informal(text: str) -> list[str]:
    """Ends of sentences in another voice than the formal polite one, what is quoted aside."""
    return re.findall(r"\S*(?:[요죠]|(?<!니)다)\.(?=\s|$)", re.sub(r'"[^"]*"', "", prose(text)))


def test_it_speaks_formally_and_politely() -> None:
    assert informal(KOREAN) == []
    assert informal('연결을 엽니다. "들려요." 보십시오. 연결을 닫는다. 끝났어요.') == ["닫는다.", "끝났어요."]
