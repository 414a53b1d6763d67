"""The e-mail campaigns of the sample: a sale with an A/B test and a control group, and a two-step welcome.

A `Stage` and the people enter; the stage holds the events afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnout.demo.people import SCANNED_DOMAINS, Person
from turnout.demo.stage import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Link, Stage

_SHOP = "https://shop.example.com"

SALE_LINKS = (
    Link("hero", "Frühling für alle ✿", f"{_SHOP}/fruehling"),
    Link("linen", "Leinen & Licht", f"{_SHOP}/fruehling/leinen"),
    Link("shoes", "Découvrir les sandales", f"{_SHOP}/fr/sandales"),
    Link("voucher", "Claim 25 % off", f"{_SHOP}/gutschein"),
    Link("footer-shop", "Find a shop", f"{_SHOP}/filialen"),
)
#: The ids of the sale's links from top to bottom: the picture leads where the last button does.
SALE_LAYOUT = ("hero", "linen", "shoes", "voucher", "hero", "footer-shop")
WELCOME_LINKS = (
    Link("profile", "Complete your profile", f"{_SHOP}/account/profile"),
    Link("tour", "Take the tour", f"{_SHOP}/tour"),
)
TIPS_LINKS = (
    Link("tips", "Fünf Tipps für den Anfang", f"{_SHOP}/tipps"),
    Link("first-order", "Your first order ships free", f"{_SHOP}/welcome"),
)


@dataclass(frozen=True)
class Mail:
    """One message of one campaign, to one arm of its test, and how well it does. The links stand in it in their order,
    or as the `layout` has them."""

    message: str
    links: tuple[Link, ...]
    open_share: float
    click_share: float
    variation: str | None = None
    send_id: str | None = None
    layout: tuple[str, ...] = ()

    def positions(self, link: Link) -> list[int]:
        """Where a link stands, counted from the top."""
        layout = self.layout or [one.id for one in self.links]
        return [position for position, name in enumerate(layout, 1) if name == link.id]

    @property
    def fields(self) -> dict[str, str | None]:
        return {
            "message": self.message,
            "variation": self.variation,
            "channel": "email",
            "send_id": self.send_id,
            "profile": "nordlicht",
        }


@dataclass
class Response:
    """What one recipient did with one mail: when it was first opened and last clicked, if it was."""

    person: Person
    mail: Mail
    opened_ms: int | None = None
    clicked_ms: int | None = None


def spring_sale(stage: Stage, everyone: Sequence[Person]) -> None:
    """4,000 people: 400 held back, 1,800 an arm, of which 36 + 54 bounce and 45 are deferred first."""
    control, arm_a, arm_b, skipped = stage.deal(everyone, 400, 1800, 1800, 60)
    start_ms = stage.at(-12, 8, 30)
    for person in control:
        stage.put("enrolled", start_ms + stage.rng.randrange(90 * SECOND_MS), person, variation="control")
    for person in skipped:
        stage.put("skipped", start_ms + stage.rng.randrange(90 * SECOND_MS), person, message="m1", channel="email")
    arms = {
        "a": Mail("m1", SALE_LINKS, 0.29, 0.24, "a", "spring-sale-1", SALE_LAYOUT),
        "b": Mail("m1", SALE_LINKS, 0.35, 0.31, "b", "spring-sale-1", SALE_LAYOUT),
    }
    mails = [(person, arms["a"]) for person in arm_a] + [(person, arms["b"]) for person in arm_b]
    hard, soft, late, fine = stage.deal(mails, 36, 54, 45, len(mails) - 135)
    for kind, group in (("hard", hard), ("soft", soft)):
        for person, mail in group:
            sent_ms = _sent(stage, person, mail, start_ms, 24 * MINUTE_MS)
            stage.put("bounced", sent_ms + stage.lag_ms(20 * SECOND_MS), person, bounce=kind, **mail.fields)
    responses = []
    for person, mail in late:
        sent_ms = _sent(stage, person, mail, start_ms, 24 * MINUTE_MS)
        stage.put("deferred", sent_ms + 2 * SECOND_MS, person, **mail.fields)
        retried_ms = sent_ms + stage.rng.randrange(5 * MINUTE_MS, 2 * HOUR_MS)
        responses.append(_received(stage, person, mail, retried_ms))
    for person, mail in fine:
        sent_ms = _sent(stage, person, mail, start_ms, 24 * MINUTE_MS)
        responses.append(_received(stage, person, mail, sent_ms))
    _sale_consequences(stage, responses, control)


def onboarding(stage: Stage, everyone: Sequence[Person]) -> None:
    """40 sign-ups a day up to the last moment; a welcome after minutes, tips two days later."""
    newcomers = stage.rng.sample(everyone, 40 * 21)
    welcome = Mail("welcome", WELCOME_LINKS, 0.62, 0.4)
    tips = Mail("tips", TIPS_LINKS, 0.44, 0.25)
    for number, person in enumerate(newcomers):
        hour = int(stage.rng.triangular(6, 24, 19))
        joined_ms = stage.at(number // 40 - 20, hour) + stage.rng.randrange(HOUR_MS)
        stage.behave(
            "performed",
            joined_ms,
            person,
            name="signup",
            properties={"plan": stage.rng.choice(("free", "plus"))},
        )
        if number % 50 == 49:
            sent_ms = _sent(stage, person, welcome, joined_ms, 5 * MINUTE_MS)
            stage.put("bounced", sent_ms + 4 * SECOND_MS, person, bounce="hard", **welcome.fields)
            continue
        first = _received(stage, person, welcome, _sent(stage, person, welcome, joined_ms, 5 * MINUTE_MS))
        if first.clicked_ms and stage.rng.random() < 0.55:
            done_ms = first.clicked_ms + stage.lag_ms(4 * MINUTE_MS)
            stage.behave("performed", done_ms, person, name="profile_completed")
        second_ms = _sent(stage, person, tips, joined_ms + 2 * DAY_MS, 10 * MINUTE_MS)
        second = _received(stage, person, tips, second_ms)
        if second.clicked_ms and stage.rng.random() < 0.2:
            stage.buy(second.clicked_ms + stage.lag_ms(9 * MINUTE_MS), person, 45)
        if second.opened_ms and number % 60 == 7:
            stage.put("unsubscribed", second.opened_ms + 15 * SECOND_MS, person, **tips.fields)


def _sent(stage: Stage, person: Person, mail: Mail, start_ms: int, spread_ms: int) -> int:
    sent_ms = start_ms + stage.rng.randrange(spread_ms)
    stage.put("sent", sent_ms, person, **mail.fields)
    return sent_ms


def _received(stage: Stage, person: Person, mail: Mail, sent_ms: int) -> Response:
    """Delivered, looked at by machines where the mailbox has some, and perhaps by its owner."""
    delivered_ms = sent_ms + stage.lag_ms(6 * SECOND_MS, most_ms=4 * MINUTE_MS)
    stage.put("delivered", delivered_ms, person, **mail.fields)
    _machines(stage, person, mail, delivered_ms)
    response = Response(person, mail)
    if stage.rng.random() >= mail.open_share:
        return response
    response.opened_ms = opened_ms = stage.reads_ms(delivered_ms, person)
    # Gmail and Yahoo fetch images for the reader: somebody reads, but where and on what is not known.
    proxied = person.domain in ("gmail.com", "yahoo.com") and stage.rng.random() < 0.8
    seen: dict[str, str] = {"traffic": "proxy"} if proxied else person.client
    stage.put("opened", opened_ms, person, **mail.fields, **seen)
    while stage.rng.random() < 0.22:
        opened_ms = stage.awake(opened_ms + stage.lag_ms(7 * HOUR_MS, most_ms=DAY_MS), person)
        stage.put("opened", opened_ms, person, **mail.fields, **seen)
    if stage.rng.random() < mail.click_share:
        response.clicked_ms = _clicks(stage, person, mail, response.opened_ms)
    return response


def _clicks(stage: Stage, person: Person, mail: Mail, opened_ms: int) -> int:
    """One link or several, the first ones most often; the time of the last click."""
    clicked_ms = opened_ms
    while True:
        clicked_ms += stage.lag_ms(35 * SECOND_MS, least_ms=3 * SECOND_MS, most_ms=HOUR_MS)
        link = mail.links[min(int(stage.rng.expovariate(0.7)), len(mail.links) - 1)]
        # Of a link that is there twice, a quarter of the clicks is on the lower one.
        position = mail.positions(link)[-1 if clicked_ms % 4 == 0 else 0]
        stage.put("clicked", clicked_ms, person, **_link(stage, mail, link, position), **person.client)
        if stage.rng.random() >= 0.28:
            return clicked_ms


def _link(stage: Stage, mail: Mail, link: Link, position: int) -> dict[str, object]:
    utm = {
        "utm_source": "newsletter",
        "utm_medium": "email",
        "utm_campaign": stage.name,
        "utm_content": link.id,
    }
    said = {"target": "link", "url": link.url, "link": link.id, "link_title": link.title, "params": utm}
    return {**mail.fields, **said, "position": position}


def _machines(stage: Stage, person: Person, mail: Mail, delivered_ms: int) -> None:
    """Apple fetches ahead for most of its users; a company's gateway opens and follows every link at once."""
    if person.domain == "icloud.com" and stage.rng.random() < 0.75:
        fetched_ms = delivered_ms + stage.lag_ms(3 * MINUTE_MS, most_ms=5 * HOUR_MS)
        stage.put("opened", fetched_ms, person, traffic="prefetch", **mail.fields)
    if person.domain in SCANNED_DOMAINS and stage.rng.random() < 0.5:
        scanned_ms = delivered_ms + stage.lag_ms(2 * SECOND_MS, most_ms=9 * SECOND_MS)
        stage.put("opened", scanned_ms, person, traffic="scanner", **mail.fields)
        for place, link in enumerate(mail.links):
            fields = _link(stage, mail, link, mail.positions(link)[0])
            stage.put("clicked", scanned_ms + 130 * (place + 1), person, traffic="scanner", **fields)


