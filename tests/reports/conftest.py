"""A mail server on a real socket, that keeps what it takes and refuses what it is told to."""

from __future__ import annotations

import email
import email.policy
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from turnout.settings import Settings


@dataclass
class Postbox:
    """What came, and what is answered to whom; `answers` are by the address, or for the whole message by `DATA`, or
    at parting by `QUIT`."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 kept"

    async def handle_QUIT(self, server, session, envelope):  # noqa: N802
        return self.answers.get("QUIT", "221 bye")

    def authenticate(self, server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        is_right = data.password == b"s3cr:t/@"
        return AuthResult(success=is_right, handled=is_right)

    def settings(self, url: str = "smtp://127.0.0.1:{port}?tls=none", **more: Any) -> Settings:
        """Settings that send here."""
        return Settings(
            smtp_url=url.format(port=self.port), smtp_from="Türnout <reports@example.com>", smtp_timeout_s=5, **more
        )


# What the server says while it is stopped would be written to a stream that pytest has closed.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@pytest.fixture
def postbox() -> Iterator[Callable[..., Postbox]]:
    """Starts mail servers: `postbox()`, with aiosmtpd's options of an SMTP server."""
    controllers = []

    def start(**options: Any) -> Postbox:
        kept = Postbox()
        if options.pop("asks", False):
            options |= {"authenticator": kept.authenticate, "auth_required": options.get("auth_require_tls", True)}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            kept.port = probe.getsockname()[1]
        controller = Controller(kept, hostname="127.0.0.1", port=kept.port, **options)
        controller.start()
        controllers.append(controller)
        return kept

    yield start
    for controller in controllers:
        controller.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost that nobody else trusts, with its key."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "localhost.pem"
    plain = serialization.NoEncryption()
    encoding = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(encoding)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
