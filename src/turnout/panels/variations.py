"""Arms of a test: the rates of each with their intervals, the differences, and a verdict in plain words.

Rates are of people, and all arms are counted alike (docs/variations.md): a rate's recipients are those it was delivered
to, or sent to where not every arm knows deliveries, or who saw it. A control group got nothing, so it is only held
against the others in conversions, and everybody whom the campaign was meant for counts there on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from turnout.charts.theme import GRID, INK, MUTED, SERIES, Spec
from turnout.model import Campaign
from turnout.panels import naming, significance, verdicts, wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View
from turnout.panels.verdicts import Compared, Measured

#: Arms that are compared; of more, those with the most recipients.
LIMIT_ARMS = 12

#: Arms that are looked at for the largest.
_LIMIT_LOOKED_AT = 10_000

#: A campaign that nobody ended is over when nothing came for so long.
SILENT_MS = 7 * 86_400_000

#: Who could do something, best first: the first of them that every arm has.
_BASES = ("unique_delivered", "unique_sent", "unique_impression", "unique_reached")
#: The same where a control group is compared: whom the campaign was meant for, whether it reached them or not.
_MEANT = ("unique_sent", "unique_impression", "unique_reached", "unique_delivered")

#: What is compared: a metric, as what people did, and as what a verdict is about.
_RATES = (
    ("unique_opened", "Opened", "opens"),
    ("unique_clicked", "Clicked", "clicks"),
    ("unique_conversions", "Converted", "conversions"),
)

_OF = {
    "unique_delivered": "recipients whom it was delivered to",
    "unique_sent": "recipients whom it was sent to",
    "unique_impression": "recipients who saw it",
    "unique_reached": "recipients whom it was sent to or who saw it",
}

_COLUMNS = (
    Column("rate", "Rate of", "text"),
    Column("variation", "Variation", "text"),
    Column("people", "People", "count", "Distinct recipients who did it.", "metric"),
    Column("of", "Of recipients", "count", "Distinct recipients whom the rate is of.", "of_metric"),
    Column("value", "Rate", "ratio", "People / recipients."),
    Column("low", "From", "ratio", "Where the 95 % interval of the rate begins (Wilson)."),
    Column("high", "To", "ratio", "Where the 95 % interval of the rate ends (Wilson)."),
    Column("difference", "Points above", "text", "Percentage points above the first arm of this rate."),
    Column("between", "Between", "text", "The 95 % interval of that difference (Newcombe)."),
    Column("p", "p", "text", "How often chance alone makes so large a difference; corrected for all comparisons here."),
)

_NO_ARMS = (
    "This campaign has no variations. Name them in the campaign and send 'variation' with its events, and the arms "
    "are compared here."
)
_NO_RECIPIENTS = (
    "Nobody was reached in this range, as far as is known. Rates of the arms need 'delivered', 'sent' or 'impression' "
    "events that name their 'variation'."
)
_PEEKING = (
    "The campaign still runs. Whoever looks often and stops at the first difference finds some that are not there: "
    "decide beforehand how many recipients to wait for."
)


_AFTER_OPENING = (
    "Only what follows an open or click converts here, and the control group has nothing to open: it is held to "
    "another measure. A goal after 'sent' compares both alike."
)


@dataclass(frozen=True)
class Arm:
    """One arm: what it is called, and the numbers that were asked for."""

    name: str
    is_control: bool
    counts: Mapping[str, int]

    @property
    def size(self) -> int:
        """How many recipients it has, by whatever is known of them; of a control group, who was put into it."""
        return self.counts["unique_enrolled"] if self.is_control else max(self.counts[base] for base in _BASES)


@dataclass(frozen=True)
class Arms:
    """What is compared: `control` got nothing, `treated` did, the first of them being what others are held against.

    `left_out` are those without recipients, by name; `more` how many there are above the limit; `other_controls` the
    names of control groups that are smaller than `control`.
    """

    control: Arm | None
    treated: tuple[Arm, ...]
    left_out: tuple[str, ...]
    more: int
    other_controls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rate:
    """One rate of every arm that has it, a control group first; `of` is the metric of the recipients."""

    metric: str
    of: str
    did: str
    about: str
    arms: tuple[Measured, ...]
    has_control: bool

    def of_arm(self, place: int) -> str:
        """The metric of one arm's recipients."""
        return "unique_enrolled" if self.has_control and place == 0 else self.of


