"""Amazon SNS: the envelope that Amazon's services notify by over HTTP, its signature, and the subscription to a topic.

The body of a request enters. An `Envelope` leaves, whose signature is right: made by a certificate that SNS itself
serves. A subscription is confirmed by asking SNS at the address in the envelope.

What is trusted: the certificate comes by TLS from a host of SNS (`sns.<region>.amazonaws.com`; a bucket that somebody
called `sns` has no such name), is named for SNS, and is valid now. Amazon serves it without those above it, so the
chain is that of the TLS connection. Addresses in a body are never asked before they are known to be of SNS.

A notification keeps its time when it is sent again. SNS tries for an hour at most, and an event counts once however
often it comes, so the window is a day.

Source: docs.aws.amazon.com/sns (message formats, HTTP headers, verifying signatures, delivery retries). Not verified:
the names in the certificates of China and of other partitions, which nobody here has seen; so a region may follow `sns`
in either way that Amazon writes it.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from turnout.capture.webhooks import reading
from turnout.capture.webhooks.contract import Delivery, Unreadable
from turnout.capture.webhooks.signatures import require_fresh, unbase64
from turnout.errors import Overloaded, Unauthenticated

WINDOW_S = 86_400

#: How long SNS may take to answer, and how much of its answer is read.
FETCH_TIMEOUT_S = 5.0
FETCH_LIMIT_BYTES = 65_536

#: SNS changes its certificate about once a year, in each region.
CERTIFICATES_LIMIT = 64

#: What a request to SNS answers: its status and body.
Fetch = Callable[[str], tuple[int, bytes]]

_HOST = re.compile(r"sns\.[a-z]{2,5}(-[a-z]{2,12}){1,2}-[0-9]{1,2}\.amazonaws\.(com|com\.cn|eu)")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,128}\.pem")
_NAMED_FOR = re.compile(r"sns([.-][a-z0-9-]{1,32})?\.amazonaws\.(com|com\.cn|eu)")

#: What is signed, in this order; a Subject only where there is one.
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


@dataclass(frozen=True)
class Envelope:
    """What SNS wraps a message in: its kind (see `_SIGNED`), the topic, the message, and every field as it came."""

    kind: str
    topic: str
    message: str
    fields: dict[str, str]


def envelope(body: bytes) -> Envelope | None:
    """The envelope that a body is, or None: with raw delivery the message comes without one."""
    told = reading.decoded(body)
    if not isinstance(told, dict) or "TopicArn" not in told or reading.text(told.get("Type")) not in _SIGNED:
        return None
    fields = {name: value for name, value in told.items() if isinstance(value, str)}
    return Envelope(fields["Type"].strip(), fields.get("TopicArn", ""), fields.get("Message", ""), fields)


def fetch(url: str) -> tuple[int, bytes]:
    """Ask SNS: no redirects, a bounded answer, a bounded time. Raises Overloaded where there is no answer."""
    deadline = time.monotonic() + FETCH_TIMEOUT_S
    answer = b""
    try:
        with (
            httpx.Client(timeout=FETCH_TIMEOUT_S, follow_redirects=False) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            for piece in response.iter_raw():
                answer += piece
                if len(answer) > FETCH_LIMIT_BYTES or time.monotonic() > deadline:
                    raise Overloaded("SNS answers too slowly, or too much", retry_after_s=20)
            return response.status_code, answer
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise Overloaded("SNS can't be asked for its certificate", retry_after_s=20) from problem


class Certificates:
    """The keys of the certificates that SNS signs with, by their addresses; asked for once."""

    def __init__(self, fetch: Fetch, limit: int = CERTIFICATES_LIMIT) -> None:
        self._fetch = fetch
        self._limit = limit
        self._known: OrderedDict[str, x509.Certificate] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, url: str, now: dt.datetime) -> RSAPublicKey:
        """The key of the certificate at this address. Unauthenticated unless it is one of SNS's and valid now."""
        if not _is_certificate(url):
            raise Unauthenticated("SigningCertURL is no address of an SNS certificate")
        # One asks, and the others wait for what it learns.
        if not self._lock.acquire(timeout=FETCH_TIMEOUT_S):
            raise Overloaded("SNS is being asked for its certificate", retry_after_s=20)
        try:
            certificate = self._known.get(url) or self._ask(url)
            key = _key(certificate, now)
            self._known[url] = certificate
            self._known.move_to_end(url)
            if len(self._known) > self._limit:
                self._known.popitem(last=False)
        finally:
            self._lock.release()
        return key

    def _ask(self, url: str) -> x509.Certificate:
        status, body = self._fetch(url)
        if status >= 500 or status == 429:
            raise Overloaded("SNS does not give its certificate now", retry_after_s=20)
        if status != 200:
            raise Unauthenticated("SNS has no certificate at SigningCertURL")
        try:
            return x509.load_pem_x509_certificate(body)
        except ValueError:
            raise Unauthenticated("what is at SigningCertURL is no certificate") from None


