"""What is written into the forms of the settings: the fields of a form enter, the shapes of `administration` leave.

What they mean is checked there; what is wrong with them is said here in the words of the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import msgspec

from turnout.administration import HookFields, KeyFields, WorkspaceFields
from turnout.errors import InvalidInput

S = TypeVar("S", bound=msgspec.Struct)

#: A span of time in the form: a number of one of these.
UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}

#: What the form calls the fields.
LABELS = {
    "name": "Name",
    "timezone": "Time zone",
    "influence_window_s": "Influence window",
    "dormant_s": "Dormant after",
    "live_tokens": "Viewers of shows",
    "addresses": "Addresses",
    "allow_agents": "Allowed user agents",
    "allow_networks": "Allowed networks",
    "retention_days": "Days",
    "scopes": "Scopes",
    "secret": "Secret",
    "campaign": "Campaign",
    "options": "Options",
    "provider": "Provider",
}

_NUMBER = re.compile(r"[0-9]{1,12}")
#: What is wrong with a shape, in other words than a programmer's.
_WRONG = (
    (r"^Expected `str` of length <= (\d+)$", r"at most \1 characters"),
    (r"^Expected `array` of length <= (\d+)$", r"at most \1 of them"),
    (r"^Invalid enum value (.*)$", r"there is no \1"),
)

_DOTTED = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True)
class Form:
    """What was sent; nothing of a form that is shown for the first time."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def text(self, name: str, otherwise: str = "") -> str:
        """One field, without the space around it."""
        found = self.fields.get(name)
        return found[0].strip() if found else otherwise

    def ticked(self, name: str, value: str, otherwise: bool = False) -> bool:
        """Whether a box is ticked; `otherwise` says it of a form that nobody has sent."""
        return value in self.fields.get(name, []) if self.fields else otherwise

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines of a field, without empty ones and repetitions, in their order."""
        return tuple(dict.fromkeys(line.strip() for line in self.text(name).splitlines() if line.strip()))


def workspace(form: Form) -> WorkspaceFields:
    """The workspace's own section."""
    name = form.text("name")
    if not name:
        raise InvalidInput("Name: a workspace needs one", field="name")
    return _shape(
        WorkspaceFields,
        {
            "name": name,
            "timezone": form.text("timezone"),
            "influence_window_s": _span(form, "influence_window_s"),
            "dormant_s": _span(form, "dormant_s"),
            "live_tokens": form.text("live_tokens"),
        },
    )


def traffic(form: Form) -> WorkspaceFields:
    """What is kept of addresses, and who is human whatever the rules find."""
    return _shape(
        WorkspaceFields,
        {
            "addresses": form.text("addresses"),
            "allow_agents": form.lines("allow_agents"),
            "allow_networks": form.lines("allow_networks"),
        },
    )


def privacy(form: Form) -> WorkspaceFields:
    """How long what is personal stays."""
    return _shape(WorkspaceFields, {"retention_days": _number(form, "retention_days")})


def key(form: Form) -> KeyFields:
    """A new key: boxes for the scopes, and words of single APIs' permissions."""
    scopes = (*form.fields.get("scopes", []), *re.split(r"[\s,]+", form.text("permissions")))
    wanted = tuple(dict.fromkeys(scope for scope in scopes if scope))
    # An API's caller who names none gets all; who looks at boxes and ticks none has forgotten it.
    if not wanted:
        raise InvalidInput("Scopes: say what the key may do", field="scopes")
    for word in wanted:
        if "." in word and not _DOTTED.fullmatch(word):
            raise InvalidInput(f"Scopes: '{word[:100]}' is no permission", field="permissions")
    return _shape(KeyFields, {"name": form.text("name"), "scopes": wanted})


def hook(form: Form) -> HookFields:
    """A new hook, with the provider's options a line each: NAME=VALUE."""
    options = {}
    for line in form.lines("options"):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise InvalidInput(f"Options: '{line[:100]}' is not NAME=VALUE", field="options")
        options[name.strip()] = value.strip()
    for field_name, values in form.fields.items():
        if field_name.startswith("option.") and values[0].strip():
            options[field_name.removeprefix("option.")] = values[0].strip()
    plain = {name: form.text(name) for name in ("provider", "name", "secret", "campaign")}
    return _shape(HookFields, {**plain, "options": options})


def split(seconds: int) -> tuple[int, str]:
    """Seconds as the number of the largest unit that says them exactly: 10,800 are 3 hours."""
    unit = max((name for name in UNITS_S if seconds % UNITS_S[name] == 0), key=lambda name: UNITS_S[name])
    return seconds // UNITS_S[unit], unit


def words(seconds: int) -> str:
    """Seconds in words: 1 second, 30 days."""
    number, unit = split(seconds)
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


@cache
def bounds(name: str) -> tuple[int, int]:
    """The least and the most that a number of a workspace may be."""
    for known in msgspec.inspect.type_info(WorkspaceFields).fields:  # type: ignore[attr-defined]
        if known.name == name:
            for kind in getattr(known.type, "types", ()):
                if isinstance(kind, msgspec.inspect.IntType):
                    assert kind.ge is not None
                    assert kind.le is not None
                    return kind.ge, kind.le
    raise KeyError(name)


def _span(form: Form, name: str) -> int:
    unit = form.text(f"{name}.unit", "seconds")
    if unit not in UNITS_S:
        raise InvalidInput(f"{LABELS[name]}: there is no unit '{unit[:100]}'", field=name)
    seconds = _whole(form, name) * UNITS_S[unit]
    least, most = bounds(name)
    if not least <= seconds <= most:
        raise InvalidInput(f"{LABELS[name]}: from {words(least)} to {words(most)}", field=name)
    return seconds


def _number(form: Form, name: str) -> int:
    found = _whole(form, name)
    least, most = bounds(name)
    if not least <= found <= most:
        raise InvalidInput(f"{LABELS[name]}: from {least:,} to {most:,}", field=name)
    return found


def _whole(form: Form, name: str) -> int:
    text = form.text(name)
    if not _NUMBER.fullmatch(text):
        raise InvalidInput(f"{LABELS[name]}: a whole number is needed, not '{text[:100]}'", field=name)
    return int(text)


def _shape(kind: type[S], values: Mapping[str, Any]) -> S:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        found = re.search(r"\$\.(\w+)", path)
        name = found[1] if found else ""
        for pattern, words_of in _WRONG:
            text = re.sub(pattern, words_of, text)
        raise InvalidInput(f"{LABELS.get(name, name)}: {text}", field=name) from None
