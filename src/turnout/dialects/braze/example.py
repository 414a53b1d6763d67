"""How a client of Braze asks: the last week of a campaign."""

from __future__ import annotations

from urllib.parse import urlencode

from turnout.dialects.contract import Example, Shown


def example(shown: Shown) -> Example:
    """The series of an e-mail campaign."""
    query = {"campaign_id": shown.campaign("email").uuid, "length": 7}
    return Example(f"/campaigns/data_series?{urlencode(query)}", {"Authorization": f"Bearer {shown.key}"})
