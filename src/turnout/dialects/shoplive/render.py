"""Answers as Shoplive's clients read them, key by key in Shoplive's order. Pure: data goes in, JSON bytes come out."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from turnout.dialects.shoplive.shows import Described, Row, Show, kept
from turnout.dialects.shoplive.wire import FIGURES, Brand, Seller

encode = msgspec.json.Encoder().encode

_PLAYER = "https://www.shoplive.show/v1/player.html"


def error(code: int, message: str) -> bytes:
    """The one shape of every error."""
    return encode({"_s": code, "_e": message})


def statistics(found: Iterable[tuple[Show, Row]], access_key: str) -> bytes:
    """The statistics of several shows, the latest start first, then by campaignId."""
    ordered = sorted(found, key=lambda one: one[0].campaign.number)
    ordered.sort(key=lambda one: (one[0].started or one[0].scheduled).replace(microsecond=0), reverse=True)
    return encode({"results": [_element(show, row, access_key) for show, row in ordered]})


def element(show: Show, row: Row, access_key: str) -> bytes:
    """The statistics of one show."""
    return encode(_element(show, row, access_key))


def search(page: Iterable[Described], total: int, access_key: str) -> bytes:
    """A page of shows, and how many there are on all pages."""
    return encode({"results": [_campaign(one, access_key) for one in page], "totalCount": total})


def campaign(one: Described, access_key: str) -> bytes:
    """One show."""
    return encode(_campaign(one, access_key))


def _element(show: Show, row: Row, access_key: str) -> dict[str, Any]:
    return {
        "campaignId": str(show.campaign.number),
        "campaignKey": show.campaign.key,
        "accessKey": access_key,
        "title": show.campaign.title,
        "scheduledAt": time(show.campaign.scheduled_at),
        "startedAt": time(show.started),
        "endedAt": time(show.campaign.ended_at),
        **{figure.key: figure.value(row) for figure in FIGURES},
    }


def _campaign(one: Described, access_key: str) -> dict[str, Any]:
    """The campaign object. What only a streaming service has is null, or empty where the document allows no null."""
    return {
        "campaignMeta": _meta(one, access_key),
        "stream": _STREAM,
        "campaignProductList": [],
        "seller": _seller(one),
    }


def _meta(one: Described, access_key: str) -> dict[str, Any]:
    entry, held = one.show.campaign, kept(one.show.campaign).campaign_meta
    return {
        "campaignId": str(entry.number),
        "campaignKey": entry.key,
        "accessKey": access_key,
        "shoplivePlayerUrl": f"{_PLAYER}?ak={quote(access_key, safe='')}&ck={quote(entry.key, safe='')}",
        "title": entry.title,
        "description": entry.description or None,
        "campaignStatus": one.status,
        "rerun": False,
        "userCount": one.viewers,
        "likeCount": one.likes,
        "rehearsalPasscode": held.rehearsal_passcode,
        "serveReplay": held.serve_replay,
        "logoImageUrl": held.logo_image_url,
        "brand": _brand(held.brand),
        "preCampaignVideoUrl": held.pre_campaign_video_url,
        "preCampaignImageUrl": held.pre_campaign_image_url,
        "postCampaignImageUrl": held.post_campaign_image_url,
        "backgroundImageUrl": held.background_image_url,
        "ieUnsupportImageUrl": held.ie_unsupport_image_url,
        "tags": ",".join(entry.tags) or None,
        "scheduledStartAt": time(one.show.scheduled),
        "scheduledEndAt": held.scheduled_end_at,
        "campaignStartedAt": time(one.show.started),
        "campaignEndedAt": time(entry.ended_at),
        "createdAt": time(entry.created_at),
        "updatedAt": time(entry.updated_at),
    }


_STREAM = dict.fromkeys(("streamUrl", "streamKey", "videoAspectRatio", "liveUrl", "liveUrls", "previewLiveUrl"))


def _brand(brand: Brand | None) -> dict[str, Any] | None:
    if brand is None:
        return None
    unknown = dict.fromkeys(("name", "identifier", "description", "imageUrl", "imageWidth", "imageHeight"))
    return {"brandId": str(brand.brand_id), **unknown}


def _seller(one: Described) -> dict[str, Any] | None:
    seller: Seller | None = kept(one.show.campaign).seller
    if seller is None:
        return None
    return {
        "sellerId": str(seller.seller_id),
        **dict.fromkeys(("name", "profileUrl", "storeUrl", "description", "schemes")),
    }


def time(moment: dt.datetime | None) -> str | None:
    """Whole seconds, UTC, with a Z."""
    if moment is None:
        return None
    # Within hours of the first or last day that there is, its local time is all that can be said.
    with contextlib.suppress(OverflowError):
        moment = moment.astimezone(dt.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
