"""A report as a PDF on A4: a `Document` enters, bytes leave.

It is set by a Typst template, which finds all texts as data: nothing that anybody wrote is ever markup. Charts are
embedded as they were drawn, as vectors.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from turnout import __version__
from turnout.charts.renderer import SPEC_LIMIT_BYTES, Renderer
from turnout.panels import wording
from turnout.reports.document import Document, Part, drawn

#: Longer runs without a space get places where a line may end: addresses would leave the page.
_RUN = re.compile(r"[!-~]{24,}")
_PLACES = re.compile(r"([/?&=_.,;:%+-]+)(?=[^/?&=_.,;:%+-])|([^/?&=_.,;:%+-]{16})")
_ZERO_WIDTH_SPACE = "\u200b"

#: Drawings of one document: with its texts it stays below what the renderer takes at once.
CHARTS_LIMIT_BYTES = SPEC_LIMIT_BYTES * 3 // 4

#: A tag (in texts < is always escaped), and in it what is not drawn.
_TAG = re.compile(r"<[a-z][^>]*>")
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')

#: Of a title in the foot of each page, and of any cell.
_FOOT_LIMIT_CHARS = 70
_CELL_LIMIT_CHARS = 400


def file(document: Document, renderer: Renderer) -> bytes:
    """The report whole. NotDrawn, TooLarge or Overloaded."""
    svgs = [slim(drawn(lambda spec: renderer.svg(spec, "light"), part)) for part in document.parts]
    return renderer.document(template(), data(document, within(svgs, CHARTS_LIMIT_BYTES)))


def slim(svg: str) -> str:
    """A drawing without what only a screen reader or a script would find in it; its `alt` is told instead."""
    return _TAG.sub(lambda tag: _SPOKEN.sub("", tag[0]), svg)


def within(svgs: list[str], limit_bytes: int) -> list[str]:
    """The drawings, the largest left out where all of them would be too much; their tables say the same."""
    kept = list(svgs)
    while sum(len(svg.encode()) for svg in kept) > limit_bytes:
        kept[max(range(len(kept)), key=lambda place: len(kept[place]))] = ""
    return kept


@cache
def template() -> str:
    """The Typst template; `data` of it is what the function of that name returns."""
    return (files("turnout.reports") / "templates" / "report.typ").read_text(encoding="utf-8")


def data(document: Document, svgs: list[str]) -> dict[str, Any]:
    """What the template shows."""
    title = document.title
    return {
        "title": breakable(title),
        "plain_title": title,
        "foot": title if len(title) <= _FOOT_LIMIT_CHARS else f"{title[: _FOOT_LIMIT_CHARS - 1]}…",
        "span": document.span,
        "counted": f"{document.counted} Made {document.made}.",
        "maker": f"Turnout {__version__}",
        "empty": "Nothing happened in this range." if document.is_empty else "",
        "figures": [
            {"label": one.card.label, "value": one.text, "rate": one.rate_text} for one in document.figures
        ],
        "parts": [_part(part, svg) for part, svg in zip(document.parts, svgs, strict=True)],
        "definitions": [list(pair) for pair in document.definitions],
    }  # fmt: skip


def _part(part: Part, svg: str) -> dict[str, Any]:
    table = part.shown.table
    total = table.total
    foot = [
        wording.cell(total[one.name], one.kind) if one.name in total else "" if place else "Whole range"
        for place, one in enumerate(table.columns)
    ] if total else []  # fmt: skip
    return {
        "title": part.panel.title,
        "about": part.panel.about,
        "words": [breakable(sentence) for sentence in part.shown.words],
        "svg": svg,
        "alt": part.shown.alt or part.panel.title,
        "columns": [{"label": one.label, "is_text": one.kind in ("text", "time")} for one in table.columns],
        "rows": [[breakable(text) for _, text in part.cells(row)] for row in table.rows],
        "total": foot,
        "rest": part.rest,
    }


def breakable(text: str) -> str:
    """A text of which long runs may be broken, and which isn't longer than a page bears."""
    shortened = text if len(text) <= _CELL_LIMIT_CHARS else f"{text[: _CELL_LIMIT_CHARS - 1]}…"
    return _RUN.sub(lambda run: _PLACES.sub(lambda place: place[0] + _ZERO_WIDTH_SPACE, run[0]), shortened)
