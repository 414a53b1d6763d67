"""Names that users gave, made fit for a sentence or a chart: on one line, short, each like no other. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

#: Letters of a name.
LIMIT_NAME = 40

_RIGHT_TO_LEFT = frozenset({"R", "AL", "RLE", "RLO", "RLI"})


def short(text: str) -> str:
    """A text on one line of at most LIMIT_NAME letters; isolated where it may run from right to left, so that what
    stands around it stays in its place."""
    line = " ".join("".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text).split())
    line = line if len(line) <= LIMIT_NAME else f"{line[: LIMIT_NAME - 1].rstrip()}…"
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return f"\u2068{line}\u2069"
    return line


def distinct(named: Iterable[Sequence[str]]) -> list[str]:
    """A short name for each, of the texts it may be called by, best first: a name that is taken gets the next text in
    brackets, or a number."""
    found: list[str] = []
    taken: set[str] = set()
    for texts in named:
        first, *more = [line for line in map(short, texts) if line] or ["?"]
        candidates = [first, *(f"{first} ({other})" for other in more if other != first)]
        candidates += [f"{first} {number}" for number in range(2, len(taken) + 3)]
        found.append(next(one for one in candidates if one not in taken))
        taken.add(found[-1])
    return found
