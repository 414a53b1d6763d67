"""The shapes of Shoplive's requests and answers, as data: which keys, in which order, made of what, on whose word.

`FIGURES` is the one table that the questions, the rendering and COMPATIBILITY.md are made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from turnout.dialects.contract import Source
from turnout.model import Name, Text, Url

#: Campaigns of one answer of the statistics, which has no pages.
CAMPAIGNS_LIMIT = 10_000

#: What a viewer does: the types of live events, as the metrics that count them. A campaign with any of them
#: in the range is in the statistics.
LIVE = ("watched", "liked", "chatted", "product_clicked", "banner_clicked")


@dataclass(frozen=True)
class Figure:
    """One number of the statistics: a metric, or with two of them the first per one of the second (0 over none).

    `whole` numbers are rounded to the nearest; the others are JSON doubles, `1.0` and not `1`.
    """

    key: str
    metrics: tuple[str, ...]
    whole: bool = True
    source: Source = "inferred"
    note: str = ""

    def value(self, row: Mapping[str, object]) -> int | float:
        """The number, of an answer's row."""
        # In thousandths, since seconds may have milliseconds: whole numbers divide exactly.
        above, below = (*(_thousandths(row[name]) for name in self.metrics), 1000)[:2]
        if not below:
            return 0 if self.whole else 0.0
        return (2 * above + below) // (2 * below) if self.whole else above / below


def _thousandths(number: object) -> int:
    assert isinstance(number, int | float)
    return round(number * 1000)


_ACTING = "per viewer who did it"

#: After the seven texts about the campaign, in this order.
FIGURES: tuple[Figure, ...] = (
    Figure("totalViewers", ("viewers",), note="whoever only liked, chatted or clicked is not in it"),
    Figure("totalLoginViewers", ("login_viewers",), note="viewers that are not anonymous"),
    Figure("peakConcurrentViewers", ("peak_concurrent_viewers",), note="exact, of the intervals within the range"),
    Figure("newLoginViewers", ("new_login_viewers",), note="whose first show of the workspace ever it is"),
    Figure("averageViewingTime", ("viewing_time_s", "viewers"), note="seconds, per viewer, to the nearest"),
    Figure("totalViewingTime", ("viewing_time_s",), note="seconds; an interval counts where it ends"),
    Figure("likes", ("liked_quantity",)),
    Figure("likeViewers", ("unique_liked",)),
    Figure("averageLikes", ("liked_quantity", "unique_liked"), note=f"{_ACTING}, to the nearest"),
    Figure("chats", ("chatted_quantity",)),
    Figure("chatViewers", ("unique_chatted",)),
    Figure("averageChats", ("chatted_quantity", "unique_chatted"), whole=False, note=f"{_ACTING}, a double"),
    Figure("productClicks", ("product_clicked_quantity",)),
    Figure("productClickViewers", ("unique_product_clicked",)),
    Figure(
        "averageProductClicks", ("product_clicked_quantity", "unique_product_clicked"), whole=False,
        note=f"{_ACTING}, a double",
    ),
    Figure("bannerClicks", ("banner_clicked_quantity",)),
)  # fmt: skip

#: Everything that is asked for `FIGURES`, and for whether there is anything at all.
METRICS: tuple[str, ...] = tuple(dict.fromkeys([*(name for one in FIGURES for name in one.metrics), *LIVE]))

STATUSES = ("READY", "REHEARSAL", "ONAIR", "ENDED")

TAGS_LIMIT = 10
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Brand(Struct, frozen=True, rename="camel"):
    """The brand of a show; only its id is known here."""

    brand_id: Long


class Seller(Struct, frozen=True, rename="camel"):
    """Who sells in a show; only the id is known here."""

    seller_id: Long


class CampaignMeta(Struct, frozen=True, rename="camel"):
    """What a client may set on a show; null is as if it were left out. Times are texts, UTC."""

    title: Text | None = None
    description: Text | None = None
    tags: Text | None = None
    rehearsal_passcode: Name | int | None = None
    serve_replay: bool | None = None
    brand: Brand | None = None
    scheduled_start_at: Name | None = None
    scheduled_end_at: Name | None = None


class CampaignBody(Struct, frozen=True, rename="camel"):
    """The body of create and update; update doesn't look at `seller`."""

    campaign_meta: CampaignMeta
    seller: Seller | None = None


class KeptMeta(Struct, frozen=True, rename="camel"):
    """What the core has no field for, as it stands in a campaign's `properties.campaignMeta`."""

    rehearsal_passcode: Name = ""
    serve_replay: bool = False
    brand: Brand | None = None
    scheduled_end_at: Name | None = None
    logo_image_url: Url | None = None
    pre_campaign_video_url: Url | None = None
    pre_campaign_image_url: Url = ""
    post_campaign_image_url: Url = ""
    background_image_url: Url = ""
    ie_unsupport_image_url: Url = ""


class Kept(Struct, frozen=True, rename="camel"):
    """A campaign's `properties`, as far as this room knows them."""

    campaign_meta: KeptMeta = KeptMeta()
    seller: Seller | None = None
