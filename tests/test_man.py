"""The manual page is what the command line says, in words that roff shows as they are, and goes where man looks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from rawshake.errors import Exit
from scripts import man
from scripts.command_line import commands, examples, leaves, options

ROOT = Path(__file__).parent.parent
TEXT = man.PAGE.read_text(encoding="utf-8")
#: All of roff that the page needs: every reader of manuals knows these.
REQUESTS = {".TH", ".SH", ".SS", ".PP", ".TP", ".EX", ".EE", ".nf", ".fi", ".br", ".ad l"}
ESCAPES = re.compile(r"\\(?:[-&%]|f[BIR]|\((?:rs|aq|ga|ha|ti)|\[u[0-9A-F]{4,6}\])")
SIGNS = {"rs": "\\", "aq": "'", "ga": "`", "ha": "^", "ti": "~"}


def shown(line: str) -> str:
    """What a reader sees of a line of roff."""

    def sign(found: re.Match[str]) -> str:
        word = found[0][1:]
        if word.startswith("["):
            return chr(int(word[2:-1], 16))
        return SIGNS.get(word[1:], "-" if word == "-" else "")

    return ESCAPES.sub(sign, line)


def is_plain(line: str, *, kept: bool) -> bool:
    """Whether a line that is no request is shown as it is; running text is not indented."""
    if line.startswith("'") or "\\" in ESCAPES.sub("", line) or not line.isascii():
        return False
    return bool(line.strip()) and (kept or line == line.strip()) and len(shown(line)) <= 80


def faults(text: str) -> list[str]:
    """Lines that a reader of manuals would not understand, or not show as they are."""
    found = []
    kept = False
    for line in text.splitlines():
        kept = line in (".EX", ".nf") or (kept and line not in (".EE", ".fi"))
        if line.startswith("."):
            right = line in REQUESTS or line.partition(" ")[0] in {".TH", ".SH", ".SS"}
        else:
            right = is_plain(line, kept=kept)
        if not right:
            found.append(line)
    return found


def test_it_is_what_the_command_line_says() -> None:
    assert man.page(man.dated(TEXT)) == TEXT, "stale: run scripts/man"


def test_roff_shows_it_as_it_is() -> None:
    assert faults(TEXT) == []


@pytest.mark.parametrize("line", ["'x", ".xy", "a\\d", "naïve", "", "x" * 81, "\\fX", " a", ".EX x"])
def test_what_roff_would_read_as_something_else_is_found(line: str) -> None:
    assert faults(line + "\n") == [line]


@pytest.mark.parametrize(
    "text", [".x -a 'b' `c^d~ \\r\\n →", "...", "'rawshake lab' and --how-so, -v, a-b x--y"]
)
def test_words_are_shown_as_they_were(text: str) -> None:
    assert faults(man.prose(text)) == []
    quoted = re.sub("'(rawshake [^']+)'", r"\1", text)
    assert shown(man.prose(text)).split() == quoted.split()


def test_it_has_every_command_its_examples_and_its_options() -> None:
    lines = {shown(line) for line in TEXT.splitlines()}
    own = {shown(man.option_head(written)) for name, one in leaves() for written, _ in options(name, one)}
    assert own <= lines
    for name, command in commands():
        assert any(line.startswith(f".SS rawshake {name} ") for line in lines)
        for example in examples(command):
            assert any(line.startswith(example) for line in lines)


def test_it_has_every_exit_status() -> None:
    table = TEXT.partition(".SH EXIT STATUS\n")[2].partition("\n.SH ")[0]
    assert re.findall(r"^\.TP\n(\d+)$", table, re.MULTILINE) == [str(int(one)) for one in Exit]


@pytest.mark.parametrize("name", [name for names in man.ENVIRONMENT for name in names.split(", ")])
def test_what_it_reads_of_the_environment_is_read(name: str) -> None:
    by_python = {"COLUMNS": "get_terminal_size("}
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rawshake").rglob("*.py"))
    assert by_python.get(name, f'"{name}"') in sources


def test_its_date_moves_only_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "man" / "rawshake.1"
    monkeypatch.setattr(man, "PAGE", path)
    assert man.main([]) == 0
    assert man.dated(path.read_text(encoding="utf-8")) != "1999-12-31"
    path.write_text(man.page("1999-12-31"), encoding="utf-8")
    man.write()
    assert man.dated(path.read_text(encoding="utf-8")) == "1999-12-31"
    path.write_text(man.page("1999-12-31") + ".PP\nmore\n", encoding="utf-8")
    man.write()
    assert man.dated(path.read_text(encoding="utf-8")) != "1999-12-31"
    assert man.main(["--nonsense"]) == 2


def test_it_is_installed_where_man_looks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["shared-data"] == {str(man.PAGE.relative_to(ROOT)): "share/man/man1/rawshake.1"}
