"""A language to speak: English stands in the code, every other one in a catalogue that somebody else has read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


def phrase(text: str) -> str:
    """Mark a text for translators: ``scripts/messages`` puts it into the catalogues. Names in braces stay."""
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its code, as in ``lang="ko"``, and the translation of every marked text into it."""

    code: str
    translate: Callable[[str], str]

    def say(self, text: str, **values: str) -> str:
        """A marked text in this language, with its names in braces filled in."""
        return self.translate(text).format_map(values)


ENGLISH: Final = Language("en", lambda text: text)
