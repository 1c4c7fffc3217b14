"""``rawshake explain``: the page of a rule, with its examples drawn as ladders, or of a probe."""

from __future__ import annotations

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("explain")
@click.argument("rule", metavar="RULE")
@click.option("-v", "--verbose", count=True, help="Every example, not only one of each kind.")
@drawing_options
def command(rule: str, verbose: int, **given: object) -> int:
    r"""Show what a rule asks, by which clause, why, and an exchange that breaks it and one that keeps it.

    \b
    Examples:
      rawshake explain synack-ack-is-isn-plus-1
      rawshake explain rst-at-rcv-nxt-ends        a probe of 'rawshake verify'
      rawshake explain ESTABLISHED/RST/at         a cell of its grid
      rawshake rules                              all rules
    """
    from rawshake.cli.output import to_stdout
    from rawshake.render.page import page
    from rawshake.rules import book, chapters

    known = {entry.id: entry for entry in book()}
    if rule in known:
        to_stdout(page(known[rule], drawing(given, verbose=verbose)))
        return Exit.OK
    if rule in chapters():
        raise Failure(
            Exit.USAGE, f"'{rule}' is a chapter, not a rule.", f"See 'rawshake rules --chapter {rule}'."
        )
    from rawshake.probes import catalogue
    from rawshake.probes.gridprobes import grid

    probes = {probe.id: probe for probe in (*catalogue(), *grid(frozenset()))}
    if rule in probes:
        from rawshake.render.probe_pages import probe_page

        to_stdout(probe_page(probes[rule], drawing(given)))
        return Exit.OK
    import difflib

    near = difflib.get_close_matches(rule, [*known, *probes], n=1, cutoff=0.4)
    raise Failure(
        Exit.USAGE,
        f"There is no rule or probe '{rule}'.",
        f"Did you mean 'rawshake explain {near[0]}'?" if near else "See 'rawshake rules'.",
    )
