"""Which commands there are, and how what click says becomes words and an exit status."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from rawshake import __version__
from rawshake.errors import Exit, Failure

#: Each command with its one line; the module ``rawshake.cli.NAME`` is loaded when it is called.
COMMANDS: Final = {
    "demo": "Show a handshake and a close in a lab of their own; no set-up.",
    "connect": "Open a connection by hand and hold it: SYN, SYN-ACK, ACK.",
    "send": "Send octets over a held connection and print what comes back.",
    "sessions": "List the connections that are held.",
    "teardown": "Close a held connection, or open and close one: FIN, ACK, FIN, ACK.",
    "listen": "Be the server, by hand: judge every client that dials.",
    "play": "Play a script: send any segment, say what must come back, and when.",
    "check": "Judge what passed: every connection of a capture.",
    "sniff": "Judge what passes: every connection on an interface, until Ctrl-C.",
    "verify": "Verify a server's TCP: probes, the grid of its states, and a verdict on each.",
    "compare": "Compare the verify reports of several stacks.",
    "probes": "List the catalogue of probes.",
    "grid": "Draw the grid of a verify report: states x segments x numbers.",
    "rules": "List the rule book.",
    "explain": "Show the page of a rule, with examples drawn as ladders, or of a probe.",
    "states": "Draw the states of TCP, and the way that two ends took through them.",
    "lab": "A lab of namespaces with real servers behind a wire.",
    "doctor": "Tell what this machine allows.",
}


class Formatter(click.HelpFormatter):
    r"""Reads ``\b`` as click does a backspace: the paragraph below keeps its lines. Docstrings are raw."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("\\b\n", "\b\n"))


click.Context.formatter_class = Formatter


class Commands(click.Group):
    """Loads a command's module only when it is needed: ``--help`` needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"rawshake.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            raise Failure(
                Exit.USAGE,
                f"There is no command {name!r}.",
                f"Did you mean 'rawshake {near[0]}'?" if near else "See 'rawshake --help'.",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="rawshake %(version)s")
def cli() -> None:
    r"""TCP handshakes made by hand: real segments, captured, judged by the RFCs and drawn.

    \b
    Begin here:
      rawshake demo                        a whole exchange, nothing to set up
      sudo rawshake teardown HOST PORT     open and close a connection
      sudo rawshake connect HOST PORT      open one and hold it
      sudo rawshake verify HOST PORT       does this server keep TCP's rules?
      rawshake check trace.pcap            do those who talk there?
    """


def run() -> int:
    """Run the command of ``sys.argv``: its exit status. Raises ``Failure`` for mistakes in the command line."""
    try:
        return int(cli.main(prog_name="rawshake", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return Exit.USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "rawshake"
        raise Failure(Exit.USAGE, error.format_message(), f"See '{command} --help'.") from error
    except click.ClickException as error:
        raise Failure(Exit.USAGE, error.format_message()) from error
