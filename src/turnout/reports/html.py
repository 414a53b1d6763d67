"""A report as one HTML file: its style sheet and drawings are in it, nothing is fetched, nothing runs.

A `Document` enters; text leaves. For a mail the drawings are pictures beside it and the colours are plain, since mail
programs know neither SVG nor CSS variables.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from turnout import __version__
from turnout.charts.renderer import Renderer
from turnout.charts.theme import COLOURS
from turnout.reports.document import Document, drawn
from turnout.reports.templating import environment

#: The report's own page may do nothing but look like this.
_POLICY = "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"

_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")


def file(document: Document, renderer: Renderer) -> str:
    """The report whole. Overloaded if its charts are not drawn in time."""
    svgs = [drawn(renderer.svg, part) for part in document.parts]
    pictures = [Markup(svg) for svg in svgs]
    return _rendered("report.html", document=document, pictures=pictures, style=_style(), policy=policy())


def mail(document: Document, sources: Sequence[str]) -> str:
    """The report as the body of a mail; `sources` are the addresses of its parts' pictures, or empty."""
    pictures = [
        Markup('<img src="{}" alt="{}" width="640">').format(source, part.shown.alt) if source else ""
        for source, part in zip(sources, document.parts, strict=True)
    ]
    return _rendered("report.html", document=document, pictures=pictures, style=_plain(_style()), policy="")


def summary(documents: Sequence[Document], span: str, notes: Sequence[str]) -> str:
    """Several reports in a table, a campaign each, as the body of a mail that they are attached to."""
    return _rendered("summary.html", documents=documents, span=span, notes=notes, style=_plain(_style()))


def policy() -> str:
    """The Content-Security-Policy of a report's file."""
    return _POLICY.format(digest=base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode())


def _rendered(template: str, **shown: Any) -> str:
    return _environment().get_template(template).render(version=__version__, **shown)


@cache
def _style() -> str:
    """The style sheet, with the colours of the charts in light and in dark; paper is light."""
    light = "".join(f"--{colour.name}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in COLOURS)
    rules = (files("turnout.reports") / "templates" / "report.css").read_text(encoding="utf-8")
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}"
    )


def _plain(style: str) -> str:
    """A style sheet without variables: the light colours."""
    light = {colour.name: colour.light for colour in COLOURS}
    _, _, rules = style.split("\n", 2)
    return _VARIABLE.sub(lambda found: light[found[1]], rules)


_environment = cache(partial(environment, "turnout.reports"))
