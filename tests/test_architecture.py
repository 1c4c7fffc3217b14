"""Imports go one way, only the edge touches the system, and every file can be read in one sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CORE = set(
    """
    tcp rules judge report render html profile impair sending receiving endpoint play examples probes verify copies
    conversation pace ending account plain behaviours clients listener session screen link connection follow sift
    trace vantage permitted many
    """.split()
)

#: What each part of rawshake may import of the others; itself and errors go without saying.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "permitted": set(),
    "tcp": set(),
    "rules": {"tcp"},
    "vantage": {"tcp", "rules"},
    "judge": {"tcp", "rules", "vantage"},
    "report": {"tcp", "rules", "judge"},
    "connection": {"tcp", "judge", "report"},
    "plain": {"tcp", "report", "impair"},
    "render": {"tcp", "rules", "judge", "report", "connection", "many", "probes", "plain"},
    "html": set("tcp rules judge report connection render many probes plain".split()),
    "profile": {"tcp"},
    "impair": {"tcp"},
    "sending": {"tcp", "profile"},
    "receiving": {"tcp", "profile"},
    "endpoint": {"tcp", "profile", "sending", "receiving"},
    "play": {"tcp", "link", "rules", "judge", "report", "profile"},
    "examples": {"play"},
    "probes": {"tcp", "rules", "report", "profile", "play"},
    "verify": {"tcp", "link", "rules", "profile", "play", "probes"},
    "link": {"tcp"},
    "trace": {"link"},
    "follow": {"tcp", "rules", "judge", "report", "connection", "link"},
    "sift": {"link"},
    "screen": {"tcp", "trace", "connection", "rules", "judge", "report", "link", "follow"},
    "copies": {"tcp", "link", "profile", "report"},
    "pace": {"tcp", "judge", "endpoint"},
    "conversation": set("tcp rules judge report link profile endpoint pace copies impair".split()),
    "many": set("tcp rules vantage judge report link profile endpoint copies conversation".split()),
    "ending": {"report", "conversation", "endpoint"},
    "account": {"tcp", "rules", "judge", "report", "connection"},
    "behaviours": {"profile", "endpoint", "conversation"},
    "clients": set("tcp link profile report connection conversation account behaviours".split()),
    "listener": CORE
    - set("session render html plain play examples probes verify many screen trace follow sift".split()),
    "session": {"tcp", "link", "profile", "report", "endpoint", "copies", "conversation"},
    "net": {"tcp", "link", "trace"},
    "api": CORE | {"net"},
    "cli": CORE | {"net", "api"},
    "__main__": {"cli"},
}

#: What pure parts may import from elsewhere: nothing with a clock, randomness, the system or the network.
PURE_STDLIB = set(
    """
    __future__ abc base64 bisect collections contextlib copy dataclasses difflib enum fractions functools
    hashlib heapq hmac html inspect ipaddress itertools json math operator re reprlib shlex statistics string struct
    textwrap types typing unicodedata weakref xml zlib
    """.split()
)
#: Exceptions: registries find their chapters, dates are written out, pages have templates and assets, the column-wise
#: screen is numpy's.
PURE_EXTRA = {
    "rules": {"importlib", "pkgutil"},
    "probes": {"importlib", "pkgutil"},
    "render": {"datetime"},
    "html": {"jinja2", "importlib"},
    "trace": {"heapq"},
    "screen": {"numpy"},
    "many": {"numpy"},
}

#: Only net touches these; the API and the command line ask net.
ONLY_NET = set(
    """
    scapy pyroute2 asyncio ctypes fcntl mmap multiprocessing pty resource select selectors socket
    socketserver subprocess termios threading time tty
    """.split()
)
ONLY_CLI = {"click", "rich"}

#: Modules that may compute the name of what they import: lazy loading is what they are for.
MAY_COMPUTE_NAMES = {"rawshake", "rawshake.rules", "rawshake.probes", "rawshake.cli.commands"}

#: Calls that a pure part does not make, whatever it may import.
ONLY_EDGE_CALLS = set(
    """
    open print input breakpoint exec eval compile
    datetime.now datetime.utcnow datetime.today date.today
    """.split()
)


@dataclass(frozen=True)
class Import:
    """One imported name: ``rawshake.tcp.Seq`` for ``from rawshake.tcp import Seq``, "?" if computed."""

    name: str
    line: int
    at_load: bool


def imports(source: str) -> Iterator[Import]:
    """Every import of a module, those in functions and under TYPE_CHECKING included."""
    yield from _imports(ast.parse(source), at_load=True)


def _imports(node: ast.AST, *, at_load: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno, at_load)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Import(f"{'.' * node.level}{node.module or ''}.{alias.name}", node.lineno, at_load)
    elif isinstance(node, ast.Call) and _callee(node) in {"import_module", "__import__"}:
        match node.args:
            case [ast.Constant(value=str(name)), *_]:
                yield Import(name, node.lineno, at_load)
            case _:
                yield Import("?", node.lineno, at_load)
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    hint = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, at_load=at_load and not inside and not hint)


def _callee(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def violations(module: str, source: str) -> list[str]:
    """What a module of rawshake does that its place in the tree does not allow, one sentence each."""
    found = []
    part = _part(module)
    if part not in MAY_IMPORT and module != "rawshake":
        return [f"{module}: MAY_IMPORT does not say what {part!r} may import"]
    allowed = MAY_IMPORT.get(part, set()) | {part, "errors", ""}
    for an_import in imports(source):
        where = f"{module}:{an_import.line}"
        top = an_import.name.partition(".")[0]
        if an_import.name.startswith("."):
            found.append(f"{where}: {an_import.name} is relative")
        elif an_import.name.endswith(".*"):
            found.append(f"{where}: {an_import.name} imports everything")
        elif top == "?":
            if module not in MAY_COMPUTE_NAMES:
                found.append(f"{where}: imports a computed name")
        elif top == "rawshake":
            imported = _part(an_import.name)
            if imported == "__version__":
                continue
            if module == "rawshake" and an_import.at_load:
                found.append(f"{where}: {an_import.name} makes `import rawshake` slow")
            elif module != "rawshake" and imported not in allowed:
                found.append(f"{where}: {part} may not import {an_import.name}")
        elif not _may_import_foreign(part, top):
            found.append(f"{where}: {part} may not import {an_import.name}")
    if part in CORE:
        found += [
            f"{module}:{node.lineno}: {part} is pure and calls {ast.unparse(node.func)}()"
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and _called(node) in ONLY_EDGE_CALLS
        ]
    return found


def _called(call: ast.Call) -> str:
    """The last two names of what is called: ``datetime.now`` for ``datetime.datetime.now()``."""
    return ".".join(ast.unparse(call.func).split(".")[-2:])


def _part(name: str) -> str:
    """Which part of rawshake a module or a name in it belongs to: ``rawshake.tcp.seq.Seq`` to tcp."""
    return [*name.split("."), ""][1]


def _may_import_foreign(part: str, top: str) -> bool:
    if part in CORE:
        return top in PURE_STDLIB | PURE_EXTRA.get(part, set())
    if part == "net":
        return top not in ONLY_CLI
    if part == "api":
        return top not in ONLY_NET | ONLY_CLI
    if part == "cli":
        return top not in ONLY_NET
    return top in PURE_STDLIB | {"importlib", "sys"}


def modules() -> dict[str, Path]:
    """Every module of rawshake by name."""
    found = {}
    for path in sorted((ROOT / "rawshake").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def files() -> list[Path]:
    """Every file of code that people read: package, tests, scripts."""
    python = [path for top in ("rawshake", "tests", "scripts") for path in (ROOT / top).rglob("*.py")]
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    return sorted({*python, *scripts, ROOT / ".ci" / "run"})


def loaded_with(module: str, sources: dict[str, str], *, follow_functions: bool) -> set[str]:
    """What comes along when ``module`` is imported: our modules and the names of others."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        # A name in a module loads that module, and a module loads its packages.
        owners = [owner for owner in _prefixes(name) if owner in sources]
        if not owners:
            seen.add(name)
        for owner in owners:
            if owner not in seen:
                seen.add(owner)
                # What the root names for those who check types it loads when it is asked for it.
                follow = follow_functions and owner != "rawshake"
                waiting += [i.name for i in imports(sources[owner]) if i.at_load or follow]
    return seen


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def sources() -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8") for name, path in modules().items()}


