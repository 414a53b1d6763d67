"""Questions that are answered quickly apart, and slowly together.

Numbers of events and distinct recipients are kept finished. What is credited to a campaign (conversions, revenue) is
not, and a question that has both is answered from raw events. So they are two questions, and one answer again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnout.panels.contract import Ask, Cell, View
from turnout.stats.answer import Answer, Row
from turnout.stats.metrics import base_metrics


def apart(view: View, ask: Ask, names: Sequence[str], dimensions: Sequence[str] = (), **more: Any) -> Answer:
    """The answer to a question about these metrics; `more` are fields of `Question`, but no sort by a metric.

    Its rows are those that either question has, and lack the metrics of the one that doesn't have them. Left out is
    what the first of the two says.
    """
    credited = [name for name in names if any(metric.credit for metric in base_metrics((name,)))]
    plain = [name for name in names if name not in credited]
    answers = [ask(view.question(each, dimensions, **more)) for each in (plain, credited) if each]
    if len(answers) == 1:
        return answers[0]
    first, second = answers
    rows: dict[tuple[Any, ...], Row] = {}
    for row in (*first.rows, *second.rows):
        key = tuple(row[name] for name in dimensions)
        rows[key] = {**rows.get(key, {}), **row}
    return Answer(first.question, list(rows.values()), {**first.totals, **second.totals}, len(rows), first.excluded)


def converted(view: View, ask: Ask) -> Mapping[str, Cell]:
    """Conversions of goal 0 and who converted, in the whole range: one question, for every panel the same."""
    found = ask(view.question(("conversions", "unique_conversions"), rows_only=True)).rows
    return found[0] if found else {}
