"""What the providers of e-mail have in common: addresses, the headers of a message, and the tag in a campaign's place.

Values of a provider's JSON enter, and what they say of a message leaves. Raises Unclear for recipients that an event
can't do without.
"""

from __future__ import annotations

from turnout.capture.webhooks.contract import Delivery
from turnout.capture.webhooks.reading import VARIABLES, Object, Unclear, inner, items, needed, text

#: How many recipients one notice may name: no provider sends to more with one message. And headers of one message.
RECIPIENTS_LIMIT = 1_000
HEADERS_LIMIT = 1_000

_HEADERS = frozenset(name for names in VARIABLES.values() for name in names)


def address(value: object) -> str:
    """The address of `Name <address>`, or of an address alone. Raises Unclear where there is none.

    It is whole, since a cut address would be somebody else's; one too long is refused by the receiver.
    """
    found = needed(value, "the recipient")
    if found.endswith(">") and "<" in found:
        found = found[found.rindex("<") + 1 : -1].strip()
    if not found:
        raise Unclear("the recipient is missing or no text")
    return found


def addresses(values: list[object]) -> list[str]:
    """Each of many addresses, once. Raises Unclear where there is none, or there are too many."""
    found = list(dict.fromkeys(address(value) for value in values[: RECIPIENTS_LIMIT + 1]))
    if not found:
        raise Unclear("no recipient is named")
    if len(found) > RECIPIENTS_LIMIT:
        raise Unclear(f"more than {RECIPIENTS_LIMIT} recipients are named")
    return found


def headers(value: object) -> Object:
    """Of a message's headers (`[{"name": …, "value": …}]`), those that name what `variables` knows, e.g. X-Campaign."""
    found: Object = {}
    for header in items(value)[:HEADERS_LIMIT]:
        name = text(inner(header).get("name")).lower()
        if name.startswith("x-") and name[2:].replace("-", "_") in _HEADERS:
            found.setdefault(name[2:].replace("-", "_"), header.get("value"))
    return found


def otherwise(delivery: Delivery, tag: object) -> Object:
    """A tag of the message as its campaign: only where neither the hook nor its address names one."""
    if delivery.hook.campaign or delivery.query.get("campaign"):
        return {}
    name = text(tag)
    return {"campaign": name} if name else {}
