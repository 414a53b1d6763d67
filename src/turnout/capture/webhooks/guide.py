"""The guide to webhooks, from the providers themselves: what each file says it is becomes its section.

Nothing enters; Markdown leaves. `python -m turnout.capture.webhooks.guide > docs/webhooks.md` renews the page, and a
test fails where that was forgotten.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType

from turnout.capture.webhooks.receiver import LETTER_LIMIT_BYTES, LETTERS_LIMIT
from turnout.capture.webhooks.registry import FILES
from turnout.store.deliveries import RECENT_LIMIT, WRITE_DELAY_S

_BEGINNING = """\
# Webhooks

<!-- Made by `python -m turnout.capture.webhooks.guide > docs/webhooks.md`; a test fails when it is stale. -->

What a provider knows of your messages comes in by its webhooks, with no code of yours: make a hook, paste its address
at the provider, and its events are counted.

```
$ turnout hooks add postmark --secret-file secret.txt --campaign welcome
hook c5932f7def53 of postmark (its requests are checked), its address shown once:
https://turnout.example.com/hooks/postmark/hk_…

In Postmark, under your server's message stream > Webhooks, add a webhook with this address …
```

`turnout hooks list` shows the hooks there are and `turnout hooks revoke ID` ends one; `/v1/hooks` does the same over
HTTP. The address begins with `TURNOUT_PUBLIC_URL`. Set that, since providers call from outside, and some sign the
address that they called.

## Who may call

The token in the address is long and random, and only its hash is kept: who does not know it gets 404. With a secret
(`--secret-file`, `-` is stdin) a request must prove, too, that it is the provider's: by a signature over its body where
the provider signs, else by the credentials that you set there. A request that proves nothing gets 401 and leaves
nothing. A secret has to be kept as it is, to check signatures with; it is never shown or logged, and removing the hook
forgets it. Give one wherever the provider can prove anything.

An API key with the scope `ingest` works in the token's place: `/hooks/{provider}/{key}` needs no hook. It is for
trying things out. Nothing is checked then but the key, it stands in an address that a provider keeps in its own logs,
and it can send any other event, too; a hook's token can't.

What is signed with a time is refused when it is five minutes old; where a provider repeats for longer without signing
anew, its section says so. A repetition changes nothing anyway: events are known by what they say.

## Whose an event is

The campaign that the event itself names, as its provider's section says; else `?campaign=` of the address (so one hook
serves several campaigns); else the hook's `--campaign`; else a campaign called like the provider. What recipients do of
their own accord (`performed`, `purchased`, `app_opened`) is of no campaign unless it says so. The recipient is the
address or id as the provider gives it. `properties` keep the provider, its word for the event, its ids and what the
other mail server answered.

## What is counted, and how often

The answer is `{"accepted":N,"duplicates":N,"ignored":N,"quarantined":N}`, and comes when all of it is on disk. What is
`ignored` is understood and has no statistic. Where anything is not on disk, the answer is 503 with Retry-After, and
the provider tries again. Providers repeat what they have told, in other groupings and with other ids. An event's
identity is what it says (which message, who, what, when, which link), so it counts once.

## What came lately

`turnout hooks list` says when each hook was called last and how many events came of it; `turnout hooks deliveries ID`
shows its last {recent} requests: when, the status of the answer, what became of the events, and why one was refused.
The dashboard shows the same under Settings, Webhooks, and so does `GET /v1/hooks`. What a request said is not kept. The
list is in memory and written within {delay} seconds, so a server that is killed may forget its last lines; never an
event.

## Dead letters

What is not understood is not refused, since providers give a hook up that answers with errors. It is answered with 200,
counted as `quarantined`, and kept with the reason:

```
turnout deadletters list
turnout deadletters show ID
turnout deadletters replay --all
turnout deadletters delete --reason 'unknown event'
```

`replay` parses letters again, after an upgrade or when the clock or an option of the hook was wrong, and marks those
that are understood; their events count as if they had been understood at once, and never twice. The same thing told
again is one letter. The good events of a body are counted whatever else is in it: of up to {letters} bad parts each is
a letter, and more are one letter with the whole body. A part over {size} that is not understood is refused (413).

A workspace keeps up to `TURNOUT_DEAD_LETTER_LIMIT_ROWS` letters and `TURNOUT_DEAD_LETTER_LIMIT_BYTES` of them, for
`TURNOUT_DEAD_LETTER_AGE_LIMIT_DAYS` days. Past that the oldest go, with a line in the log and in
`turnout_deadletters_dropped_total`: a provider's new kind of event must not stop those that are understood.
"""


def page() -> str:
    """The whole page."""
    figures = {
        "letters": f"{LETTERS_LIMIT:,}",
        "size": f"{LETTER_LIMIT_BYTES // 1024**2} MiB",
        "recent": str(RECENT_LIMIT),
        "delay": f"{WRITE_DELAY_S:.0f}",
    }
    beginning = _BEGINNING
    for name, value in figures.items():
        beginning = beginning.replace(f"{{{name}}}", value)
    lines = [beginning, "## Providers", ""]
    files = sorted(FILES, key=lambda file: file.PROVIDER.title.lower())
    lines += [f"- {file.PROVIDER.title}: `{file.PROVIDER.name}`" for file in files]
    for file in files:
        lines += ["", *_section(file)]
    return "\n".join(lines) + "\n"


def _section(file: ModuleType) -> Iterator[str]:
    provider = file.PROVIDER
    yield f"## {provider.title}"
    yield ""
    words = f"`turnout hooks add {provider.name}`. {provider.setup}"
    yield textwrap.fill(words, 120, break_long_words=False, break_on_hyphens=False)
    if provider.options:
        yield ""
        yield "| option | |"
        yield "|---|---|"
        for name, words in provider.options.items():
            yield f"| `{name}` | {words.replace('|', chr(92) + '|')} |"
    yield ""
    yield inspect.cleandoc(file.__doc__ or "")


if __name__ == "__main__":
    sys.stdout.write(page())