def draw(view: View, ask: Ask) -> Shown:
    """Intervals, a small chart for each rate."""
    names = (*_BASES, "unique_enrolled", *(metric for metric, _, _ in _RATES))
    answer = ask(view.question(names, ("variation",), limit=_LIMIT_LOOKED_AT))
    rows = {str(row["variation"]): _counts(row) for row in answer.rows}
    nowhere = rows.pop("", {})
    if not rows and not view.campaign.variations:
        return Shown(Table(_COLUMNS, ()), empty=_NO_ARMS, excluded=answer.excluded)
    arms = arms_of(view.campaign, rows)
    rates = rates_of(arms)
    if not rates:
        return Shown(Table(_COLUMNS, ()), empty=_NO_RECIPIENTS, excluded=answer.excluded)
    compared = verdicts.compare(_pairs(rates))
    is_running = _is_running(view)
    words = (
        *verdicts.sentences(compared, running=is_running),
        *_warnings(view, arms, rates, compared, is_running),
        *_notes(arms, rates, sum(nowhere.get(base, 0) for base in (rates[0].of,)), answer.row_count > len(answer.rows)),
    )
    return Shown(_table(rates, compared), _spec(rates), _alt(rates), words, excluded=answer.excluded)


def _counts(row: Mapping[str, Cell]) -> dict[str, int]:
    return {name: value for name, value in row.items() if isinstance(value, int)}


def arms_of(campaign: Campaign, rows: Mapping[str, Mapping[str, int]]) -> Arms:
    """The arms of a campaign, by what was counted of each: in its order, then others by id."""
    said = {one.id: one for one in campaign.variations}
    ids = (*said, *sorted(rows.keys() - said.keys()))
    names = naming.distinct((said[id_].name, id_) if id_ in said else (id_,) for id_ in ids)
    found, left_out = [], []
    for id_, name in zip(ids, names, strict=True):
        counts = rows.get(id_)
        arm = Arm(name, id_ in said and said[id_].control, counts) if counts else None
        if arm is None or not arm.size:
            left_out.append(name)
        else:
            found.append(arm)
    # Of several groups that are held back, one is enough to compare with.
    control = max((arm for arm in found if arm.is_control), key=lambda arm: arm.size, default=None)
    treated = [arm for arm in found if not arm.is_control]
    largest = {arm.name for arm in sorted(treated, key=lambda arm: -arm.size)[:LIMIT_ARMS]}
    shown = tuple(arm for arm in treated if arm.name in largest)
    others = tuple(arm.name for arm in found if arm.is_control and arm is not control)
    return Arms(control, shown, tuple(left_out), len(treated) - len(shown), others)


def rates_of(arms: Arms) -> tuple[Rate, ...]:
    """The rates that anybody has; where nobody did anything yet, the first of them."""
    base = _base(_BASES, arms.treated)
    found = []
    for metric, did, about in _RATES:
        is_held = metric == "unique_conversions" and arms.control is not None
        of = _base(_MEANT, arms.treated) if is_held else base
        measured = [Measured(arm.name, arm.counts[metric], arm.counts[of]) for arm in arms.treated]
        if is_held and arms.control is not None:
            measured.insert(0, Measured(arms.control.name, arms.control.counts[metric], arms.control.size))
        found.append(Rate(metric, of, did, about, tuple(measured), is_held))
    known = tuple(rate for rate in found if any(one.people for one in rate.arms))
    return known or tuple(found[:1] if arms.treated else ())


def _base(bases: Iterable[str], arms: Sequence[Arm]) -> str:
    """Who could do something: the first that every arm has some of, so that all are counted alike."""
    return next((base for base in bases if all(arm.counts[base] for arm in arms)), "unique_reached")


def _pairs(rates: Sequence[Rate]) -> list[tuple[str, Measured, Measured]]:
    """Which arms are held against which: all others against the control group, and against the first that is none."""
    found = []
    for rate in rates:
        control, treated = (rate.arms[:1], rate.arms[1:]) if rate.has_control else ((), rate.arms)
        found += [(rate.about, one, other) for other in control for one in treated]
        found += [(rate.about, one, treated[0]) for one in treated[1:]]
    return found


def _is_running(view: View) -> bool:
    """It has not ended, as far as it says so; else something happened lately."""
    ended_at = view.campaign.ended_at
    if ended_at is not None:
        return ended_at.timestamp() * 1000 > view.now_ms
    return view.last_ms is not None and view.now_ms - view.last_ms < SILENT_MS


def _warnings(
    view: View, arms: Arms, rates: Sequence[Rate], compared: Sequence[Compared], is_running: bool
) -> Iterable[str]:
    """What makes the verdict less sure than it looks."""
    meant = _base(_MEANT, arms.treated)
    unequal = verdicts.uneven([(arm.name, arm.counts[meant]) for arm in arms.treated])
    if unequal:
        yield unequal
    for rate in rates:
        strange = [one.arm for one in rate.arms if one.people > one.of]
        if strange:
            yield (
                f"{rate.did} can't be compared for {verdicts.names(strange)}: more people did it than are known to "
                "have got the message in this range. Choose a range that begins before the send."
            )
    goals = view.campaign.goals
    if any(rate.has_control for rate in rates) and goals and goals[0].after in ("opened", "clicked"):
        yield _AFTER_OPENING
    if is_running and compared:
        yield _PEEKING


