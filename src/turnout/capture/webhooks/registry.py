"""Every provider by the name that it has in an address."""

from __future__ import annotations

from types import ModuleType

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

#: A file a provider.
FILES: tuple[ModuleType, ...] = (
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

PROVIDERS: dict[str, Provider] = {file.PROVIDER.name: file.PROVIDER for file in FILES}
