"""The bar in which a reader chooses what to see: range, zone, traffic, grain, metrics.

What was asked for enters, the choices there are leave, with those that were made. It is a form that is sent with GET,
so all that was chosen is in the page's address, and links to other pages carry it on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from turnout.dashboard.pages import link
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES
from turnout.panels.contract import GRAINS, words
from turnout.panels.view import LIMIT_METRICS
from turnout.stats.metrics import METRICS

PAGE = "/dashboard/campaign"

#: The range of each name in words, as it is chosen by one click.
_RANGES = (
    ("", "All time"), ("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("365d", "A year"),
)  # fmt: skip

#: Metrics that can be ticked, by what they are about. Any other can be named in the address.
_METRICS = {
    "Sending": ("sent", "delivered", "bounced", "skipped", "failed", "impression"),
    "People": ("unique_opened", "unique_clicked", "unique_conversions", "unique_unsubscribed", "unique_impression"),
    "Events": ("opened", "clicked", "conversions", "unsubscribed", "complained", "replied"),
    "Rates": ("delivery_rate", "open_rate", "click_rate", "click_to_open_rate", "conversion_rate", "bounce_rate"),
    "Money": ("revenue", "conversion_value"),
    "Live": ("viewers", "login_viewers", "viewing_time_s", "liked_quantity", "chatted", "product_clicked"),
}


@dataclass(frozen=True)
class Choice:
    """One of several: what it is sent as, how it is called, and whether it is the one that was made."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Bar:
    """All choices. `kept` is what the form sends beside them; `ranges` have addresses for values."""

    kept: tuple[tuple[str, str], ...]
    ranges: tuple[Choice, ...]
    starts: str
    ends: str
    timezone: str
    zones: tuple[str, ...]
    traffic: tuple[Choice, ...]
    grains: tuple[Choice, ...]
    metrics: tuple[tuple[str, tuple[Choice, ...]], ...]
    limit_metrics: int = LIMIT_METRICS


def bar(campaign: str, section: str, asked: Mapping[str, str], timezone: str, metrics: Sequence[str]) -> Bar:
    """The bar of a section: `asked` is what the address says of a view, `metrics` the lines that were chosen."""
    kept = [("id", campaign), ("section", section)]
    if "range" in asked:
        kept.append(("range", asked["range"]))
    if section != "summary":
        # Another section does not show them, and yet they must not be forgotten.
        kept += [("metrics", asked["metrics"])] if "metrics" in asked else []
    return Bar(
        kept=tuple(kept),
        ranges=_ranges(campaign, section, asked),
        starts=asked.get("from", ""),
        ends=asked.get("to", ""),
        timezone=timezone,
        zones=zone_names(),
        traffic=traffic_choices(asked.get("traffic", "")),
        grains=_choices(
            [("", "As it fits"), *((grain, f"By the {grain}") for grain in GRAINS)], asked.get("grain", "")
        ),
        metrics=_metrics(metrics) if section == "summary" else (),
    )


def address(campaign: str, section: str, asked: Mapping[str, str], **more: str) -> str:
    """Where a section is seen in this view."""
    return link(PAGE, id=campaign, section="" if section == "summary" else section, **_named(asked), **more)


def _ranges(campaign: str, section: str, asked: Mapping[str, str]) -> tuple[Choice, ...]:
    """Each range by its address; a grain that suited another length is not taken along."""
    others = {name: value for name, value in asked.items() if name not in ("range", "from", "to", "grain")}
    dated = "from" in asked or "to" in asked
    now = "" if asked.get("range") == "all" else asked.get("range", "")
    return tuple(
        Choice(address(campaign, section, {**others, "range": name}), label, not dated and name == now)
        for name, label in _RANGES
    )


def traffic_choices(asked: str) -> tuple[Choice, ...]:
    """What may count, as `traffic=` says it."""
    known = [
        ("", "People (human, proxy)"),
        ("all", "People and machines"),
        *((name, f"Only {name}") for name in TRAFFIC_CLASSES),
    ]
    listed = ",".join(part.strip() for part in asked.split(",") if part.strip())
    if listed in (",".join(DEFAULT_TRAFFIC), ""):
        return _choices(known, "")
    return _choices(known, "all" if listed == ",".join(TRAFFIC_CLASSES) else listed)


def _choices(known: Iterable[tuple[str, str]], asked: str) -> tuple[Choice, ...]:
    """The known ones, and what was asked for beside them."""
    listed = list(known)
    if asked not in dict(listed):
        listed.append((asked, asked.replace(",", ", ")))
    return tuple(Choice(value, label, value == asked) for value, label in listed)


def _metrics(chosen: Sequence[str]) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    listed = {name for names in _METRICS.values() for name in names}
    others = tuple(name for name in chosen if name not in listed and name in METRICS)
    groups = {**_METRICS, **({"Others": others} if others else {})}
    return tuple(
        (group, tuple(Choice(name, words(name), name in chosen) for name in names)) for group, names in groups.items()
    )


def _named(asked: Mapping[str, str]) -> dict[str, str]:
    """`from` is a word of Python's; `link` takes the line below it away."""
    return {"from_" if name == "from" else name: value for name, value in asked.items()}


@cache
def zone_names() -> tuple[str, ...]:
    """Zones of places, and UTC; the names that only machines use are known, but not proposed."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


def clock_time(moment: dt.datetime | None, timezone: str) -> str:
    """The time of a day, in a zone, to the second; empty for none."""
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(timezone)):%H:%M:%S}"
