"""The campaigns of the sample that reach a telephone: a push with an A/B test, and a text message.

A `Stage` and the people enter; the stage holds the events afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turnout.demo.people import Person
from turnout.demo.stage import HOUR_MS, MINUTE_MS, SECOND_MS, Stage


def app_push(stage: Stage, everyone: Sequence[Person]) -> None:
    """2,800 devices, half an arm, 2,240 of them opted in; 84 are gone and the provider refuses 30."""
    start_ms = stage.at(-8, 16)
    chosen = stage.rng.sample(everyone, 2800)
    arms = {person: ("a", "b")[number % 2] for number, person in enumerate(chosen)}
    opted_in, opted_out = stage.deal(chosen, 2240, 560)
    reachable = stage.rng.sample(chosen, 2800 - 84 - 30)
    unreachable = sorted(set(chosen) - set(reachable), key=lambda person: person.email)
    gone, refused = stage.deal(unreachable, 84, 30)
    sent_at: dict[Person, int] = {}
    for group, consent in ((opted_in, True), (opted_out, False)):
        for person in group:
            sent_at[person] = start_ms + stage.rng.randrange(6 * MINUTE_MS)
            stage.put("sent", sent_at[person], person, opted_in=consent, **_push(person, arms))
    for person in gone:
        stage.put("bounced", sent_at[person] + 2 * SECOND_MS, person, bounce="hard", **_push(person, arms))
    for number, person in enumerate(refused):
        kind = "temporary" if number % 3 == 0 else "permanent"
        stage.put("failed", sent_at[person] + SECOND_MS, person, failure=kind, **_push(person, arms))
    willing = set(opted_in)
    for person in reachable:
        if person in willing:
            _tapped_or_not(stage, person, sent_at[person], _push(person, arms))
    for person in stage.rng.sample(everyone, 600):
        # Opening the app needs no push: the background against which the campaign shows.
        used_ms = stage.at(-9 + stage.rng.randrange(4), int(stage.rng.triangular(6, 24, 19)))
        stage.behave("app_opened", used_ms + stage.rng.randrange(HOUR_MS), person, device=person.on_phone["device"])


def _push(person: Person, arms: dict[Person, str]) -> dict[str, Any]:
    return {"message": "m1", "channel": f"{person.phone}_push", "variation": arms[person]}


def _tapped_or_not(stage: Stage, person: Person, sent_ms: int, fields: dict[str, Any]) -> None:
    """A tap opens the app directly; seeing the push and coming later is influence."""
    luck = stage.rng.random()
    direct, influenced = (0.075, 0.13) if fields["variation"] == "a" else (0.11, 0.18)
    if luck < direct:
        tapped_ms = stage.awake(sent_ms + stage.lag_ms(40 * MINUTE_MS, most_ms=20 * HOUR_MS), person)
        stage.put("clicked", tapped_ms, person, target="body", **fields, **person.on_phone)
        stage.put("opened", tapped_ms + 350, person, open="direct", **fields, **person.on_phone)
        stage.behave("app_opened", tapped_ms + 900, person, device=person.on_phone["device"])
    elif luck < influenced:
        came_ms = sent_ms + stage.lag_ms(45 * MINUTE_MS, least_ms=MINUTE_MS, most_ms=3 * HOUR_MS - MINUTE_MS)
        stage.behave("app_opened", came_ms, person, device=person.on_phone["device"])
        stage.put("opened", came_ms + 200, person, open="influenced", **fields, **person.on_phone)


def sms_flash(stage: Stage, everyone: Sequence[Person]) -> None:
    """1,200 texts: the provider rejects 18, the carrier takes 1,182, 32 fail there, 1,150 arrive."""
    start_ms = stage.at(-5, 10)
    chosen = stage.rng.sample(everyone, 1200)
    refused, lost, arrived = stage.deal(chosen, 18, 32, 1150)
    fields = {"message": "m1", "channel": "sms", "send_id": "flash-48h"}
    sent_at: dict[Person, int] = {}
    for person in chosen:
        queued_ms = start_ms + stage.rng.randrange(10 * SECOND_MS)
        stage.put("queued", queued_ms, person, **fields)
        sent_at[person] = queued_ms + stage.rng.randrange(12 * MINUTE_MS)
        stage.put("sent", sent_at[person], person, **fields)
    for number, person in enumerate(refused):
        kind = "temporary" if number % 3 == 0 else "permanent"
        stage.put("rejected", sent_at[person] + 400, person, failure=kind, **fields)
    for number, person in enumerate(lost):
        taken_ms = sent_at[person] + stage.lag_ms(900, least_ms=200)
        stage.put("carrier_accepted", taken_ms, person, **fields)
        kind = "temporary" if number % 4 == 0 else "permanent"
        stage.put("failed", taken_ms + stage.lag_ms(5 * MINUTE_MS), person, failure=kind, **fields)
    for person in arrived:
        taken_ms = sent_at[person] + stage.lag_ms(900, least_ms=200)
        stage.put("carrier_accepted", taken_ms, person, **fields)
        delivered_ms = taken_ms + stage.lag_ms(12 * SECOND_MS, most_ms=HOUR_MS)
        stage.put("delivered", delivered_ms, person, **fields)
        _followed_link(stage, person, delivered_ms, fields)
    _answers(stage, arrived, fields)


def _followed_link(stage: Stage, person: Person, delivered_ms: int, fields: dict[str, Any]) -> None:
    """A phone may fetch the link for its preview; the owner may follow it, and may buy."""
    link = {
        "target": "link",
        "url": "https://shop.example.com/flash",
        "link": "flash",
        "link_title": "48 h: −30 %",
        "params": {"utm_source": "sms", "utm_campaign": stage.name},
    }
    if person.phone == "ios" and stage.rng.random() < 0.12:
        stage.put("clicked", delivered_ms + 800, person, traffic="preview", **fields, **link)
    if stage.rng.random() >= 0.12:
        return
    clicked_ms = stage.awake(delivered_ms + stage.lag_ms(50 * MINUTE_MS, most_ms=36 * HOUR_MS), person)
    stage.put("clicked", clicked_ms, person, **fields, **link, **person.on_phone)
    luck = stage.rng.random()
    if luck < 0.4:
        # The shop's own attribution says so; goal 0 is an order, goal 1 a basket left behind.
        amount = round(stage.rng.lognormvariate(3.5, 0.4), 2)
        said = {"goal": 0 if luck < 0.28 else 1, "amount": amount, "currency": person.currency}
        bought_ms = clicked_ms + stage.lag_ms(11 * MINUTE_MS, most_ms=6 * HOUR_MS)
        stage.put("converted", bought_ms, person, **said, **fields)


def _answers(stage: Stage, arrived: Sequence[Person], fields: dict[str, Any]) -> None:
    """15 answer STOP and are unsubscribed for it, 6 ask for HELP, 9 write something else; 40 bots click."""
    leavers, askers, talkers, crawled = stage.deal(arrived, 15, 6, 9, 40)
    for group, keyword in ((leavers, "stop"), (askers, "help"), (talkers, None)):
        for person in group:
            replied_ms = stage.at(-5, 10, 20) + stage.lag_ms(40 * MINUTE_MS, most_ms=10 * HOUR_MS)
            stage.put("replied", replied_ms, person, keyword=keyword, **fields)
            if keyword == "stop":
                stage.put("unsubscribed", replied_ms + 300, person, **fields)
    for person in crawled:
        crawled_ms = stage.at(-5, 10, 30) + stage.rng.randrange(2 * MINUTE_MS)
        link = {"target": "link", "url": "https://shop.example.com/flash", "link": "flash"}
        stage.put("clicked", crawled_ms, person, traffic="bot", **fields, **link)