def loads_pyroute2(module: str, texts: dict[str, str]) -> bool:
    return any(
        name.partition(".")[0] == "pyroute2" for name in loaded_with(module, texts, follow_functions=False)
    )


@pytest.mark.parametrize("module", modules())
def test_imports_go_one_way(module: str) -> None:
    assert violations(module, sources()[module]) == []


def test_every_part_of_the_package_is_in_the_table() -> None:
    parts = {_part(name) for name in modules()} - {""}
    assert parts <= MAY_IMPORT.keys()


@pytest.mark.parametrize("module", [name for name in modules() if _part(name) == "net"])
def test_only_the_lab_loads_pyroute2(module: str) -> None:
    lab = module.startswith("rawshake.net.lab")
    assert lab or not loads_pyroute2(module, sources())


#: A second opinion on what is right must not come from the first.
TRACKING = {"rawshake.tcp.tracker", "rawshake.tcp.standing", "rawshake.tcp.view", "rawshake.tcp.flight"}


@pytest.mark.parametrize(
    "module", [name for name in modules() if f"{name}.".startswith("rawshake.probes.grid.")]
)
def test_the_grid_does_not_know_of_the_tracker(module: str) -> None:
    texts = sources()
    own = {an_import.name for an_import in imports(texts[module])}
    assert not {prefix for name in own for prefix in _prefixes(name)} & TRACKING
    assert not loaded_with(module, texts, follow_functions=False) & TRACKING


