"""The arms of a test: the numbers of /v1/stats, the right denominators, and a verdict that claims no more than is."""

from __future__ import annotations

import datetime as dt

import numpy
import pytest
from tests.panels.looking import shown as shown_of

from turnout.model import Campaign, Goal, Variation, Workspace
from turnout.panels import naming, significance, variations, verdicts
from turnout.panels import view as views
from turnout.panels.contract import View
from turnout.panels.significance import Share
from turnout.panels.verdicts import Measured
from turnout.stats.answer import Answer

NOW = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)
NOW_MS = int(NOW.timestamp() * 1000)

METRICS = (
    "unique_delivered", "unique_sent", "unique_impression", "unique_reached", "unique_enrolled", "unique_opened",
    "unique_clicked", "unique_conversions",
)  # fmt: skip


def campaign(*arms: Variation, **more: object) -> Campaign:
    return Campaign(id="c", title="C", created_at=NOW, updated_at=NOW, variations=arms, **more)


def counts(**known: int) -> dict[str, int]:
    reached = max(known.get("unique_sent", 0), known.get("unique_impression", 0))
    return {**dict.fromkeys(METRICS, 0), "unique_reached": reached, **known}


def drawn(of: Campaign, rows: dict[str, dict[str, int]], **more: object):
    """The panel, where the arms have these counts."""
    seen = View(
        workspace=Workspace(id="w", access_key="", signing_secret="", created_at=NOW),
        campaign=of, timezone="UTC", traffic=("human",), now_ms=NOW_MS, **more,
    )  # fmt: skip

    def ask(question):
        return Answer(question, [{"variation": name, **row} for name, row in rows.items()], {}, len(rows))

    return variations.draw(seen, ask)


def two(one: tuple[int, int], other: tuple[int, int], *, running: bool = False) -> tuple[str, ...]:
    """The verdict about clicks of arm B held against arm A."""
    pairs = [("clicks", Measured("B", *one), Measured("A", *other))]
    return verdicts.sentences(verdicts.compare(pairs), running=running)


@pytest.mark.parametrize(
    "query",
    [{}, {"traffic": "all", "timezone": "Pacific/Auckland"}, {"from": "2026-11-06", "to": "2026-11-07"}],
)
def test_every_number_is_that_of_the_api(house, sampled, query):
    told = sampled.stats(",".join(METRICS), campaign="spring-sale", dimensions="variation", **query)["rows"]
    by_name = dict(zip(["Flowers", "Price first", "Control Group"], told, strict=True))
    of = house.services.catalog.campaign(sampled.workspace.id, "spring-sale")
    seen = views.read(house.services, sampled.workspace, of, query)
    shown = variations.draw(seen, house.services.statistics.ask)
    assert len(shown.table.rows) >= 6
    people, base = shown.table.columns[2:4]
    for row in shown.table.rows:
        arm = by_name[row["variation"]]
        assert row["people"] == arm[people.name_in(row)]
        assert row["of"] == arm[base.name_in(row)] > 0
        assert row["value"] == row["people"] / row["of"]
        assert row["low"] < row["value"] < row["high"]
        # Whom it reached is what opens and clicks are of; a control group is held against whom it was meant for.
        expected = "unique_delivered" if row["rate"] != "Converted" else "unique_sent"
        assert base.name_in(row) == ("unique_enrolled" if row["variation"] == "Control Group" else expected)
    control = [row["rate"] for row in shown.table.rows if row["variation"] == "Control Group"]
    assert control == ["Converted"]


