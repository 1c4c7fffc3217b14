"""``rawshake probes``: the catalogue of what verify does."""

from __future__ import annotations

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("probes")
@click.option("--chapter", metavar="NAME", help="Only this chapter.")
@click.option("--clauses", is_flag=True, help="Every label of RFC 9293, and what covers it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@drawing_options
def command(chapter: str | None, clauses: bool, as_json: bool, **given: object) -> int:
    r"""List every probe: its id, the scenario it is of, what it needs, and what it asks.

    \b
    Examples:
      rawshake probes --chapter reset
      rawshake probes --clauses
      rawshake explain rst-at-rcv-nxt-ends     the page of one
    """
    from rawshake.probes import catalogue, chapter_names

    probes = [probe for probe in catalogue() if chapter in (None, probe.chapter)]
    if not probes:
        import difflib

        near = difflib.get_close_matches(chapter or "", chapter_names(), n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        raise Failure(
            Exit.USAGE,
            f"There is no chapter '{chapter}'.",
            f"{hint}The chapters are {', '.join(chapter_names())}.",
        )
    if clauses:
        from rawshake.cli.output import to_stdout
        from rawshake.render.probe_pages import label_table
        from rawshake.rules import book

        to_stdout(label_table(probes, {rule.id for rule in book()}, drawing(given)))
        return Exit.OK
    if as_json:
        import json

        told = [
            {
                "id": probe.id,
                "chapter": probe.chapter,
                "scenarios": list(probe.scenarios),
                "mode": probe.mode.value,
                "level": probe.level.value,
                "servers": [server.value for server in probe.servers],
                "holds": probe.holds.value,
                "slow": probe.slow,
                "alone": probe.alone,
                "rules": list(probe.rules),
                "citations": [
                    {"document": cited.document, "section": cited.section, "label": cited.label}
                    for cited in probe.citations
                ],
                "summary": probe.summary,
            }
            for probe in probes
        ]
        click.echo(json.dumps(told, indent=1))
        return Exit.OK
    from rawshake.cli import tables
    from rawshake.cli.output import to_stdout
    from rawshake.render.probe_pages import probe_table

    to_stdout((tables.probes if tables.wanted() else probe_table)(probes, drawing(given)))
    return Exit.OK
