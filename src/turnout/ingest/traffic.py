"""Who is human: the rules, and nothing else. docs/traffic.md explains them.

The type of an event and the reasons that were found for it enter; its class of traffic leaves. Reasons are facts of
the request (`model.FACTS`), what the user agent says (`agents`), the workspace's allow list, and how close in time
events are to each other. Some are seen when an event comes in, some only later; the class always follows from all of
them, so it can be made anew at any time.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from turnout.errors import InvalidInput
from turnout.ingest.agents import agent_reasons
from turnout.ingest.places import address_of
from turnout.model import BEHAVIOURS, REACTIONS, Reason, Traffic

__all__ = [
    "CLASSIFIED",
    "LINKS_AT_ONCE",
    "LINKS_WITHIN_S",
    "NEAR_HIDDEN_S",
    "ONLINE_REASONS",
    "RECIPIENTS_AT_ONCE",
    "RECIPIENTS_WITHIN_S",
    "RULES",
    "RULE_VERSION",
    "SOON_AFTER_DELIVERY_S",
    "SOON_SKEW_S",
    "Allowed",
    "Network",
    "Rule",
    "agent_reasons",
    "classify",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Grows with every change of the rules or of what they look at; each event keeps the one that classified it.
RULE_VERSION = 1

#: Opens of half of all scanners come within 9 seconds of the delivery, of 84 % within 20. Nobody reads, decides and
#: follows a link within 5; products that were looked at draw that line between 2 and 7.
SOON_AFTER_DELIVERY_S = {"opened": 20, "clicked": 5}

#: A delivery may be dated after what follows it, by clocks that are not the same or tell whole seconds only.
SOON_SKEW_S = 2

#: So many different links of one message, followed by its recipient within so many seconds, were followed at once.
LINKS_AT_ONCE = 3
LINKS_WITHIN_S = 2

#: How far from a click on a hidden link others are the same machine's.
NEAR_HIDDEN_S = 20

#: Clicks of more recipients than this from one address within so many seconds are a gateway's; an office that shares
#: one has so many readers, but not at once.
RECIPIENTS_AT_ONCE = 10
RECIPIENTS_WITHIN_S = 10

#: Types that a request of the recipient's own program causes. Others are told by who sends the events; whatever
#: program did that, they are human.
CLASSIFIED = frozenset(
    {"impression", "dismissed", "opened", "clicked", "unsubscribed", "complained", "converted", "watched"}
    | BEHAVIOURS
    | REACTIONS
)

#: Reasons that the user agent and the allow list alone decide: they are found anew whenever an event is looked at.
ONLINE_REASONS = frozenset(
    {
        *("allowed", "mail_proxy", "link_preview", "known_scanner", "known_bot", "http_client", "headless_browser"),
        *("no_agent", "bare_agent"),
    }
)

#: What is done with a message. Apps talk to servers by the same libraries as scripts do, so that one of those is at
#: work says something about these only.
_OF_MESSAGES = frozenset({"opened", "clicked", "unsubscribed", "complained"})


#: User agents of which a workspace remembers whether they are on its list.
_AGENTS_KEPT = 512


@dataclass(frozen=True)
class Rule:
    """An event that has all the reasons `given` (and is of one of `types`, where they matter) is of class `then`."""

    given: frozenset[Reason]
    then: Traffic
    types: frozenset[str] = CLASSIFIED


def _rule(then: Traffic, *given: Reason, types: Collection[str] = CLASSIFIED) -> Rule:
    return Rule(frozenset(given), then, frozenset(types))


#: The first rule that fits decides; an event that none fits is human.
RULES: tuple[Rule, ...] = (
    # Asks what is there without wanting it, so it is nobody's open or click, even from a friendly network.
    _rule("prefetch", "head_request"),
    _rule("human", "allowed"),
    _rule("prefetch", "prefetch_header"),
    _rule("scanner", "hidden_link"),
    # What a mailbox's proxy fetches is shown to whoever reads there.
    _rule("proxy", "mail_proxy"),
    _rule("preview", "link_preview"),
    _rule("scanner", "known_scanner"),
    _rule("bot", "known_bot"),
    _rule("bot", "headless_browser"),
    _rule("bot", "http_client", types=_OF_MESSAGES),
    # Bursts, whatever the program calls itself.
    _rule("scanner", "near_hidden_link"),
    _rule("scanner", "many_links_at_once"),
    _rule("scanner", "many_recipients_at_once"),
    # Too soon to be a person's click. An open may well be: a mail program that is open shows what comes in. So it
    # takes a program that hides what it is beside it, and that alone says nothing either.
    _rule("scanner", "soon_after_delivery", types={"clicked"}),
    _rule("prefetch", "soon_after_delivery", "bare_agent", types={"opened"}),
    _rule("prefetch", "soon_after_delivery", "no_agent", types={"opened"}),
)


@lru_cache(maxsize=4096)
def _classified(type: str, reasons: frozenset[str]) -> Traffic:
    for rule in RULES:
        if rule.given <= reasons and type in rule.types:
            return rule.then
    return "human"


def classify(type: str, reasons: Iterable[str]) -> Traffic:
    """The class of an event by its reasons alone. Not for one that has `said`: its class is what the sender said."""
    return _classified(type, frozenset(reasons))


class Allowed:
    """A workspace's allow lists: parts of user agents, in any case, and networks of addresses."""

    def __init__(self, agents: tuple[str, ...], networks: tuple[str, ...]) -> None:
        self._agents = tuple(agent.casefold() for agent in agents if agent)
        self._covers_agent = lru_cache(maxsize=_AGENTS_KEPT)(self._has_agent)
        #: By version and length of the prefix, the numbers that prefixes are: few lengths are ever used.
        self._networks: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            # They were checked when they were set; here, what is no network is nobody's.
            with contextlib.suppress(InvalidInput):
                found = network_of(text)
                shift = found.max_prefixlen - found.prefixlen
                self._networks.setdefault((found.version, shift), set()).add(int(found.network_address) >> shift)

    @staticmethod
    @lru_cache(maxsize=256)
    def of(agents: tuple[str, ...], networks: tuple[str, ...]) -> Allowed:
        """The lists of a workspace, taken apart once."""
        return Allowed(agents, networks)

    def __bool__(self) -> bool:
        return bool(self._agents or self._networks)

    def covers(self, user_agent: str, ip: str) -> bool:
        """Whether a request is on one of the lists."""
        if self._agents and self._covers_agent(user_agent):
            return True
        return bool(self._networks) and self._covers_address(ip)

    def _has_agent(self, user_agent: str) -> bool:
        folded = user_agent.casefold()
        return any(agent in folded for agent in self._agents)

    def _covers_address(self, ip: str) -> bool:
        found = address_of(ip)
        if found is None:
            return False
        number = int(found)
        return any(
            version == found.version and number >> shift in prefixes
            for (version, shift), prefixes in self._networks.items()
        )


def network_of(text: str) -> Network:
    """A network in CIDR notation, or one address. InvalidInput if it is neither."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidInput(
            f"'{text[:100]}' is no network", field="allow_networks", hint="e.g. 203.0.113.0/24 or 2001:db8::/32"
        ) from None
