"""What a page shows, read off it: the cells of its tables and cards, with the raw values that they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(frozen=True)
class Cell:
    """A cell: what it is called, its raw value, and what a person reads."""

    name: str
    value: str
    text: str


@dataclass
class Page:
    """Rows of cells by panel; `foot` are the rows below them, `cards` the cells outside of all panels."""

    rows: dict[str, list[list[Cell]]] = field(default_factory=dict)
    foot: dict[str, list[Cell]] = field(default_factory=dict)
    cards: list[Cell] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._panel = ""
        self._in_foot = False
        self._cell: tuple[str, str, str] | None = None
        self._words: list[str] = []
        self._address: str | None = None
        self._link: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.text += " "
        given = {name: value or "" for name, value in attrs}
        if tag == "section" and "panel" in given.get("class", "").split():
            self._panel = given.get("id", "")
        if tag in ("tbody", "tfoot"):
            self._in_foot = tag == "tfoot"
        if tag == "tr" and self._panel:
            self.page.rows.setdefault(self._panel, []).append([])
        if "data-name" in given:
            self._cell, self._words = (tag, given["data-name"], given["data-value"]), []
        if tag == "a":
            self._address, self._link = given.get("href", ""), []
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.page.fields.append((given.get("name", ""), given.get("value", "")))
        if tag == "option" and "selected" in given:
            self.page.fields.append(("option", given["value"]))

    def handle_data(self, data: str) -> None:
        self.page.text += data
        self._words.append(data)
        self._link.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._panel = ""
        if tag == "a" and self._address is not None:
            self.page.links.append(("".join(self._link).strip(), self._address))
            self._address = None
        if self._cell is None or tag != self._cell[0]:
            return
        cell = Cell(self._cell[1], self._cell[2], "".join(self._words).replace("\xa0", " ").strip())
        self._cell = None
        if not self._panel:
            self.page.cards.append(cell)
        elif self._in_foot:
            self.page.foot.setdefault(self._panel, []).append(cell)
        else:
            self.page.rows[self._panel][-1].append(cell)


def read(html: str) -> Page:
    """The page."""
    reader = _Reader()
    reader.feed(html)
    found = reader.page
    found.rows = {panel: [row for row in rows if row] for panel, rows in found.rows.items()}
    return found


def values(row: list[Cell]) -> dict[str, str]:
    """A row's raw values by their names."""
    return {cell.name: cell.value for cell in row}


def words(page: Page) -> str:
    """All that is read, with single spaces."""
    return " ".join(page.text.replace("\xa0", " ").split())


def addresses(page: Page, label: str) -> Iterator[str]:
    """Where the links of a label lead."""
    return (where for text, where in page.links if text == label)
