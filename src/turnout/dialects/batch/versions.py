"""Which variation of a campaign is which version of Batch's A/B tests. Pure: variations go in, letters come out."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase

from turnout.model import Variation


def versions(variations: Iterable[Variation]) -> dict[str, str]:
    """The letter of each variation's id, in the order of the letters; empty unless it is a test of two or more.

    A variation whose id or name is one of the letters that are needed has that one; the others have what is left, in
    the order in which they are declared. A control group received nothing, so it is no version. There are 26 letters.
    """
    arms = [one for one in variations if not one.control][: len(ascii_lowercase)]
    if len(arms) < 2:
        return {}
    free = list(ascii_lowercase[: len(arms)])
    letters: dict[str, str] = {}
    for arm in arms:
        called = next((word for word in (arm.id.strip().lower(), arm.name.strip().lower()) if word in free), None)
        if called is not None:
            letters[arm.id] = called
            free.remove(called)
    for arm in arms:
        if arm.id not in letters:
            letters[arm.id] = free.pop(0)
    return dict(sorted(letters.items(), key=lambda item: item[1]))
