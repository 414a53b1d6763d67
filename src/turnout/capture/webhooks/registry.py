"""Every provider by the name that it has in an address."""

from __future__ import annotations

from turnout.capture.webhooks import brevo, mailgun, postmark, resend, sendgrid, ses, sparkpost
from turnout.capture.webhooks.contract import Provider

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        brevo.PROVIDER,
        mailgun.PROVIDER,
        postmark.PROVIDER,
        resend.PROVIDER,
        sendgrid.PROVIDER,
        ses.PROVIDER,
        sparkpost.PROVIDER,
    )
}
