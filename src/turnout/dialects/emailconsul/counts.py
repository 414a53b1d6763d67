"""The numbers: a question goes in, groups with their counts come out, with every click under its link's title.

Clicks that bring no title, but the id of a registered link, are counted under the title that the link
has now. The engine doesn't know titles, so these groups are merged here; counts add up, so it is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from turnout.errors import TooLarge
from turnout.stats.answer import Answer, Row
from turnout.stats.question import LIMIT_ROWS, Filter, Question

Ask = Callable[[Question], Answer]
Values = tuple[str, ...]

#: More links than this aren't named one by one in a question, which then is about all links.
_NAMED_LINKS = 2000


@dataclass(frozen=True)
class Counts:
    """A page of groups, each the values of the question's dimensions and a count, and how many there are in all."""

    rows: list[tuple[Values, int]]
    total: int


def count(ask: Ask, question: Question, titles: Callable[[], dict[str, str]]) -> Counts:
    """The question's page. `titles` gives those of the registered links, by id. TooLarge past the core's rows."""
    if not question.dimensions:
        return _ungrouped(ask, question)
    # These first: clicks that come in between are then still without a title, and no count is too small.
    untitled = _untitled(ask, question, titles()) if "link_title" in question.dimensions else []
    if not untitled:
        answer = ask(question)
        return Counts([_counted(question, row) for row in answer.rows], answer.row_count)
    counts = dict(_counted(question, row) for row in _all_rows(ask, replace(question, sort=(), offset=0)))
    for values, title, clicks in untitled:
        counts[values] = counts.get(values, 0) - clicks
        titled = _with_title(question, values, title)
        counts[titled] = counts.get(titled, 0) + clicks
    found = _sorted(question, [(values, clicks) for values, clicks in counts.items() if clicks > 0])
    return Counts(found[question.offset :][: question.limit], len(found))


def _ungrouped(ask: Ask, question: Question) -> Counts:
    """One group, whatever there is to count."""
    rows = ask(replace(question, sort=(), offset=0, limit=1)).rows
    only: tuple[Values, int] = ((), int(str(rows[0][question.metrics[0]])) if rows else 0)
    return Counts([only][question.offset :][: question.limit], 1)


def _untitled(ask: Ask, question: Question, titles: dict[str, str]) -> list[tuple[Values, str, int]]:
    """Clicks without a title that went through a link which has one: their group, the link's title, how many."""
    if not titles:
        return []
    blank = Filter("link_title", ("",))
    links = (Filter("link", tuple(sorted(titles))),) if len(titles) <= _NAMED_LINKS else ()
    asked = replace(
        question,
        dimensions=tuple("link" if name == "link_title" else name for name in question.dimensions),
        filters=(*question.filters, blank, *links),
        sort=(),
        offset=0,
    )
    at = asked.dimensions.index("link")
    found = [_counted(asked, row) for row in _all_rows(ask, asked)]
    return [
        (_with_title(question, values, ""), titles[values[at]], clicks)
        for values, clicks in found
        if values[at] in titles
    ]


def _all_rows(ask: Ask, question: Question) -> list[Row]:
    answer = ask(replace(question, limit=LIMIT_ROWS))
    if answer.row_count > LIMIT_ROWS:
        raise TooLarge(f"there are more than {LIMIT_ROWS} groups: ask for a shorter period")
    return answer.rows


def _counted(question: Question, row: Row) -> tuple[Values, int]:
    return tuple(str(row[name]) for name in question.dimensions), int(str(row[question.metrics[0]]))


def _with_title(question: Question, values: Values, title: str) -> Values:
    return tuple(
        title if name == "link_title" else value for name, value in zip(question.dimensions, values, strict=True)
    )


def _sorted(question: Question, found: list[tuple[Values, int]]) -> list[tuple[Values, int]]:
    """As the engine sorts: by what is asked, then by every dimension."""
    found = sorted(found)
    for order in reversed(question.sort):
        if order.name in question.dimensions:
            at = question.dimensions.index(order.name)
            found.sort(key=lambda one: one[0][at], reverse=order.descending)
        else:
            found.sort(key=lambda one: one[1], reverse=order.descending)
    return found


def series(ask: Ask, question: Question, titles: Callable[[], dict[str, str]]) -> Counts:
    """All of the question's groups. TooLarge where its limit cuts them off."""
    found = count(ask, question, titles)
    if found.total > len(found.rows):
        raise TooLarge(f"there are more than {question.limit} rows: ask for a shorter period")
    return found
