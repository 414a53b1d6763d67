"""What is quick is asked apart from what is not, and comes back as one answer."""

from __future__ import annotations

from tests.panels.looking import made_up

from turnout.panels.asking import apart
from turnout.stats.answer import Answer

ROWS = {
    "opened": [{"day": "1", "opened": 5}, {"day": "2", "opened": 6}],
    "conversions": [{"day": "2", "conversions": 1}, {"day": "3", "conversions": 2}],
}


def test_credited_metrics_are_asked_for_by_themselves_and_rows_are_joined(tenant):
    asked = []

    def ask(question):
        asked.append(question)
        name = question.metrics[0]
        return Answer(question, ROWS[name], {name: 9}, 2, {"bot": len(asked)})

    view = made_up(tenant.workspace)
    found = apart(view, ask, ("opened", "conversions", "conversion_rate"), ("day",), limit=7)
    assert [(question.metrics, question.dimensions, question.limit) for question in asked] == [
        (("opened",), ("day",), 7), (("conversions", "conversion_rate"), ("day",), 7),
    ]  # fmt: skip
    assert found.rows == [
        {"day": "1", "opened": 5}, {"day": "2", "opened": 6, "conversions": 1}, {"day": "3", "conversions": 2},
    ]  # fmt: skip
    assert found.totals == {"opened": 9, "conversions": 9}
    assert (found.row_count, found.excluded) == (3, {"bot": 1})


def test_what_is_of_one_kind_is_one_question(tenant):
    asked = []

    def ask(question):
        asked.append(question)
        return Answer(question, [], {}, 0)

    apart(made_up(tenant.workspace), ask, ("opened", "unique_opened", "open_rate"))
    apart(made_up(tenant.workspace), ask, ("revenue", "unique_conversions"))
    assert len(asked) == 2
