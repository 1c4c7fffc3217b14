"""The scripts of ``play``: where they are found, and how one that is wrong is told."""

from __future__ import annotations

import ast
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rawshake.examples
from rawshake.errors import Exit, Failure
from rawshake.play import Mistake, ScriptFunction

EXAMPLES: Final = Path(rawshake.examples.__path__[0])
#: What ``PEER`` is in a script that waits to be dialled.
CALLER: Final = "caller"


@dataclass(frozen=True, slots=True)
class Found:
    """A script: what it is called, its function, and the kind of server that it says it is for."""

    name: str
    path: Path
    function: ScriptFunction
    peer: str

    def mistaken(self, mistake: Mistake) -> Failure:
        """The script is wrong, in a sentence."""
        where = f"{self.name}, line {mistake.line}" if mistake.line else self.name
        return Failure(
            Exit.USAGE, f"{where}: {mistake.problem}", f"What a script may do is told at 'pydoc {GUIDE}'."
        )


GUIDE: Final = "rawshake.play"


def examples() -> list[tuple[str, str, str]]:
    """Name, kind of server, and what it shows, of each script that comes with rawshake; none is run."""
    found = []
    for path in sorted(EXAMPLES.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        summary = (ast.get_docstring(tree) or "").partition("\n")[0]
        peer = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PEER"
        )
        found.append((path.stem.replace("_", "-"), peer, summary))
    return found


def find(script: str) -> Path:
    """The file of that path, or the example of that name."""
    path = Path(script)
    if path.is_file():
        return path
    example = EXAMPLES / f"{script.removesuffix('.py').replace('-', '_')}.py"
    if example.parent == EXAMPLES and example.is_file():
        return example
    if path.suffix == ".py" or "/" in script:
        what = "a directory" if path.is_dir() else "no file"
        raise Failure(
            Exit.USAGE, f"{script} is {what}.", "Name a file of Python, or see 'rawshake play --list'."
        )
    import difflib

    names = [name for name, _, _ in examples()]
    near = difflib.get_close_matches(script, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else "See 'rawshake play --list'."
    raise Failure(Exit.USAGE, f"There is no script {script!r}.", hint)


def load(script: str) -> Found:
    """Run the file, and give the function ``script`` that it defines. What it raises becomes a ``Failure``."""
    path = find(script)
    name = path.stem.replace("_", "-") if path.parent == EXAMPLES else str(path)
    try:
        text = path.read_bytes()
    except OSError as refused:
        raise Failure(Exit.UNREADABLE, f"{script} cannot be read: {refused.strerror}.") from refused
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    sys.path.insert(
        0, str(path.parent.resolve())
    )  # what stands beside a script can be imported, as in Python
    try:
        exec(compile(text, str(path), "exec"), space)
    except SyntaxError as wrong:
        where = f"{name}, line {wrong.lineno}" if wrong.filename == str(path) else f"{name}: {wrong.filename}"
        raise Failure(Exit.USAGE, f"{where}: {wrong.msg}.", "Mend that line.") from wrong
    except (Exception, SystemExit) as fault:
        line = max(
            (at.lineno or 0 for at in traceback.extract_tb(fault.__traceback__) if at.filename == str(path)),
            default=0,
        )
        raise Failure(
            Exit.USAGE, f"{name}, line {line}: {type(fault).__name__}: {fault}", "Mend that line."
        ) from fault
    function = space.get("script")
    if not callable(function):
        what = "no function 'script'" if function is None else "a 'script' that is no function"
        raise Failure(
            Exit.USAGE,
            f"{name} has {what}.",
            "Begin with a copy of an example; 'rawshake play --list' names their directory.",
        )
    peer = space.get("PEER", "")
    return Found(name, path, function, peer if isinstance(peer, str) else "")