def _key(certificate: x509.Certificate, now: dt.datetime) -> RSAPublicKey:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Unauthenticated("the certificate of the signature is not valid now")
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    key = certificate.public_key()
    if not any(_NAMED_FOR.fullmatch(name) for name in names) or not isinstance(key, RSAPublicKey):
        raise Unauthenticated("the certificate of the signature is not one of SNS")
    return key


def verify(delivery: Delivery, certificates: Certificates) -> Envelope | None:
    """The envelope of a request, if SNS signed it and lately; None if the body has none. Raises Unauthenticated."""
    try:
        told = envelope(delivery.body)
    except Unreadable as problem:
        raise Unauthenticated("the body carries no signature: it is not JSON") from problem
    if told is None:
        return None
    if delivery.headers.get("x-amz-sns-message-type", told.kind) != told.kind:
        raise Unauthenticated("x-amz-sns-message-type is not the type of the body")
    algorithm = _HASHES.get(told.fields.get("SignatureVersion", ""))
    if algorithm is None:
        raise Unauthenticated("the version of the signature is unknown")
    signature = unbase64(told.fields.get("Signature", ""))
    message = _to_sign(told).encode("utf-8", "surrogatepass")
    _require_lately(told, delivery)
    key = certificates.key(told.fields.get("SigningCertURL", ""), delivery.now)
    try:
        key.verify(signature, message, PKCS1v15(), algorithm())
    except InvalidSignature:
        raise Unauthenticated("the signature is not right") from None
    return told


def _to_sign(told: Envelope) -> str:
    lines = []
    for name in _SIGNED[told.kind]:
        if name in told.fields:
            lines += [name, told.fields[name]]
        elif name != "Subject":
            raise Unauthenticated(f"the body has no {name}")
    return "\n".join([*lines, ""])


def _require_lately(told: Envelope, delivery: Delivery) -> None:
    try:
        at = reading.moment(told.fields["Timestamp"], "Timestamp")
    except reading.Unclear as unclear:
        raise Unauthenticated(str(unclear)) from None
    require_fresh(at.timestamp(), delivery, WINDOW_S)


def subscribe(told: Envelope, fetch: Fetch) -> None:
    """Confirm a subscription. Unreadable where SNS does not let it be confirmed, Overloaded where it may later."""
    url = told.fields.get("SubscribeURL", "")
    if not _is_confirmation(url, told.topic):
        raise Unreadable("SubscribeURL is no address at which SNS confirms a subscription to this topic")
    status, _ = fetch(url)
    if status >= 500 or status == 429:
        raise Overloaded("SNS does not confirm the subscription now", retry_after_s=20)
    if status != 200:
        raise Unreadable(f"SNS did not confirm the subscription (status {status}); its token is good for three days")


def _is_certificate(url: str) -> bool:
    path, query = _at_sns(url)
    return bool(_CERTIFICATE_PATH.fullmatch(path)) and not query


def _is_confirmation(url: str, topic: str) -> bool:
    path, query = _at_sns(url)
    try:
        asked = parse_qs(query, max_num_fields=10)
    except ValueError:
        return False
    return path == "/" and asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]


def _at_sns(url: str) -> tuple[str, str]:
    """Path and query of an address of SNS, empty for any other: no port, no user, nothing but https."""
    # What a client may read otherwise than we do is none.
    if len(url) > 2_048 or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return "", ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc) or parts.fragment:
        return "", ""
    return parts.path, parts.query