def _notes(arms: Arms, rates: Sequence[Rate], nowhere: int, is_cut: bool) -> Iterable[str]:
    """What the rates are of, and who isn't among them."""
    if len(arms.treated) == 1 and arms.control is None:
        yield "There is one arm only, so there is nothing to compare it with."
    said = f"Rates are of {_OF[rates[0].of] if arms.treated else 'the control group'}"
    held = [rate for rate in rates if arms.treated and rate.has_control and rate.of != rates[0].of]
    if held:
        said += f"; those of conversions, for the control group's sake, of {_OF[held[0].of]}"
    yield f"{said}. Each person counts once."
    if arms.left_out:
        yield f"Nobody is known to have got {verdicts.names(arms.left_out)} in this range."
    if arms.other_controls:
        yield f"Of several control groups the largest is shown, without {verdicts.names(arms.other_controls)}."
    if arms.more or is_cut:
        yield f"Shown are the {LIMIT_ARMS} largest arms; there are {'many' if is_cut else arms.more} more."
    if nowhere:
        yield f"{wording.many(nowhere, 'recipient')} got the message in no variation, and are left out here."


def _table(rates: Sequence[Rate], compared: Sequence[Compared]) -> Table:
    """A row for each arm in each rate; the first arm of a rate is what the others are held against."""
    rows: list[dict[str, Cell]] = []
    for rate in rates:
        against = {each.arm.arm: each for each in compared if each.rate == rate.about and each.against == rate.arms[0]}
        for place, one in enumerate(rate.arms):
            share, each = one.share, against.get(one.arm)
            change, between = verdicts.difference(each) if each is not None else (None, None)
            interval = significance.wilson(share) if share is not None else None
            rows.append(
                {
                    "rate": rate.did,
                    "variation": one.arm,
                    "metric": rate.metric,
                    "people": one.people,
                    "of_metric": rate.of_arm(place),
                    "of": one.of,
                    "value": share.rate if share is not None else None,
                    "low": interval.low if interval is not None else None,
                    "high": interval.high if interval is not None else None,
                    "difference": change,
                    "between": between,
                    "p": verdicts.probability(each.p) if each is not None else None,
                }
            )
    return Table(_COLUMNS, tuple(rows), row_count=len(rows))


def _alt(rates: Sequence[Rate]) -> str:
    parts = [
        f"{rate.did}: {', '.join(f'{one.arm} {wording.percent(one.share.rate)}' for one in rate.arms if one.share)}"
        for rate in rates
    ]
    return f"Rates of each arm with their 95 % intervals. {'. '.join(parts)}."


def _spec(rates: Sequence[Rate]) -> Spec | None:
    drawn = [_small(rate) for rate in rates if any(one.share is not None for one in rate.arms)]
    return {"vconcat": drawn, "spacing": 18} if drawn else None


def _small(rate: Rate) -> Spec:
    """One rate: a point for each arm with its interval, and a line where the first arm is."""
    values: list[dict[str, str | float]] = []
    ends: list[float] = []
    for place, one in enumerate(rate.arms):
        if one.share is None:
            continue
        interval = significance.wilson(one.share)
        ends += [interval.low, interval.high]
        low, high = wording.percent(interval.low), wording.percent(interval.high)
        values.append(
            {
                "arm": one.arm,
                "value": one.share.rate,
                "low": interval.low,
                "high": interval.high,
                "colour": SERIES[6] if place == 0 and len(rate.arms) > 1 else SERIES[0],
                "label": wording.percent(one.share.rate),
                "words": f"{one.arm} · {rate.did} {wording.percent(one.share.rate)} ({low} to {high}), "
                f"{one.people:,} of {one.of:,}",
            }
        )
    lowest, highest = min(ends), max(ends)
    spread = highest - lowest
    x = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "axis": {"format": ".3~p", "tickCount": 6},
        # Room at the right for the label of the last.
        "scale": {"zero": False, "nice": False, "domain": [max(0.0, lowest - 0.05 * spread), highest + 0.12 * spread]},
    }
    y = {
        "field": "arm",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"ticks": False, "domain": False, "labelColor": INK, "minExtent": 110, "labelPadding": 8},
    }
    own = {"field": "colour", "type": "nominal", "scale": None}
    return {
        "title": {"text": rate.did, "fontSize": 13},
        "width": 520,
        "height": {"step": 30},
        "data": {"values": values},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3], "aria": False},
                "transform": [{"filter": {"field": "arm", "equal": rate.arms[0].arm}}],
                "encoding": {"y": None},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 3, "aria": False},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": own},
            },
            {
                "mark": {"type": "point", "size": 110, "opacity": 1, "stroke": GRID},
                "encoding": {"color": own, "description": {"field": "words", "type": "nominal"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "aria": False},
                "encoding": {"x": {**x, "field": "high"}, "text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel(
    "variations",
    "Variations",
    "Each arm with its rates, how sure they are, and whether they differ.",
    draw,
    "variations",
)
