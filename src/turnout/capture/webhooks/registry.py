"""Every provider by the name that it has in an address."""

from __future__ import annotations

from turnout.capture.webhooks import (
    batch_export,
    brevo,
    cloudevents,
    currents,
    mailgun,
    postmark,
    resend,
    segment,
    sendgrid,
    ses,
    sparkpost,
    twilio,
    whatsapp,
)
from turnout.capture.webhooks.contract import Provider

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        batch_export.PROVIDER,
        brevo.PROVIDER,
        cloudevents.PROVIDER,
        currents.PROVIDER,
        mailgun.PROVIDER,
        postmark.PROVIDER,
        resend.PROVIDER,
        segment.PROVIDER,
        sendgrid.PROVIDER,
        ses.PROVIDER,
        sparkpost.PROVIDER,
        twilio.PROVIDER,
        whatsapp.PROVIDER,
    )
}
