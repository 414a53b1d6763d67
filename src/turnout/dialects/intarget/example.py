"""How a client of InTarget asks: the numbers of one campaign."""

from __future__ import annotations

from urllib.parse import urlencode

from turnout.dialects.contract import Example, Shown


def example(shown: Shown) -> Example:
    """The statistics of an e-mail campaign."""
    query = {"campaignIds[]": shown.campaign("email").number, "access-token": shown.key}
    return Example(f"/rest/campaign/statistics?{urlencode(query)}")