def test_the_sample_has_a_verdict_and_its_chart_says_what_the_table_says(house, sampled):
    sampled.stats("events", campaign="spring-sale")
    of = house.services.catalog.campaign(sampled.workspace.id, "spring-sale")
    shown = variations.draw(views.read(house.services, sampled.workspace, of, {}), house.services.statistics.ask)
    assert shown.words[1] == (
        "Price first is better than Flowers on clicks: 11.0 % against 6.92 %, +4.0 points (95 % interval 2.1 to 5.9); "
        "p < 0.001 after correction for 5 comparisons."
    )
    assert all(row.keys() >= {column.name for column in shown.table.columns} for row in shown.table.rows)
    clicked = [row for row in shown.table.rows if row["rate"] == "Clicked"]
    assert [tuple(row[name] for name in ("difference", "between", "p")) for row in clicked] == [
        (None, None, None),
        ("+4.0", "2.1 to 5.9", "< 0.001"),
    ]
    assert [column.name for column in shown.table.columns][-3:] == ["difference", "between", "p"]
    svg = house.services.renderer.svg(shown.spec)
    assert svg.count('aria-label="Price first · ') == 3
    assert 'aria-label="Control Group · Converted 1.75 % (0.85 % to 3.57 %), 7 of 400"' in svg


def test_a_difference_is_told_with_its_size_and_how_sure_it_is():
    assert two((410, 10_000), (320, 10_000)) == (
        "B is better than A on clicks: 4.10 % against 3.20 %, +0.9 points (95 % interval 0.4 to 1.4); p < 0.001.",
    )
    assert two((320, 10_000), (410, 10_000))[0].startswith(
        "B is worse than A on clicks: 3.20 % against 4.10 %, −0.9 points (95 % interval −1.4 to −0.4)"
    )


