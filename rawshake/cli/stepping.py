"""``--step``: each segment of ours is shown before it leaves, with the reason for it, and waits for Enter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

import click

from rawshake.cli.output import language_of, render_options
from rawshake.cli.parameters import Output
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.net.lines import Lines
from rawshake.plain.language import phrase
from rawshake.plain.sentences import sentence
from rawshake.render.explained import held_together
from rawshake.render.style import BOLD, CYAN, Span, paint
from rawshake.render.text import safe, wrap
from rawshake.render.words import flags_text
from rawshake.tcp.view import Step

_NEXT: Final = phrase("Next: {flags}")
_PROMPT: Final = phrase("Enter sends it, Ctrl-C ends.")
_ENDED: Final = phrase("There are no more lines to read: this ends here.")
#: Columns before what is said.
_MARGIN: Final = 2


def somebody_must_answer() -> None:
    """Raises Failure with USAGE where nobody could press Enter."""
    if Lines().there_are_none:
        raise Failure(
            Exit.USAGE,
            "--step waits for Enter, and standard input is no terminal.",
            "Run it in a terminal, or send it a line for each segment: yes '' | rawshake ... --step.",
        )


class Stepper:
    """A ``pace.Gate`` at the keyboard; a pipe opens it line by line. What it says goes to standard error.

    Ctrl-D, and the end of a pipe, are taken as Ctrl-C is. Raises Failure with USAGE where nobody could press Enter.
    """

    def __init__(self, output: Output) -> None:
        self._options = render_options(output)
        self._words = language_of(output, ascii_only=self._options.ascii)
        self._lines = Lines()
        self._asking = False
        #: nobody has been waited for since the question stands there
        self._fresh = False
        #: something was drawn below the question
        self._covered = False
        #: told when the descriptors change that wake it
        self.on_change: Callable[[], None] = lambda: None
        somebody_must_answer()

    @property
    def wakers(self) -> tuple[int, ...]:
        """What can be read once there is an answer."""
        return (self._lines.descriptor,) if self._asking else ()

    def ask(self, step: Step) -> None:
        """Show what is to be sent next, and why."""
        words, width = self._words, self._options.columns - _MARGIN
        told = safe(sentence(step, words), ascii_only=self._options.ascii)
        head = words.say(_NEXT, flags=flags_text(step.segment.flags))
        rows = [
            Span(head, BOLD),
            *(Span(row, CYAN) for row in wrap(held_together(told), width)),
            Span(words.say(_PROMPT)),
        ]
        colour = self._options.colour and sys.stderr.isatty()
        text = "\n".join(paint([Span(" " * _MARGIN), row], colour=colour) for row in rows)
        click.echo(f"\n{text} ", err=True, nl=False)
        self._fresh, self._covered = True, False
        self._listen(True)

    def give_way(self) -> None:
        """Something is about to be drawn: begin a new line if a question stands there."""
        if self._asking and not self._covered:
            self._covered = True
            click.echo(err=True)

    def opened(self) -> bool:
        """Whether Enter has been pressed since; raises Stopped where it never will be."""
        fresh, self._fresh = self._fresh, False
        if self._lines.take():
            self._listen(False)
            if fresh or not self._lines.is_terminal:
                click.echo(err=True)  # where Enter is typed now the terminal has done so
            return True
        if self._lines.ended:
            self._listen(False)
            click.echo(f"\n{' ' * _MARGIN}{self._words.say(_ENDED)}", err=True)
            raise Stopped(Exit.INTERRUPTED)
        return False

    def withdraw(self) -> None:
        """Nothing is to be sent any more."""
        self.give_way()
        self._listen(False)

    def _listen(self, asking: bool) -> None:
        self._asking = asking
        self.on_change()
