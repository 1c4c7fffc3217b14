"""Every label of RFC 9293 is there once: MUST-1 to 69, SHLD-1 to 31, MAY-1 to 18, REC-1; each with what covers it."""

from __future__ import annotations

from rawshake.probes import catalogue
from rawshake.probes.labels import LABELS, covering
from rawshake.render.options import Options
from rawshake.render.probe_pages import label_table
from rawshake.rules import book


def test_no_label_is_missing() -> None:
    names = [label.name for label in LABELS]
    wanted = [f"{kind}-{number}" for kind, last in (("MUST", 69), ("REC", 1), ("SHLD", 31), ("MAY", 18))
              for number in range(1, last + 1)]  # fmt: skip
    assert names == wanted


def test_each_has_requirements_or_a_reason() -> None:
    assert all(bool(label.requirements) is not bool(label.reason) for label in LABELS)


def test_what_probes_cite_is_a_label() -> None:
    known = {label.name for label in LABELS}
    cited = {
        one.label
        for probe in catalogue()
        for one in probe.citations
        if one.document == "RFC 9293" and one.label
    }
    assert cited <= known


def test_a_label_is_covered_by_citation_or_by_requirement() -> None:
    labels = {label.name: label for label in LABELS}
    cited = [probe.id for probe in covering(labels["MUST-40"], catalogue())]
    assert {"fin-acked-at-once", "data-acked-cumulatively"} <= set(cited)
    assert "bad-checksum-ignored" in [probe.id for probe in covering(labels["MUST-3"], catalogue())]
    assert covering(labels["MUST-12"], catalogue()) == ()


def test_the_table_has_a_row_for_each_and_counts_them() -> None:
    text = label_table(catalogue(), {rule.id for rule in book()}, Options())
    assert all(f"{label.name} " in text for label in LABELS)
    assert "MUST-12  3.6        between application and TCP\n" in text
    assert "\n\n119 labels of RFC 9293: " in text
    assert max(map(len, text.splitlines())) <= 80