def test_too_few_recipients_are_told_and_how_many_are_missing():
    (said,) = two((32, 900), (27, 1000), running=True)
    pooled = 59 / 1900
    needed = -(-significance.needed(pooled, pooled * 1.2) // 1)
    assert said == (
        "Too early to say whether B differs from A on clicks (3.56 % against 2.70 %): to find a change of a fifth, "
        f"from 3.11 % to 3.73 %, four times out of five takes {needed:,.0f} recipients in each arm, "
        f"{needed - 900:,.0f} more in B and {needed - 1000:,.0f} more in A."
    )
    # With as many, the same rates are enough.
    assert not two((32 * 20, 900 * 20), (27 * 24, 1000 * 24))[0].startswith("Too")
    assert two((32, 900), (27, 1000))[0].startswith("Too few recipients to say")


def test_no_difference_is_told_only_where_one_would_have_been_found():
    (said,) = two((3010, 30_000), (2990, 30_000))
    assert said.startswith("No difference was found on clicks between B and A: 10.0 % against 9.97 %, +0.07 points")
    assert "p = 0.79" in said


def test_a_handful_of_people_prove_nothing_however_small_p_is():
    one, other = Share(4, 20), Share(0, 2000)
    assert significance.two_proportions(one, other) < 1e-9
    assert significance.least_expected(one, other) < 5
    assert two((4, 20), (0, 2000))[0].startswith("Too few")


def test_what_nobody_or_everybody_did_is_not_compared():
    assert two((0, 900), (0, 900)) == two((7, 7), (5, 5)) == two((8, 7), (5, 5)) == two((0, 0), (5, 50)) == ()


def test_many_comparisons_are_corrected_together_and_said_in_few_sentences():
    against = Measured("A", 1000, 20_000)
    pairs = [("clicks", Measured(f"B{number}", 1000 + number * 30, 20_000), against) for number in range(12)]
    compared = verdicts.compare(pairs)
    raw = [significance.two_proportions(each.one, each.other) for each in compared]
    assert tuple(each.p for each in compared) == significance.holm(raw)
    said = verdicts.sentences(compared, running=False)
    assert len(said) <= verdicts.LIMIT_NAMED + 3
    assert all("after correction for 12 comparisons" in one for one in said[: verdicts.LIMIT_NAMED])
    for each in compared:
        named = any(f"{each.arm.arm} is better" in one for one in said)
        assert not named or each.p < significance.ALPHA
    assert said[-1] == (
        "No difference from A was found on clicks in B0, B1, B2 and B3. There are recipients enough to find a change "
        "of a fifth four times out of five."
    )


def test_arms_that_are_alike_are_rarely_told_apart():
    # Four equal arms and three rates: nine comparisons, of which five tests in a hundred may err in any at all.
    drawing, erring, runs = numpy.random.default_rng(3), 0, 400
    for _ in range(runs):
        rates = {
            about: drawing.binomial(3000, rate, 4).tolist() for about, rate in (("o", 0.3), ("c", 0.1), ("v", 0.05))
        }
        pairs = [
            (about, Measured(str(arm), people[arm], 3000), Measured("0", people[0], 3000))
            for about, people in rates.items()
            for arm in (1, 2, 3)
        ]
        erring += any(each.is_found for each in verdicts.compare(pairs))
    assert 0.01 < erring / runs < 0.07


@pytest.mark.parametrize(
    ("arms", "base"),
    [
        ({"a": {"unique_sent": 90, "unique_delivered": 80}, "b": {"unique_delivered": 81}}, "delivered"),
        # Of one arm no delivery is known, so all are counted by what was sent.
        ({"a": {"unique_sent": 90, "unique_delivered": 80}, "b": {"unique_sent": 91}}, "sent"),
        ({"a": {"unique_impression": 50}, "b": {"unique_impression": 40}}, "impression"),
        ({"a": {"unique_sent": 90}, "b": {"unique_impression": 40}}, "reached"),
    ],
)  # fmt: skip
def test_all_arms_are_of_the_same_recipients(arms, base):
    rows = {name: counts(**{**known, "unique_opened": 9}) for name, known in arms.items()}
    (rate,) = variations.rates_of(variations.arms_of(campaign(), rows))
    assert rate.of == f"unique_{base}"
    assert [one.of for one in rate.arms] == [rows[name][f"unique_{base}"] for name in rows]


def test_arms_stand_in_the_campaigns_order_and_have_names_of_their_own():
    of = campaign(
        Variation(id="z", name="Same"), Variation(id="y", name="Same"), Variation(id="x", name="\u05d0\u05d1\n" * 90),
        Variation(id="gone", name="Nobody"), Variation(id="k", control=True),
    )  # fmt: skip
    sent = counts(unique_sent=100, unique_opened=50)
    rows = {"b": sent, "a": sent, "k": counts(unique_enrolled=9), "x": sent, "y": sent, "z": sent}
    arms = variations.arms_of(of, rows)
    assert [arm.name for arm in arms.treated][:2] == ["Same", "Same (y)"]
    assert [arm.name for arm in arms.treated][3:] == ["a", "b"]
    hebrew = arms.treated[2].name
    assert (hebrew[0], hebrew[-1]) == ("\u2068", "\u2069")
    assert len(hebrew) <= naming.LIMIT_NAME + 2
    assert "\n" not in hebrew
    assert arms.control is not None
    assert arms.left_out == ("Nobody",)


def test_of_very_many_arms_the_largest_are_compared_and_the_rest_is_told():
    rows = {f"v{number:02}": counts(unique_sent=1000 + number, unique_opened=300) for number in range(30)}
    shown = drawn(campaign(), rows)
    assert [row["variation"] for row in shown.table.rows] == [f"v{number}" for number in range(18, 30)]
    assert any("there are 18 more" in one for one in shown.words)


def test_of_several_control_groups_the_largest_is_compared_and_the_others_are_named():
    groups = (Variation(id="k", control=True), Variation(id="l", control=True))
    sent = counts(unique_sent=100, unique_opened=30, unique_conversions=5)
    rows = {"a": sent, "b": sent, "k": counts(unique_enrolled=9), "l": counts(unique_enrolled=20)}
    shown = drawn(campaign(Variation(id="a"), Variation(id="b"), *groups), rows)
    assert [row["variation"] for row in shown.table.rows if row["rate"] == "Converted"] == ["l", "a", "b"]
    assert "Of several control groups the largest is shown, without k." in shown.words
    assert not any("largest arms" in one for one in shown.words)


def test_the_largest_arms_are_the_largest_of_more_than_a_thousand(house, tenant):
    sent = {"type": "sent", "campaign": "many", "time": "2026-11-02T10:00:00Z"}
    tenant.send(*({**sent, "variation": f"v{number:04}", "recipient": f"r{number}"} for number in range(1100)))
    tenant.send(*({**sent, "variation": "z", "recipient": f"z{number}"} for number in range(3)))
    found = shown_of(house, tenant, variations.draw, "many")
    assert ("z", 3) in {(row["variation"], row["of"]) for row in found.table.rows}
    assert "Shown are the 12 largest arms; there are 1089 more." in found.words


def test_an_arm_that_nobody_is_known_of_did_nothing_strange():
    """One arm has deliveries alone, the other sends alone: there is no measure that suits both."""
    rows = {"a": counts(unique_delivered=9), "b": counts(unique_reached=9, unique_sent=9, unique_opened=1)}
    found = drawn(campaign(), rows)
    assert found.table.rows[0]["value"] is None
    assert not any("more people did it" in one for one in found.words)


def test_more_people_than_recipients_are_no_rate():
    rows = {"a": counts(unique_delivered=10, unique_opened=40), "b": counts(unique_delivered=100, unique_opened=40)}
    shown = drawn(campaign(), rows)
    assert shown.table.rows[0]["value"] is None
    assert any("can't be compared for a" in one for one in shown.words)
    both = drawn(campaign(), {"a": rows["a"], "b": {**rows["b"], "unique_opened": 101}})
    assert both.spec is None


def test_what_makes_a_verdict_less_sure_is_said():
    arms = (Variation(id="a", name="A"), Variation(id="b", name="B"), Variation(id="k", name="K", control=True))
    rows = {
        "a": counts(unique_sent=5000, unique_opened=900, unique_conversions=90),
        "b": counts(unique_sent=5600, unique_opened=990, unique_conversions=99),
        "k": counts(unique_enrolled=500, unique_conversions=2),
    }
    said = " ".join(drawn(campaign(*arms, ended_at=NOW), rows).words)
    assert "The arms are not equally large (A 5,000, B 5,600)" in said
    assert "still runs" not in said
    goals = (Goal(event="purchased", after="opened"),)
    fair = {**rows, "b": {**rows["b"], "unique_sent": 5050}}
    said = " ".join(drawn(campaign(*arms, goals=goals), fair, first_ms=NOW_MS - 9, last_ms=NOW_MS - 5).words)
    assert "equally large" not in said
    assert "The campaign still runs." in said
    assert "the control group has nothing to open" in said
    old = NOW_MS - variations.SILENT_MS - 1
    assert "still runs" not in " ".join(drawn(campaign(*arms), fair, first_ms=old, last_ms=old).words)


def test_where_there_is_nothing_to_compare_it_says_what_would_bring_it():
    assert "no variations" in drawn(campaign(), {"": counts(unique_sent=5)}).empty
    named = campaign(Variation(id="a"), Variation(id="b"))
    assert "'delivered', 'sent' or 'impression'" in drawn(named, {}).empty
    assert "'delivered', 'sent' or 'impression'" in drawn(named, {"a": counts(unique_opened=3)}).empty
    alone = drawn(named, {"": counts(unique_sent=5), "a": counts(unique_sent=50, unique_opened=3)})
    assert "There is one arm only, so there is nothing to compare it with." in alone.words
    assert "5 recipients got the message in no variation, and are left out here." in alone.words
    # The arms are there, and nobody did anything yet.
    quiet = drawn(named, {"a": counts(unique_sent=50), "b": counts(unique_sent=50)})
    assert [row["value"] for row in quiet.table.rows] == [0, 0]


def test_a_control_group_alone_is_said_to_be_one():
    shown = drawn(campaign(Variation(id="k", control=True)), {"k": counts(unique_enrolled=9, unique_conversions=2)})
    assert shown.words == ("Rates are of the control group. Each person counts once.",)


def test_names_can_be_anything(house):
    names = ['<script>alert("x")</script>', "datum.value", "\u202e\u05d0", "a" * 2000, "\x00\x07", "'; --"]
    of = campaign(*(Variation(id=str(place), name=name) for place, name in enumerate(names)))
    shown = drawn(of, {str(place): counts(unique_sent=100, unique_opened=9) for place in range(len(names))})
    svg = house.services.renderer.svg(shown.spec)
    assert "<script" not in svg
    assert svg.count('aria-roledescription="point"') == len(names)
