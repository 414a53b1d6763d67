"""Braze Currents by HTTP: message engagement, conversions and behaviours.

Batches `{"events": [...]}` of the custom HTTP connector enter (an array or a single event, too); events leave.

| event_type | event |
|---|---|
| users.messages.*.Send, CarrierSend | sent, carrier_accepted |
| Delivery, Bounce, SoftBounce | delivered, bounced hard, bounced soft |
| Deferral, Retry, and a webhook's Failure that is not terminal | deferred |
| Rejection | rejected |
| DeliveryFailure, Failure | failed |
| Abort | skipped: Braze did not try |
| Open, Read | opened; machine_open makes it traffic `prefetch` |
| InfluencedOpen | opened, influenced |
| Click, ShortLinkClick | clicked; is_suspected_bot_click makes it traffic `bot` |
| Impression, IosForeground, Dismiss | impression, impression, dismissed |
| MarkAsSpam, Unsubscribe | complained, unsubscribed |
| InboundReceive | replied, with the keyword stop, help or start |
| users.campaigns.Conversion, users.canvas.Conversion | converted; conversion_behavior_index is the goal |
| users.campaigns.EnrollInControl, users.canvas.Entry in the control group | enrolled |
| users.behaviors.Purchase, CustomEvent, app.SessionStart | purchased, performed, app_opened |
| users.behaviors.Uninstall | performed `uninstalled` |
| users.behaviors.subscription.GlobalStateChange, subscriptiongroup.StateChange | performed `subscribed` … |
| users.messages.liveactivity.*, every other event outside of users.messages | — |

In users.messages the last word decides, so a channel that is new is understood; a word that is new is kept as unread.
A click on a button of an in-app message or banner is on button_1 or button_2 (button_id 0 or 1), otherwise on the
body. A state change is not `unsubscribed`: the message's own Unsubscribe tells that, and would count twice.

Identity: `id`, which Braze keeps when it sends an event again (delivery is at least once); without one what the event
says. Campaign: campaign_id with message_variation_id as variation; or canvas_id with canvas_step_id as message and
canvas_variation_id as variation. Recipient: external_user_id, else Braze's user_id; addresses and push tokens are not
kept. Times are epoch seconds.

Signature: none; the connector's token comes as `Authorization: Bearer`.

Source: the vendor's samples, github.com/Appboy/currents-examples, `sample-data/Custom HTTP` (v10), and
braze.com/docs/user_guide/data/distribution/braze_currents/setting_up_currents/custom_http_connector (envelope, batches
of 100). Not verified: InfluencedOpen (not among the samples), the values of `action` other than Subscribed, that
conversion_behavior_index counts from 0 and button_id from 0.
"""

from __future__ import annotations

from typing import Any

from turnout.capture.webhooks import money, reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Unclear, Uncounted, inner, is_true, text

_MESSAGES = "users.messages."

_SAID: dict[str, dict[str, str]] = {
    "Send": {"type": "sent"},
    "CarrierSend": {"type": "carrier_accepted"},
    "Delivery": {"type": "delivered"},
    "Bounce": {"type": "bounced", "bounce": "hard"},
    "SoftBounce": {"type": "bounced", "bounce": "soft"},
    "Deferral": {"type": "deferred"},
    "Retry": {"type": "deferred"},
    "Rejection": {"type": "rejected"},
    "DeliveryFailure": {"type": "failed"},
    "Failure": {"type": "failed"},
    "Abort": {"type": "skipped"},
    "Open": {"type": "opened", "open": "direct"},
    "InfluencedOpen": {"type": "opened", "open": "influenced"},
    "Read": {"type": "opened", "open": "direct"},
    "Click": {"type": "clicked"},
    "ShortLinkClick": {"type": "clicked"},
    "Impression": {"type": "impression"},
    "IosForeground": {"type": "impression"},
    "Dismiss": {"type": "dismissed"},
    "MarkAsSpam": {"type": "complained"},
    "Unsubscribe": {"type": "unsubscribed"},
    "InboundReceive": {"type": "replied"},
}

_CHANNELS = {"contentcard": "content_cards", "inappmessage": "in_app", "newsfeedcard": "content_cards"}
_PLATFORMS = {"ios": "ios_push", "android": "android_push", "kindle": "kindle_push", "web": "web_push"}
_ON_A_BODY = frozenset({"inappmessage", "banner"})
_BUTTONS = {"0": "button_1", "1": "button_2"}
_ACTIONS = {"subscribed": "start", "unsubscribed": "stop", "help": "help", "stop": "stop", "start": "start"}

#: Kept as properties: what a delivery, a failure or a screen says of itself.
_KEPT = (
    "dispatch_id", "canvas_variation_name", "conversion_behavior", "abort_type", "retry_type", "platform", "locale_key",
    "mailbox_provider", "esp", "provider_error_code", "provider_error_title", "http_status_code", "button_id",
    "button_string", "banner_placement_id", "content_card_id", "card_id", "message_id", "in_reply_to", "template_name",
    "subscription_group_id", "subscription_status", "state_change_source", "recipient_domain", "is_amp", "is_drop",
    "is_sms_fallback",
)  # fmt: skip

_REASONS = ("bounce_reason", "deferral_reason", "error", "raw_response", "abort_log", "retry_log")


