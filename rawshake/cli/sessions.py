"""``rawshake sessions``: the connections that are held."""

from __future__ import annotations

import click


@click.command("sessions")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> int:
    r"""List the connections that are held, with the states of both ends.

    They are those that you opened, under sudo too, in this network namespace. UNREAD counts octets that came and
    were not read, LEFT the seconds until rawshake closes the connection by itself.

    \b
    Examples:
      rawshake sessions
      rawshake sessions --json
    """
    from rawshake.cli import held
    from rawshake.net.keeper import deaf
    from rawshake.profile import SECOND

    found, silent = held.everything()
    for number in silent:
        click.echo(f"rawshake: {deaf(number)}", err=True)
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return 0
    if not found and not silent:
        click.echo("No connection is held; open one: sudo rawshake connect HOST PORT")
    if not found:
        return 0
    rows: list[tuple[str, ...]] = [("ID", "FROM", "TO", "STATES", "UNREAD", "LEFT")]
    for one in found:
        ends = [
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in (one.client, one.server)
        ]
        left = f"{max(0, one.left) // SECOND} s"
        rows.append((str(one.number), *ends, " / ".join(one.states), str(one.unread), left))
    from rawshake.cli import tables

    if tables.wanted():
        from rawshake.cli.drawing import usual
        from rawshake.cli.output import to_stdout

        to_stdout(tables.sessions(rows, usual()))
        return 0
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0
