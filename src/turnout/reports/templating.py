"""Jinja as every page and report has it: the templates of a package enter, an environment leaves.

Every value is escaped, what a template lacks is an error, and numbers are written as `wording` says.
"""

from __future__ import annotations

import jinja2

from turnout.panels import wording


def environment(package: str) -> jinja2.Environment:
    """Of the templates in the folder `templates` of a package."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["cell"] = wording.cell
    return made
