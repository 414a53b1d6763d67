"""A topic of SNS that tests publish by: envelopes signed with a certificate of its own, and the SNS that serves it."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from tests.capture.webhooks.deliveries import NOW

ARN = "arn:aws:sns:us-east-1:123456789012:MyTopic"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
SUBSCRIBE_URL = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37"

_DAY = dt.timedelta(days=1)


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """The topic's key; making one takes a while."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@functools.cache
def certificate(
    name: str = "sns.amazonaws.com", start: dt.datetime = NOW - _DAY, end: dt.datetime = NOW + _DAY, host: str = ""
) -> bytes:
    """A certificate of that key for a name, as PEM; with `host`, one that a server on that host can show."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if host:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def published(message: Any, version: str = "1", **fields: Any) -> dict[str, Any]:
    """A signed notification. What is no text is published as JSON; `fields` are signed, too, None leaves one out."""
    told = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": ARN,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%S.655Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={ARN}:c9135db0",
    } | fields
    return signed({name: value for name, value in told.items() if value is not None})


def subscription(kind: str = "SubscriptionConfirmation", **fields: Any) -> dict[str, Any]:
    """A signed confirmation."""
    message = f"You have chosen to subscribe to the topic {ARN}.\nTo confirm, visit the SubscribeURL."
    more = {"Token": "2336412f37", "SubscribeURL": SUBSCRIBE_URL, "Subject": None}
    return published(message, Type=kind, **(more | fields))


def signed(told: dict[str, Any]) -> dict[str, Any]:
    """The same with a right signature, as docs.aws.amazon.com/sns says one is made."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    lines = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    algorithm = hashes.SHA1() if told["SignatureVersion"] == "1" else hashes.SHA256()
    signature = key().sign(lines.encode(), PKCS1v15(), algorithm)
    return told | {"Signature": base64.b64encode(signature).decode()}


class Sns:
    """What is asked of it, and what it answers: its certificate, and 200 to a subscription."""

    def __init__(self, status: int = 200, body: bytes | None = None) -> None:
        self.asked: list[str] = []
        self._status = status
        self._body = body

    def __call__(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        return self._status, certificate() if self._body is None else self._body
