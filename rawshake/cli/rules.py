"""``rawshake rules``: the rule book as a table."""

from __future__ import annotations

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("rules")
@click.option("--chapter", metavar="NAME", help="Only this chapter.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@drawing_options
def command(chapter: str | None, as_json: bool, **given: object) -> int:
    r"""List every rule: its id, how strongly it is demanded, the clause, and what it asks.

    \b
    Examples:
      rawshake rules --chapter reset
      rawshake explain synack-ack-is-isn-plus-1     the page of one
    """
    from rawshake.rules import book, chapters

    rules = [rule for rule in book() if chapter in (None, rule.chapter)]
    if not rules:
        import difflib

        near = difflib.get_close_matches(chapter or "", chapters(), n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        raise Failure(
            Exit.USAGE,
            f"There is no chapter '{chapter}'.",
            f"{hint}The chapters are {', '.join(chapters())}.",
        )
    if as_json:
        import json

        told = [
            {
                "id": rule.id,
                "chapter": rule.chapter,
                "level": rule.level.value,
                "when_broken": rule.level.when_broken.value,
                "scope": rule.scope.value,
                "needs_near": rule.near,
                "citations": [
                    {"document": cited.document, "section": cited.section, "label": cited.label}
                    for cited in rule.citations
                ],
                "summary": rule.summary,
            }
            for rule in rules
        ]
        click.echo(json.dumps(told, indent=1))
        return Exit.OK
    from rawshake.cli import tables
    from rawshake.cli.output import to_stdout
    from rawshake.render.page import rule_table

    to_stdout((tables.rules if tables.wanted() else rule_table)(rules, drawing(given)))
    return Exit.OK
