"""Reports as files: whole, safe whatever a campaign is called, and the same on a bare machine."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
import typst
from tests.conftest import SAMPLED_AT

from turnout.panels import view
from turnout.reports import document, html, pdf
from turnout.reports.document import Document, drawn

#: Typst markup and code, HTML, right to left, wide, beyond the plane of most fonts, and one long run.
HOSTILE = (
    '#panic("no") #read("/etc/passwd") *b* _i_ $x^2$ [c] @ref <label> \\ `raw` <script>alert(1)</script> '
    '"><img src=x onerror=alert(1)> {{ 7*7 }} مرحبا بالعالم שלום 春のセール 🎉 ' + "w" * 300
)


@pytest.fixture(scope="module")
def sold(house, sampled) -> Document:
    """The report of the sample's largest campaign, which somebody gave a strange name."""
    workspace = house.services.catalog.workspace(sampled.workspace.id)
    services = dataclasses.replace(house.services, now=lambda: SAMPLED_AT)
    services.writer.settle(workspace.id)
    found = view.read(services, workspace, services.catalog.campaign(workspace.id, "spring-sale"), {})
    return dataclasses.replace(document.make(found, services.statistics.ask), title=HOSTILE)


class Page(HTMLParser):
    """What is in a page: its tags with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_a_page_needs_nothing_and_runs_nothing(house, sold):
    text = html.file(sold, house.services.renderer)
    page = Page(text)
    names = [name for name, _ in page.tags]
    assert names.count("style") == 1
    assert not {"script", "link", "iframe", "object", "img", "base", "form"} & set(names)
    assert 'mark container"/>' not in text, "an empty layer is no picture"
    assert names.count("svg") == sum(part.shown.spec is not None for part in sold.parts) > 5
    for name, attributes in page.tags:
        assert not [one for one in attributes if one.startswith("on") or one == "style"], name
        for reference in ("href", "src", "xlink:href", "srcset", "action"):
            assert attributes.get(reference, "#").startswith("#"), (name, attributes)
    assert HOSTILE in "".join(page.texts)
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", text).replace("http-equiv", "")


def test_its_policy_allows_its_own_style_and_nothing_else(house, sold):
    text = html.file(sold, house.services.renderer)
    (policy,) = (one["content"] for name, one in Page(text).tags if one.get("http-equiv") == "Content-Security-Policy")
    style = text.split("<style>")[1].split("</style>")[0]
    assert f"style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "prefers-color-scheme:dark" in style
    assert "@media print" in style


def test_a_page_shows_every_panel_with_its_rows(house, sold):
    page = Page(html.file(sold, house.services.renderer))
    assert [one["id"] for name, one in page.tags if name == "section" and "id" in one] == [
        part.panel.name for part in sold.parts
    ]
    texts = set(page.texts)
    for part in sold.parts:
        for row in part.shown.table.rows:
            assert {text for _, text in part.cells(row) if text} <= texts


def test_a_mail_has_plain_colours_and_pictures_beside_it(sold):
    sources = [f"cid:{part.panel.name}" if part.shown.spec else "" for part in sold.parts]
    text = html.mail(sold, sources)
    page = Page(text)
    assert "var(" not in text
    assert "svg" not in [name for name, _ in page.tags]
    assert [one["src"] for name, one in page.tags if name == "img"] == [source for source in sources if source]
    assert all(one["alt"] for name, one in page.tags if name == "img")
    assert HOSTILE in "".join(page.texts)


def test_a_pdf_is_of_data_and_never_of_markup(house, sold):
    made = pdf.file(sold, house.services.renderer)
    assert made.startswith(b"%PDF-")
    # Its title, as readers show it, is what was written.
    (title,) = re.findall(rb"<dc:title>.*?>([^<]+)</rdf:li>", made, re.DOTALL)
    page = Page(title.decode())
    assert "".join(page.texts) == HOSTILE
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 2


def test_a_pdf_is_made_without_any_font_of_the_machine(house, sold):
    svgs = [drawn(lambda spec: house.services.renderer.svg(spec, "light"), part) for part in sold.parts[:2]]
    short = dataclasses.replace(sold, parts=sold.parts[:2])
    made = typst.compile(
        pdf.template().encode(),
        sys_inputs={"data": json.dumps(pdf.data(short, svgs))},
        format="pdf",
        ignore_system_fonts=True,
    )
    assert made.startswith(b"%PDF-")
    assert len(made) > 10_000


def test_a_report_of_nothing_is_a_report(house, sampled):
    workspace = house.services.catalog.workspace(sampled.workspace.id)
    found = view.read(house.services, workspace, house.services.catalog.campaign(workspace.id, "summer-preview"), {})
    made = document.make(found, house.services.statistics.ask)
    assert "Nothing happened in this range" in html.file(made, house.services.renderer)
    assert pdf.file(made, house.services.renderer).startswith(b"%PDF-")


def test_long_runs_may_be_broken_and_nothing_is_lost():
    address = "https://shop.example.com/a/very/long/path?utm_source=newsletter&utm_campaign=spring"
    broken = pdf.breakable(f"see {address}")
    assert "\u200b" in broken
    assert broken.replace("\u200b", "") == f"see {address}"
    assert pdf.breakable("short words only, nothing else") == "short words only, nothing else"
    assert len(pdf.breakable("é" * 5000)) == 400
    assert max(map(len, pdf.breakable("x" * 399).split("\u200b"))) <= 17


def test_drawings_that_are_too_much_are_left_out_the_largest_first():
    assert pdf.within(["a" * 10, "b" * 30, "c" * 20], 60) == ["a" * 10, "b" * 30, "c" * 20]
    assert pdf.within(["a" * 10, "b" * 30, "c" * 20], 59) == ["a" * 10, "", "c" * 20]
    assert pdf.within(["a" * 10], 0) == [""]
    said = '<path aria-label="2026 · 3" role="graphics-symbol" d="M0"/><text>a role="x" b</text>'
    assert pdf.slim(said) == '<path d="M0"/><text>a role="x" b</text>'