def test_the_checker_finds_the_tracker_behind_others() -> None:
    assert loaded_with("rawshake.rules.model", sources(), follow_functions=False) & TRACKING


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    "path",
    [path for path in files() if path.suffix == ".py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_module_says_what_it_knows(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


BAD: dict[str, tuple[str, str]] = {
    "a rule asks the judge": ("rawshake.rules.close", "from rawshake.judge import Judge"),
    "a rule asks the judge, from the package": ("rawshake.rules.close", "from rawshake import judge"),
    "tcp asks a rule": ("rawshake.tcp.seq", "import rawshake.rules"),
    "in a function": ("rawshake.tcp.seq", "def f() -> None:\n    import rawshake.rules"),
    "for types only": ("rawshake.tcp.seq", "if TYPE_CHECKING:\n    from rawshake.rules import Rule"),
    "by name": ("rawshake.tcp.seq", "importlib.import_module('rawshake.rules')"),
    "by a computed name": ("rawshake.tcp.seq", "__import__(name)"),
    "relative": ("rawshake.tcp.seq", "from .option import Kind"),
    "everything": ("rawshake.tcp.seq", "from rawshake.tcp.option import *"),
    "errors asks tcp": ("rawshake.errors", "from rawshake.tcp.seq import Seq"),
    "net asks the command line": ("rawshake.net.wire", "from rawshake.cli import main"),
    "net draws": ("rawshake.net.wire", "import rich.console"),
    "a pure part reads the clock": ("rawshake.session", "from time import time_ns"),
    "a pure part rolls dice": ("rawshake.endpoint", "import random"),
    "a pure part asks the system": ("rawshake.render.ladder", "import os.path"),
    "a pure part colours": ("rawshake.render.ladder", "from rich.text import Text"),
    "a ladder asks for a template": ("rawshake.render.ladder", "import jinja2"),
    "a page asks the edge": ("rawshake.html.shell", "from rawshake.net.privilege import write_for_user"),
    "a pure part prints": ("rawshake.judge", "print('charged')"),
    "a pure part opens a file": ("rawshake.report", "with open('report.json') as file:\n    pass"),
    "a pure part asks for the date": (
        "rawshake.render.junit",
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
    ),
    "the link opens a socket": ("rawshake.link", "import socket"),
    "the command line crafts": ("rawshake.cli.connect", "from scapy.layers.inet import TCP"),
    "the command line opens a socket": ("rawshake.cli.connect", "def f() -> None:\n    import socket"),
    "the API opens a socket": ("rawshake.api.live", "import socket"),
    "the API draws": ("rawshake.api.live", "from rich.console import Console"),
    "the API asks the command line": ("rawshake.api.live", "from rawshake.cli.output import report"),
    "net asks the API": ("rawshake.net.wire", "from rawshake.api.live import call"),
    "the root loads tcp": ("rawshake", "from rawshake.tcp.seq import Seq"),
    "a part nobody knows": ("rawshake.misc", ""),
}

GOOD: dict[str, tuple[str, str]] = {
    "a rule asks tcp": ("rawshake.rules.close", "from rawshake.tcp.seq import Seq"),
    "anyone fails": ("rawshake.tcp.seq", "from rawshake.errors import Failure"),
    "its own part": ("rawshake.tcp.segment", "from rawshake.tcp.seq import Seq"),
    "the edge does what it is for": ("rawshake.net.wire", "import socket, time, scapy.layers.inet"),
    "the command line asks the edge": ("rawshake.cli.connect", "from rawshake.net import wire\nimport click"),
    "the command line asks the API": ("rawshake.cli.connect", "from rawshake.api.live import call"),
    "the root loads lazily": ("rawshake", "def __getattr__(name):\n    from rawshake.tcp.seq import Seq"),
    "a date is written out": (
        "rawshake.render.junit",
        "from datetime import datetime\ndatetime.fromtimestamp(time)\nlink.now()",
    ),
    "a method named open": ("rawshake.session", "endpoint.open()"),
}


@pytest.mark.parametrize(("module", "source"), BAD.values(), ids=BAD.keys())
def test_the_checker_finds(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(("module", "source"), GOOD.values(), ids=GOOD.keys())
def test_the_checker_allows(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_the_checker_follows_imports() -> None:
    texts = {
        "rawshake": "",
        "rawshake.net": "",
        "rawshake.net.route": "from rawshake.net.lab import veth",
        "rawshake.net.lab": "from pyroute2 import IPRoute",
        "rawshake.net.wire": "def f():\n    from rawshake.net.lab import veth",
    }
    assert loads_pyroute2("rawshake.net.route", texts)
    assert not loads_pyroute2("rawshake.net.wire", texts)


def test_the_checker_loads_the_packages_on_the_way() -> None:
    texts = {"rawshake": "", "rawshake.net": "import pyroute2", "rawshake.net.route": ""}
    assert loads_pyroute2("rawshake.net.route", texts)
