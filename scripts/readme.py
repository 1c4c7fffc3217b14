"""What is generated of the documents: the README's tables, its ladder from a real run, and the manual page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from scripts import man
from scripts.command_line import exit_meanings, leaves, users

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
KOREAN: Final = ROOT / "README.ko.md"
#: What ``draw`` has this program do in a network of its own.
INSIDE: Final = "--inside"
#: How the README tells where a generated part stands.
PART: Final = re.compile(r"(<!-- ([a-z-]+): made by scripts/readme -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def commands() -> str:
    """Every command and what it is for."""
    from rawshake.cli.commands import COMMANDS

    return table(("command", "what it does"), ((f"`{name}`", text) for name, text in COMMANDS.items()))


def escape(text: str) -> str:
    """A line of help as Markdown shows it unchanged."""
    return re.sub(r"([\\<>*_\[\]])", r"\\\1", " ".join(text.split()))


def shared_options() -> str:
    """The options that mean the same in several commands."""
    rows = (
        (f"`{written}`", escape(text), ", ".join(names))
        for (written, text), names in users().items()
        if len(names) > 1
    )
    return table(("option", "meaning", "commands"), rows)


def own_options() -> str:
    """The options of one command, and those that mean something of its own there."""
    alone = [(names[0], written, text) for (written, text), names in users().items() if len(names) == 1]
    order = [name for name, _ in leaves()]
    rows = (
        (f"`{name}`", f"`{written}`", escape(text))
        for name, written, text in sorted(alone, key=lambda row: order.index(row[0]))
    )
    return table(("command", "option", "meaning"), rows)


def exits() -> str:
    """Every exit status, and when it comes."""
    rows = ((str(one.value), f"`{one.name}`", meaning) for one, meaning in exit_meanings().items())
    return table(("status", "name", "when"), rows)


def servers() -> str:
    """The lab's servers by port."""
    from rawshake.net.lab.servers import SERVERS

    rows = ((str(one.port), f"`{one.name}`", one.summary) for one in SERVERS.values())
    return table(("port", "server", "what it does"), rows)


def examples() -> str:
    """The scripts that come with it."""
    from rawshake.cli.scripts import examples as shipped

    rows = ((f"`{name}`", f"`{peer}`", escape(summary)) for name, peer, summary in shipped())
    return table(("example", "for", "what it shows"), rows)


def behaviours() -> str:
    """How a port that is played by hand may behave."""
    from rawshake.behaviours import BEHAVIOURS

    rows = (
        (
            f"`{one.name}{'' if one.amount is None else ':N'}`",
            f"{one.what} N is {one.amount} unless given." if one.amount else one.what,
        )
        for one in BEHAVIOURS.values()
    )
    return table(("behaviour", "what it does"), rows)


def rules() -> str:
    """The rule book, chapter by chapter."""
    from rawshake.rules import book, chapters

    rows = (
        (chapter, f"`{rule.id}`", rule.level.value, rule.cite, escape(rule.summary))
        for chapter in chapters()
        for rule in book()
        if rule.chapter == chapter
    )
    return table(("chapter", "rule", "level", "clause", "what it asks"), rows)


def count() -> str:
    """How many rules there are."""
    from rawshake.rules import book, chapters

    return f"{len(book())} rules in {len(chapters())} chapters.\n"


def probe_count() -> str:
    """How many probes there are, of how many scenarios."""
    from rawshake.probes import catalogue, chapter_names
    from rawshake.probes.grid.cells import live_cells
    from rawshake.probes.scenarios import SCENARIOS

    probes = catalogue()
    covered = {name for probe in probes for name in probe.scenarios}
    return (
        f"{len(probes)} probes in {len(chapter_names())} chapters, of {len(covered)} of {len(SCENARIOS)} scenarios; "
        f"and {len(live_cells())} cells of the grid.\n"
    )


def states() -> str:
    """The state diagram as text."""
    from rawshake.render.options import Options
    from rawshake.render.states_text import picture

    return f"```\n{picture(Options())}```\n"


def draw(*words: str) -> Callable[[], str]:
    """A whole exchange with a server on loopback, in a network of its own, drawn with those options."""

    def drawn() -> str:
        as_root = [sys.executable, str(ROOT / "scripts" / "as_root.py"), "--"]
        command = [*as_root, sys.executable, "-m", "scripts.readme", INSIDE, *words]
        return subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60
        ).stdout

    return drawn


def inside(words: list[str]) -> None:
    """Print the ladder: what ``draw`` runs as root of a network of its own."""
    from scripts.bench import HOST, RAWSHAKE, server

    command = ["teardown", HOST, "80", *words]
    with server(80):
        done = subprocess.run([RAWSHAKE, *command], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    print(f"```\n$ sudo rawshake {' '.join(command)}\n{done.stdout}```")


def blocks_of(chapter: str, *, which: slice) -> Callable[[], str]:
    """Blocks of code of a chapter of the README in English, for its translations."""

    def taken() -> str:
        text = README.read_text(encoding="utf-8").partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
        return "\n".join(re.findall(r"^```\w*\n.*?^```\n", text, re.DOTALL | re.MULTILINE)[which])

    return taken


PARTS: Final = {
    "commands": commands,
    "shared-options": shared_options,
    "own-options": own_options,
    "examples": examples,
    "behaviours": behaviours,
    "probe-count": probe_count,
    "exits": exits,
    "servers": servers,
    "states": states,
    "rules": rules,
    "rule-count": count,
    "workflow": blocks_of("In continuous integration", which=slice(1)),
    "docker": blocks_of("In containers", which=slice(1)),
    "compose": blocks_of("In containers", which=slice(1, 3)),
    "ladder": draw(),
    "ladder-ko": draw("--explain", "--lang", "ko"),
}
#: What only a README in another language has.
OF_TRANSLATIONS: Final = frozenset({"workflow", "docker", "compose", "ladder-ko"})
#: Differs with each run: written only when asked for.
NEVER_THE_SAME: Final = frozenset({"ladder", "ladder-ko"})


def render(text: str, *, ladder: bool = False) -> str:
    """A README with its generated parts as they are now; its ladder only if that is wanted."""

    def part(found: re.Match[str]) -> str:
        name = found[2]
        if name in NEVER_THE_SAME and not ladder:
            return found[0]
        return f"{found[1]}\n{PARTS[name]()}\n{found[3]}"

    return PART.sub(part, text)


def main(arguments: list[str]) -> int:
    """Write the README in both languages, and the manual page, which has the same sources."""
    if arguments[:1] == [INSIDE]:
        inside(arguments[1:])
        return 0
    if arguments not in ([], ["--ladder"]):
        print("usage: scripts/readme [--ladder]", file=sys.stderr)
        return 2
    man.write()
    for file in (README, KOREAN):
        file.write_text(render(file.read_text(encoding="utf-8"), ladder=bool(arguments)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