def parse(delivery: Delivery) -> Parsed:
    """One event of each that is counted. Raises Unreadable for what is no batch."""
    return reading.read(reading.batch(delivery.body, "events"), lambda part: [_event(part)])


def _event(part: dict[str, Any]) -> dict[str, Any]:
    kind = reading.word(part.get("event_type"), "event_type")
    said = inner(part.get("properties"))
    made = _of_message(kind, said) if kind.startswith(_MESSAGES) else _of_user(kind, said)
    user = inner(part.get("user"))
    person = reading.person(user.get("external_user_id"), user.get("user_id"))
    own = text(part.get("id"), reading.ID_LIMIT)
    moment = reading.moment(part.get("time"), "time")
    event: dict[str, Any] = {
        "id": identity("currents", *([own] if own else [kind, person, moment, reading.canonical(said)])),
        "time": moment,
        "recipient": person,
        **_place(said),
        "send_id": text(said.get("send_id")),
        **made,
    }
    about = reading.properties("currents", kind, **{name: said.get(name) for name in _KEPT})
    if reason := reading.first(*(said.get(name) for name in _REASONS), limit=reading.VALUE_LIMIT):
        about["reason"] = reason
    event["properties"] = {**event.get("properties", {}), **about}
    return reading.filled(event)


def _place(said: dict[str, Any]) -> dict[str, str]:
    """Whose event it is: a campaign's with its variation, or a canvas' with step and variation."""
    if campaign := reading.campaign(said.get("campaign_id")):
        return {"campaign": campaign, "variation": text(said.get("message_variation_id"))}
    return {
        "campaign": reading.campaign(said.get("canvas_id")),
        "message": text(said.get("canvas_step_id")),
        "variation": text(said.get("canvas_variation_id")),
    }


def _of_message(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    medium, _, word = kind.removeprefix(_MESSAGES).partition(".")
    if medium == "liveactivity":
        raise Uncounted  # it belongs to no campaign
    known = _SAID.get(word)
    if known is None:
        raise Unclear(f"the event '{kind}' is not known")
    made: dict[str, Any] = {**known, "channel": _channel(medium, said)}
    if word == "Failure" and said.get("is_terminal") is False:
        made["type"] = "deferred"
    if made["type"] in ("failed", "rejected"):
        made["failure"] = "permanent"
    if made["type"] == "opened" and is_true(said.get("machine_open")):
        made["traffic"] = "prefetch"
    if made["type"] == "clicked":
        made |= _click(medium, said)
    if made["type"] == "replied":
        made["keyword"] = _ACTIONS.get(text(said.get("action")).lower(), "")
    if made["type"] in ("opened", "clicked", "complained"):
        made |= reading.request(user_agent=said.get("user_agent"))
    return made


def _channel(medium: str, said: dict[str, Any]) -> str:
    if medium == "pushnotification":
        return _PLATFORMS.get(text(said.get("platform")).lower(), "push")
    return _CHANNELS.get(medium, text(medium))


def _click(medium: str, said: dict[str, Any]) -> dict[str, str]:
    made = {
        "url": reading.web_address(said.get("url")),
        "link": text(said.get("link_id"), reading.TEXT_LIMIT),
        "link_title": text(said.get("link_alias"), reading.TEXT_LIMIT),
    }
    if is_true(said.get("is_suspected_bot_click")):
        made["traffic"] = "bot"
    if medium in _ON_A_BODY:
        made["target"] = _BUTTONS.get(text(said.get("button_id")), "body")
    return made


def _of_user(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """Conversions, control groups and behaviours; Uncounted for everything else, which Braze adds to as it likes."""
    if kind in ("users.campaigns.Conversion", "users.canvas.Conversion"):
        index = said.get("conversion_behavior_index") or 0
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index <= 3:
            raise Unclear("conversion_behavior_index is not 0 to 3")
        return {"type": "converted", "goal": index}
    if kind == "users.campaigns.EnrollInControl" or (
        kind == "users.canvas.Entry" and is_true(said.get("in_control_group"))
    ):
        return {"type": "enrolled"}
    if kind == "users.behaviors.Purchase":
        price = money.amount(said.get("price"))
        if not price:
            raise Unclear("the price is no number")
        return {
            "type": "purchased",
            "amount": price,
            "currency": text(said.get("currency")).upper(),
            "product": text(said.get("product_id")),
            "properties": inner(said.get("purchase_properties")),
        }
    if kind == "users.behaviors.CustomEvent":
        name = reading.word(said.get("name"), "name")
        return {"type": "performed", "name": name, "properties": inner(said.get("custom_properties"))}
    if kind == "users.behaviors.app.SessionStart":
        return {"type": "app_opened"}
    if kind == "users.behaviors.Uninstall":
        return {"type": "performed", "name": "uninstalled"}
    if kind in ("users.behaviors.subscription.GlobalStateChange", "users.behaviors.subscriptiongroup.StateChange"):
        name = reading.word(said.get("subscription_status"), "subscription_status").lower()
        return {"type": "performed", "name": name, "channel": text(said.get("channel"))}
    raise Uncounted


PROVIDER = Provider(
    name="currents",
    title="Braze Currents (HTTP)",
    parse=parse,
    verify=signatures.require_credential,
    setup=(
        "Create a Custom Currents Export with this address, and the hook's secret as its bearer token. Choose the "
        "message engagement events, conversions, and the behaviours that your goals are about."
    ),
)