def _sale_consequences(stage: Stage, responses: list[Response], control: list[Person]) -> None:
    """Orders, wishes, till receipts, and those who had enough: 18 unsubscribe and 4 complain."""
    for response in responses:
        if response.clicked_ms is None:
            continue
        if stage.rng.random() < 0.36:
            stage.buy(response.clicked_ms + stage.lag_ms(14 * MINUTE_MS), response.person, 58)
        if stage.rng.random() < 0.3:
            wished_ms = response.clicked_ms + stage.lag_ms(2 * MINUTE_MS)
            stage.behave("performed", wished_ms, response.person, name="wishlist_added")
    for person in stage.rng.sample(control, 5):
        stage.buy(stage.awake(stage.at(-12, 9) + stage.lag_ms(20 * HOUR_MS), person), person, 58)
    readers = [response for response in responses if response.opened_ms]
    leavers, complainers, visitors = stage.deal(readers, 18, 4, 40)
    for response in leavers:
        left_ms = (response.opened_ms or 0) + stage.lag_ms(40 * SECOND_MS)
        stage.put("unsubscribed", left_ms, response.person, **response.mail.fields)
    for response in complainers:
        stage.put("complained", (response.opened_ms or 0) + 30 * SECOND_MS, response.person, **response.mail.fields)
    for response in visitors:
        # Bought at a till that recognised the voucher: the shops attribute these themselves, as goal 1.
        bought_ms = stage.awake((response.opened_ms or 0) + stage.lag_ms(30 * HOUR_MS), response.person)
        amount = round(stage.rng.lognormvariate(3.7, 0.5), 2)
        stage.put(
            "converted",
            bought_ms,
            response.person,
            goal=1,
            amount=amount,
            currency="EUR",
            **response.mail.fields,
        )
