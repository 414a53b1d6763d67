"""The made-up recipients of the sample.

A seeded random source enters; `Person`s leave, with an address at one of several mailbox domains and a
country, device and browser that fit together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_GIVEN = (
    "anna lena mia emma clara nora ida jana marie chloe sofia lucia elena olga ines "
    "jonas felix lukas paul emil leon hugo louis mateo diego marco luca oliver james noah"
).split()
_FAMILY = (
    "weber schmidt fischer wagner keller vogel brandt lang moreau bernard petit garcia lopez "
    "rossi bianchi novak kowalska nilsson berg jansen smith taylor brown miller davis wilson"
).split()

#: Country, its weight, and how many hours its clocks are ahead of UTC.
_COUNTRIES = (
    ("DE", 38, 1),
    ("FR", 14, 1),
    ("AT", 8, 1),
    ("CH", 6, 1),
    ("ES", 7, 1),
    ("GB", 9, 0),
    ("US", 18, -5),
)

#: The domain of a mailbox and its weight.
_DOMAINS = (
    ("gmail.com", 32),
    ("yahoo.com", 9),
    ("outlook.com", 15),
    ("icloud.com", 14),
    ("example.com", 12),
    ("post.example", 10),
    ("buero-weiss.example", 8),
)

#: Companies whose gateway follows every link before it lets a message through.
SCANNED_DOMAINS = frozenset({"buero-weiss.example"})

_PHONES = {"ios": ("iPhone", "Mobile Safari"), "android": ("Pixel 9", "Chrome Mobile")}
_SCREENS = (
    ("Mac", "Safari"),
    ("Windows PC", "Chrome"),
    ("Windows PC", "Edge"),
    ("Linux PC", "Firefox"),
    ("", ""),
)


@dataclass(frozen=True)
class Person:
    """One recipient. `device` and `browser` are what mail is read with, `phone` is the app's platform."""

    email: str
    country: str
    utc_offset_h: int
    device: str
    browser: str
    phone: str

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]

    @property
    def currency(self) -> str:
        return "USD" if self.country == "US" else "EUR"

    @property
    def client(self) -> dict[str, str]:
        """The fields of an event that say where and with what it was done, without the unknown ones."""
        said = {"country": self.country, "device": self.device, "browser": self.browser}
        return {name: value for name, value in said.items() if value}

    @property
    def on_phone(self) -> dict[str, str]:
        """The same for what is done in the app or on a text message's link."""
        device, browser = _PHONES[self.phone]
        return {"country": self.country, "device": device, "browser": browser}


def people(rng: random.Random, count: int) -> tuple[Person, ...]:
    """`count` recipients, no two with one address."""
    countries = [(country, offset_h) for country, _, offset_h in _COUNTRIES]
    country_weights = [weight for _, weight, _ in _COUNTRIES]
    domains = [domain for domain, _ in _DOMAINS]
    domain_weights = [weight for _, weight in _DOMAINS]
    made = []
    for number in range(count):
        country, offset_h = rng.choices(countries, country_weights)[0]
        domain = rng.choices(domains, domain_weights)[0]
        phone = "ios" if domain == "icloud.com" or rng.random() < 0.45 else "android"
        device, browser = _PHONES[phone] if rng.random() < 0.55 else rng.choice(_SCREENS)
        # The number keeps addresses apart: the names alone would repeat.
        address = f"{rng.choice(_GIVEN)}.{rng.choice(_FAMILY)}{number + 1000}@{domain}"
        made.append(Person(address, country, offset_h, device, browser, phone))
    return tuple(made)
