"""Every provider by the name that it has in an address."""

from __future__ import annotations

from turnout.capture.webhooks import postmark, sendgrid
from turnout.capture.webhooks.contract import Provider

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        postmark.PROVIDER,
        sendgrid.PROVIDER,
    )
}
