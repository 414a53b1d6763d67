"""What was left out, by class and by reason, is what the API says of them."""

from __future__ import annotations

import pytest
from tests.panels.looking import made_up, shown

from turnout.model import REASONS, TRAFFIC_CLASSES
from turnout.panels import excluded
from turnout.stats.answer import Answer

METRICS = ("opened", "clicked")


@pytest.mark.parametrize(
    "query",
    [{}, {"timezone": "Asia/Kolkata", "from_": "2026-11-06", "to": "2026-11-13T15:50"}, {"traffic": "human"}],
)
@pytest.mark.parametrize("campaign", ["spring-sale", "sms-flash"])
def test_classes_and_reasons_are_the_api_s(house, sampled, campaign, query):
    table = shown(house, sampled, excluded.draw, campaign, **query).table
    everything = {"campaign": campaign, **query, "traffic": "all"}
    by_class = sampled.stats("opened,clicked", dimensions="traffic", **everything)
    by_reason = sampled.stats("opened,clicked", dimensions="traffic,reason", **everything)
    told = {(row["traffic"], "any"): row for row in by_class["rows"]}
    told |= {(row["traffic"], row["reason"]): row for row in by_reason["rows"]}
    counted = query.get("traffic", "human,proxy").split(",")
    expected = {
        key: (row["opened"], row["clicked"])
        for key, row in told.items()
        if (row["opened"] or row["clicked"]) and (key[1] == "any" or key[0] not in ("human", "proxy") or
                                                  key[0] not in counted)
    }  # fmt: skip
    found = {(row["traffic"], row["reason"]): (row["opened"], row["clicked"]) for row in table.rows}
    assert found == expected
    for row in table.rows:
        assert row["counted"] == ("yes" if row["traffic"] in counted else "no")
        for name in METRICS:
            total = by_class["totals"][name]
            assert row[f"{name}_share"] == (row[name] / total if total else None)
    assert {name: table.total[name] for name in METRICS} == {name: by_class["totals"][name] for name in METRICS}


def test_words_say_what_counts_and_how_much_does_not(house, sampled):
    found = shown(house, sampled, excluded.draw, "spring-sale")
    meta = sampled.stats("opened,clicked", campaign="spring-sale")["meta"]["excluded"]
    assert found.words[0] == "Traffic of the classes 'human' and 'proxy' counts."
    assert found.words[1].startswith("Left out: 483 of 1,956 opens (24.7 %) and 640 of 1,098 clicks (58.3 %).")
    assert found.excluded == meta
    everything = shown(house, sampled, excluded.draw, "spring-sale", traffic="all")
    assert everything.words[0] == "Every class of traffic counts in this view, so nothing is left out."
    assert all(row["counted"] == "yes" for row in everything.table.rows)


def test_an_event_is_in_the_row_of_each_of_its_reasons(house, tenant):
    click = {"type": "clicked", "time": "2026-10-05T10:00:00Z", "campaign": "c", "user_agent": "curl/8.5.0"}
    tenant.send({**click, "recipient": "a", "traffic": "bot"}, {**click, "recipient": "b"})
    found = shown(house, tenant, excluded.draw, "c")
    rows = {(row["traffic"], row["reason"]): row["clicked"] for row in found.table.rows}
    assert rows == {("bot", "any"): 2, ("bot", "http_client"): 2, ("bot", "said"): 1}
    assert "several reasons" in found.words[-1]
    assert found.table.quiet_count == 2


def test_every_class_and_reason_is_explained():
    assert set(excluded.CLASSES) == set(TRAFFIC_CLASSES)
    assert set(excluded.REASONS) == {"", *REASONS}


def test_bars_of_what_does_not_count_stand_back(house, sampled):
    found = shown(house, sampled, excluded.draw, "spring-sale")
    opens, _ = found.spec["hconcat"]
    colours = {value["class"]: value["fill"] for value in opens["data"]["values"]}
    assert colours["People"] == colours["Image proxies"] != colours["Prefetching"] == colours["Scanners"]
    svg = house.services.renderer.svg(found.spec)
    assert "Scanners · Clicks 640, left out" in svg
    assert "NaN" not in svg


def test_nothing_to_tell_apart_is_said(tenant):
    def ask(question):
        return Answer(question, [], {"opened": 0, "clicked": 0}, 0)

    assert excluded.draw(made_up(tenant.workspace), ask).empty
