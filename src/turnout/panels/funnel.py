"""How far recipients came: from the send to the conversion, distinct recipients at each step; and who went another way.

Each row is of one metric, which it names: what is written here is what the API answers to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turnout.charts.theme import INK, SERIES, Spec
from turnout.panels import wording
from turnout.panels.asking import converted
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View
from turnout.stats.metrics import METRICS


@dataclass(frozen=True)
class Step:
    """One row: its label, the metric of its distinct recipients, and that of its events.

    A `part` is some of the step before it: the step after it is compared with that one, not with the part.
    """

    label: str
    recipients: str
    events: str
    part: bool = False


#: Outermost first. A campaign shows those that it has.
STEPS = (
    Step("Queued", "unique_queued", "queued"),
    Step("Sent", "unique_sent", "sent"),
    Step("of them opted in", "unique_sent_opted_in", "sent_opted_in", part=True),
    Step("Taken by the carrier", "unique_carrier_accepted", "carrier_accepted"),
    Step("Delivered", "unique_delivered", "delivered"),
    Step("Seen", "unique_impression", "impression"),
    Step("Opened", "unique_opened", "opened"),
    Step("Watched", "viewers", "watched"),
    Step("of them logged in", "login_viewers", "", part=True),
    Step("Clicked", "unique_clicked", "clicked"),
    Step("Clicked a product", "unique_product_clicked", "product_clicked"),
    Step("Converted", "unique_conversions", "conversions"),
)

#: Who went another way, or none at all. Not parts of one another, so no step is compared with the one before.
ASIDE = (
    Step("In the control group", "unique_enrolled", "enrolled"),
    Step("Skipped", "unique_skipped", "skipped"),
    Step("Deferred, tried again", "unique_deferred", "deferred"),
    Step("Bounced", "unique_bounced", "bounced"),
    Step("Bounced for good (hard)", "unique_bounced_hard", "bounced_hard"),
    Step("Bounced for now (soft)", "unique_bounced_soft", "bounced_soft"),
    Step("Rejected by the provider", "unique_rejected", "rejected"),
    Step("Failed", "unique_failed", "failed"),
    Step("Dismissed", "unique_dismissed", "dismissed"),
    Step("Replied", "unique_replied", "replied"),
    Step("Unsubscribed", "unique_unsubscribed", "unsubscribed"),
    Step("Complained of spam", "unique_complained", "complained"),
)

#: Never sent anything, so they are no share of those who were.
_NEVER_SENT = frozenset({"enrolled", "skipped"})

#: What says whether a campaign has a step: the number of its events, which is quick to ask for.
_PROBES = tuple(step.events for step in (*STEPS, *ASIDE) if step.events not in ("", "conversions"))

_COLUMNS = (
    Column("step", "Step", "text", "What happened to recipients, or what they did."),
    Column(
        "recipients",
        "Recipients",
        "count",
        "Distinct recipients who have at least one such event.",
        "recipients_metric",
    ),
    Column("of_first", "Of the first", "ratio", "These recipients, of those of the first step."),
    Column(
        "of_before",
        "Of the one before",
        "ratio",
        "These recipients, of those of the step before; who converted, of those whom the goal counts from.",
    ),
    Column("events", "Events", "count", "How often it happened; the same recipient may count again.", "events_metric"),
)

_EMPTY = "Nothing was sent yet in this range. Events of this campaign appear here as they come in."
_NOBODY = "These events name no recipients, so events are counted instead of people."


def draw(view: View, ask: Ask) -> Shown:
    """Bars, a step each; below, in the table, who went another way."""
    probed = ask(view.question(_PROBES))
    has = {**probed.totals, **converted(view, ask)}
    steps, aside = (_having(kind, has) for kind in (STEPS, ASIDE))
    names = [name for step in (*steps, *aside) for name in (step.recipients, step.events) if name and name not in has]
    if not steps and not aside:
        return Shown(Table(_COLUMNS, ()), empty=_EMPTY, excluded=probed.excluded)
    people = ask(view.question(tuple(dict.fromkeys(names)), rows_only=True)).rows if names else []
    totals = {**has, **(people[0] if people else {})}
    goals = view.campaign.goals
    rows = _rows(steps, totals, goals[0].after if goals else "")
    beside = [_row(step, totals, () if step.events in _NEVER_SENT else steps[:1], ()) for step in aside]
    table = Table(_COLUMNS, (*rows, *beside), row_count=len(rows) + len(beside), quiet_count=len(beside))
    counted = "recipients" if any(row["recipients"] for row in rows) else "events"
    notes = [_NOBODY] if rows and counted == "events" else []
    if beside:
        notes.append("Below the steps, the table has who went another way.")
    if totals.get("enrolled") and totals.get("conversions"):
        notes.append("Conversions are those of the control group, too; its own are among the variations.")
    words = (" ".join(notes),) if notes else ()
    if not rows:
        return Shown(table, words=words, excluded=probed.excluded)
    return Shown(table, _spec(rows, counted), _alt(rows, counted), words, excluded=probed.excluded)


def _having(steps: Sequence[Step], probed: Mapping[str, Cell]) -> list[Step]:
    """The steps that a campaign has events of."""
    return [step for step in steps if probed.get(step.events or "watched")]


def _rows(steps: Sequence[Step], totals: Mapping[str, Cell], touch: str) -> list[dict[str, Cell]]:
    """The steps; who converted is compared with those of the `touch` that the goal counts from."""
    rows: list[dict[str, Cell]] = []
    whole = [step for step in steps if not step.part]
    for step in steps:
        if step.part and not totals.get(step.recipients):
            continue
        before = [one for one in steps[: steps.index(step)] if not one.part][-1:]
        if step.events == "conversions":
            before = [one for one in whole if one.events == touch]
        rows.append(_row(step, totals, whole[:1] if step is not whole[0] else [], before))
    return rows


def _row(step: Step, totals: Mapping[str, Cell], first: Sequence[Step], before: Sequence[Step]) -> dict[str, Cell]:
    recipients = totals.get(step.recipients)
    shares = [_share(recipients, totals.get(of[0].recipients)) if of else None for of in (first, before)]
    return {
        "step": step.label,
        "recipients": recipients,
        "recipients_metric": step.recipients,
        "of_first": shares[0],
        "of_before": shares[1],
        "before": before[0].label if before else "",
        "events": totals.get(step.events) if step.events else None,
        "events_metric": step.events,
        "part": int(step.part),
    }


def _share(some: Cell, of: Cell) -> float | None:
    return some / of if isinstance(some, int) and isinstance(of, int) and of else None


def _says(row: Mapping[str, Cell], counted: str) -> str:
    """Delivered: 3,510 recipients, 97.5 % of sent."""
    count = row[counted]
    thing = METRICS[str(row[f"{counted}_metric"])].unit.removesuffix("s") if row[f"{counted}_metric"] else "event"
    text = f"{row['step']}: {wording.many(count if isinstance(count, int) else 0, thing)}"
    share = _float(row["of_before"])
    return text if share is None else f"{text}, {wording.percent(share)} of {str(row['before']).lower()}"


def _float(value: Cell) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _alt(rows: Sequence[Mapping[str, Cell]], counted: str) -> str:
    return f"Funnel. {'; '.join(_says(row, counted) for row in rows)}."


def _spec(rows: Sequence[Mapping[str, Cell]], counted: str) -> Spec:
    values = [
        {
            "step": row["step"],
            "count": row[counted] or 0,
            "says": _says(row, counted),
            "label": wording.cell(row[counted], "count")
            + (f"  ·  {wording.percent(_float(row['of_first']))}" if row["of_first"] is not None else ""),
            "opacity": 0.45 if row["part"] else 1,
        }
        for row in rows
    ]
    y = {
        "field": "step",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"ticks": False, "domain": False, "labelColor": INK, "labelPadding": 8},
    }
    most = max(max(count if isinstance(count := row[counted], int) else 0 for row in rows), 1)
    x = {
        "field": "count",
        "type": "quantitative",
        "axis": None,
        # Room for the label of the longest bar.
        "scale": {"domain": [0, most * 1.28], "nice": False},
    }
    return {
        "width": 640,
        "height": {"step": 36},
        "data": {"values": values},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "color": SERIES[0], "cornerRadiusEnd": 2, "height": {"band": 0.72}},
                "encoding": {
                    "opacity": {"field": "opacity", "type": "quantitative", "scale": None},
                    "description": {"field": "says", "type": "nominal"},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "color": INK, "fontSize": 13, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel("funnel", "Funnel", "Distinct recipients at each step, and what that is of the step before.", draw)
