"""Values of a JSON document taken out one by one, each with the path to it and what it must be."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn, TypeVar

from rawshake.errors import Exit, Failure

EnumT = TypeVar("EnumT", bound=Enum)

#: Nanoseconds and counters: what 64 bits hold.
LIMIT: Final = 1 << 63


class BadReport(Failure):
    """A text is no report that can be loaded: a Failure with the exit status UNREADABLE."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            Exit.UNREADABLE, problem, "Give a report that this version of rawshake wrote with --json."
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document, and where it stands: ``$.exchanges[0].client.port``."""

    value: object
    path: str = "$"

    def fail(self, wanted: str) -> NoReturn:
        """Raise BadReport, which quotes the value."""
        shown = json.dumps(self.value)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        raise BadReport(f"{self.path} is {shown}, not {wanted}.")

    def __getitem__(self, key: str) -> Node:
        """The member of an object that is called ``key``."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        if key not in self.value:
            raise BadReport(f"{self.path} has no {key!r}.")
        return Node(self.value[key], f"{self.path}.{key}")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def items(self) -> list[Node]:
        """The members of an array."""
        if not isinstance(self.value, list):
            self.fail("an array")
        return [Node(value, f"{self.path}[{at}]") for at, value in enumerate(self.value)]

    def number(self, least: int = -LIMIT, most: int = LIMIT - 1) -> int:
        """A whole number."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.fail(f"a whole number of {least} to {most}")
        return self.value

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            self.fail("a string")
        return self.value

    def truth(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.fail("true or false")
        return self.value

    def octets(self) -> bytes:
        """Octets, as lower-case hexadecimal."""
        text = self.text()
        if re.fullmatch(r"(?:[0-9a-f]{2})*", text) is None:
            self.fail("octets as two hexadecimal digits each")
        return bytes.fromhex(text)

    def choice(self, of: type[EnumT]) -> EnumT:
        """A value of that enumeration."""
        for member in of:
            if member.value == self.value:
                return member
        return self.fail(f"one of {', '.join(str(member.value) for member in of)}")


def parse(text: str) -> Node:
    """Read JSON as RFC 8259 has it. Raises BadReport."""
    try:
        return Node(json.loads(text, parse_constant=_no_constant))
    except json.JSONDecodeError as error:
        raise BadReport(f"The text is not JSON: {error}.") from None
    except ValueError:  # more digits than Python converts
        raise BadReport("The text has a number that no report has.") from None


def _no_constant(name: str) -> NoReturn:
    raise BadReport(f"The text is not JSON: it says {name}.")


def difference(stored: object, made: object, path: str = "$") -> str | None:
    """A sentence about the first place where two documents differ; None where they do not."""
    if type(stored) is not type(made):
        return f"{path} is {_brief(stored)}, but its segments give {_brief(made)}."
    if isinstance(stored, dict) and isinstance(made, dict):
        for key in made:
            if key not in stored:
                return f"{path} has no {key!r}."
            found = difference(stored[key], made[key], f"{path}.{key}")
            if found:
                return found
        for key in stored:
            if key not in made:
                return f"{path} has {key!r}, of which this version knows nothing."
        return None
    if isinstance(stored, list) and isinstance(made, list):
        for at, (one, other) in enumerate(zip(stored, made, strict=False)):
            found = difference(one, other, f"{path}[{at}]")
            if found:
                return found
        if len(stored) != len(made):
            return f"{path} has {len(stored)} members in place of {len(made)}."
        return None
    if stored != made:
        return f"{path} is {_brief(stored)}, but its segments give {_brief(made)}."
    return None


def _brief(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
