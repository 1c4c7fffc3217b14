"""A page is one file: what it holds is escaped, loads nothing, and comes back as it was packed."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from jinja2 import DictLoader, UndefinedError

from rawshake.html import shell
from rawshake.html.shell import PACKAGE, asset, document, embedded, pack
from tests.html.reading import Page, unpacked

HOSTILE = "</script></title><img src=x onerror=alert(1)>\x1b[31m\u202e\udcff'\"&<!--"
ASSETS = [file.name for file in (files(PACKAGE) / "assets").iterdir()]


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Templates that a test makes up, which extend the real ones."""
    made: dict[str, str] = {}
    environment = shell._environment().overlay(cache_size=0)
    real = environment.loader
    assert real is not None
    for name in ("base.html", "macros.html"):
        made[name] = real.get_source(environment, name)[0]
    environment.loader = DictLoader(made)
    monkeypatch.setattr(shell, "_environment", lambda: environment)
    return made


def plain(templates: dict[str, str], content: str = "", **more: object) -> str:
    templates["plain.html"] = '{% extends "base.html" %}{% block content %}' + content + "{% endblock %}"
    return document("plain.html", title="A page", **more)  # type: ignore[arg-type]


def test_what_a_template_shows_is_escaped_and_visible(templates: dict[str, str]) -> None:
    text = plain(templates, "<b title='{{ word }}'>{{ word }}</b>", word=HOSTILE)
    page = Page(text)
    assert "img" not in [tag for tag, _ in page.elements]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert r"\x1b[31m\u202e\udcff" in text
    assert text.encode()


def test_what_is_called_safe_is_taken_as_it_is(templates: dict[str, str]) -> None:
    assert "<i>\n</i>" in plain(templates, "{{ word|safe }}", word="<i>\n</i>")


def test_a_title_is_escaped(templates: dict[str, str]) -> None:
    templates["plain.html"] = '{% extends "base.html" %}'
    assert "<img" not in document("plain.html", title=HOSTILE)


def test_data_ends_no_script(templates: dict[str, str]) -> None:
    page = Page(plain(templates, data={"hosts": [HOSTILE]}))
    assert "img" not in [tag for tag, _ in page.elements]
    assert json.loads(page.script("data-hosts")) == [HOSTILE]


def test_a_script_in_data_would_be_seen(templates: dict[str, str]) -> None:
    page = Page(plain(templates, "{{ word|safe }}", word=HOSTILE))
    assert "img" in [tag for tag, _ in page.elements]


def test_embedded_is_json_without_markup() -> None:
    assert not re.search("[<>&]", embedded(HOSTILE))
    assert json.loads(embedded({"a": HOSTILE})) == {"a": HOSTILE}


def test_only_our_scripts_run(templates: dict[str, str]) -> None:
    page = Page(plain(templates, js=["ladder.js"]))
    (policy,) = (one["content"] or "" for _, one in page.elements if "http-equiv" in one)
    run = [text for attributes, text in page.scripts if attributes.get("type", "module") == "module"]
    assert len(run) == 2
    for script in run:
        assert shell._source(script) in policy
    assert shell._source(run[0] + " ") not in policy
    assert "default-src 'none'" in policy


def test_scripts_are_one_module_the_shared_one_first(templates: dict[str, str]) -> None:
    page = Page(plain(templates, js=["ladder.js"]))
    module = page.scripts[-1][1]
    assert module == asset("base.js") + "\n" + asset("ladder.js")


def test_what_a_template_is_not_given_is_an_error(templates: dict[str, str]) -> None:
    with pytest.raises(UndefinedError):
        plain(templates, "{{ nobody }}")


def test_it_refers_to_nothing_outside(templates: dict[str, str]) -> None:
    page = Page(plain(templates, css=["ladder.css"], js=["ladder.js"]))
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_loads_nothing_and_ends_no_element(name: str) -> None:
    text = asset(name)
    assert not re.search(r"</(script|style)|<!--|@import|url\(|fetch\(|XMLHttpRequest|import\(|eval\(", text)
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_what_is_packed_comes_back(templates: dict[str, str]) -> None:
    texts = [f"{number} {HOSTILE}" for number in range(10)]
    page = Page(plain(templates, packed=[pack("ladders", iter(texts), size=4), pack("report", ["one"])]))
    assert [unpacked(page, "ladders", number) for number in range(10)] == texts
    assert unpacked(page, "report", 0) == "one"


def test_texts_are_packed_as_they_come() -> None:
    assert [len(pack("n", ["x"] * count, size=4).batches) for count in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_macros_are_there(templates: dict[str, str]) -> None:
    text = plain(
        templates,
        '{% import "macros.html" as m %}{{ m.badge("FAIL") }}{% call m.wide("Rows") %}x{% endcall %}'
        '{{ m.download("report", name, "Save") }}',
        name=HOSTILE,
    )
    assert '<span class="badge fail">FAIL</span>' in text
    assert '<div class="wide" role="region" aria-label="Rows" tabindex="0">' in text
    assert "<img" not in text
