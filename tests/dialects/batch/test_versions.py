"""Which variation is which version."""

from __future__ import annotations

import pytest

from turnout.dialects.batch.versions import versions
from turnout.model import Variation


def arms(*names: str) -> list[Variation]:
    """Variations by `id`, `id:name`, or `!id` for a control group."""
    found = []
    for word in names:
        one, _, name = word.removeprefix("!").partition(":")
        found.append(Variation(id=one, name=name, control=word.startswith("!")))
    return found


@pytest.mark.parametrize(
    ("variations", "letters"),
    [
        ((), {}),
        (("a",), {}),
        (("x", "!control"), {}),
        (("!a", "!b"), {}),
        (("a", "b"), {"a": "a", "b": "b"}),
        (("b", "a"), {"a": "a", "b": "b"}),
        (("B", "A"), {"A": "a", "B": "b"}),
        (("y", "x"), {"y": "a", "x": "b"}),
        (("1:B", "2:A"), {"2": "a", "1": "b"}),
        (("x", "a"), {"a": "a", "x": "b"}),
        (("b", "c"), {"c": "a", "b": "b"}),
        (("!control", "x", "y"), {"x": "a", "y": "b"}),
        (("A", "a"), {"A": "a", "a": "b"}),
        (("x", "c", "y"), {"x": "a", "y": "b", "c": "c"}),
        (("x", "ab", "z"), {"x": "a", "ab": "b", "z": "c"}),
    ],
)
def test_letters(variations: tuple[str, ...], letters: dict[str, str]) -> None:
    found = versions(arms(*variations))
    assert list(found.items()) == list(letters.items())


def test_there_are_twenty_six_letters() -> None:
    found = versions(arms(*(f"v{number}" for number in range(30))))
    assert list(found.values()) == list("abcdefghijklmnopqrstuvwxyz")
    assert list(found) == [f"v{number}" for number in range(26)]
