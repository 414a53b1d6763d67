"""Reports as mail: a message of reports, and the way to a mail server.

Settings and reports enter; a message leaves, by SMTP. The password is never in a message, an error or the log.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from turnout.errors import InvalidInput
from turnout.reports.schedule import is_address
from turnout.settings import Settings

Tls = Literal["starttls", "tls", "none"]

#: Of a server's own words in an error.
_WORDS_LIMIT_CHARS = 200

#: Of what somebody named a campaign, in a subject.
_SUBJECT_LIMIT_CHARS = 150


class NotSent(Exception):
    """The mail server took nothing. `is_final`: asking again won't help."""

    def __init__(self, words: str, *, is_final: bool) -> None:
        super().__init__(words)
        self.words = words
        self.is_final = is_final


@dataclass(frozen=True)
class MailServer:
    """Where mail goes out, and from whom."""

    host: str
    port: int
    tls: Tls
    user: str
    password: str = field(repr=False)
    sender_name: str
    sender: str
    timeout_s: int


@dataclass(frozen=True)
class Attachment:
    """A file of a mail."""

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Letter:
    """A mail before it has a sender: `pictures` are PNGs by their Content-ID, which `html` shows as `cid:ID`."""

    subject: str
    text: str
    html: str
    pictures: dict[str, bytes] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()


def server_of(settings: Settings) -> MailServer | None:
    """The mail server of the settings; None if there is none. InvalidInput says what is wrong with them."""
    if not settings.smtp_url:
        return None
    name, sender = parseaddr(settings.smtp_from)
    if not is_address(sender) or not settings.smtp_from.isprintable():
        hint = "e.g. 'Turnout <reports@example.com>'"
        raise InvalidInput("TURNOUT_SMTP_FROM must be an e-mail address", field="TURNOUT_SMTP_FROM", hint=hint)
    hint = "write smtp://user:password@host:587?tls=starttls (or tls, or none)"
    # The text itself is not repeated: it has the password.
    wrong = InvalidInput("TURNOUT_SMTP_URL can't be understood", field="TURNOUT_SMTP_URL", hint=hint)
    try:
        parts = urlsplit(settings.smtp_url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise wrong from None
    query = parse_qs(parts.query)
    said = query.pop("tls", ["tls" if port == 465 else "starttls"])[-1]
    tls = next((known for known in _PORTS if known == said), None)
    if parts.scheme != "smtp" or not host or query or parts.path not in ("", "/") or tls is None:
        raise wrong
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        words = "user and password in TURNOUT_SMTP_URL must be of ASCII characters: no others can be sent"
        raise InvalidInput(words, field="TURNOUT_SMTP_URL")
    return MailServer(
        host=host,
        port=port or _PORTS[tls],
        tls=tls,
        user=user,
        password=password,
        sender_name="".join(character for character in name if character.isprintable()),
        sender=sender,
        timeout_s=settings.smtp_timeout_s,
    )


_PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}


def message(server: MailServer, letter: Letter, to: Sequence[str], name: str, now: datetime) -> EmailMessage:
    """The message as it is sent. `name` makes its Message-ID: what is sent again is known as the same."""
    made = EmailMessage()
    made["From"] = Address(server.sender_name, addr_spec=server.sender)
    made["To"] = [Address(addr_spec=one) for one in to]
    made["Subject"] = one_line(letter.subject)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{name}@{server.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(letter.text)
    made.add_alternative(letter.html, subtype="html")
    body = made.get_payload()[1]  # type: ignore[index]
    assert isinstance(body, EmailMessage)
    for cid, picture in letter.pictures.items():
        body.add_related(picture, "image", "png", cid=f"<{cid}>", disposition="inline", filename=f"{cid}.png")
    for one in letter.attachments:
        kind, _, subtype = one.media_type.partition("/")
        made.add_attachment(one.body, kind, subtype, filename=one.name)
    return made


def send(server: MailServer, made: EmailMessage, to: Sequence[str]) -> dict[str, str]:
    """Give a message to the server. Addresses that it refused, with its words, leave; NotSent if it took it for nobody.

    Blocks, each step at most `timeout_s`.
    """
    try:
        connection = _connected(server)
        try:
            refused = connection.send_message(made, server.sender, list(to))
        finally:
            # Whatever it says at parting: it has taken the message by now, or has not.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()
    except smtplib.SMTPRecipientsRefused as error:
        words = {address: _said(code, text) for address, (code, text) in error.recipients.items()}
        is_final = all(500 <= code < 600 for code, _ in error.recipients.values())
        told = "; ".join(f"{address}: {said}" for address, said in words.items())
        raise NotSent(f"the mail server refused every address: {told}", is_final=is_final) from None
    except smtplib.SMTPResponseException as error:
        is_final = 500 <= error.smtp_code < 600
        raise NotSent(
            f"the mail server refused: {_said(error.smtp_code, error.smtp_error)}", is_final=is_final
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(f"the mail server can't do what is needed: {_shortened(str(error))}", is_final=True) from None
    except ssl.SSLCertVerificationError as error:
        told = _shortened(error.verify_message)
        raise NotSent(f"the mail server's certificate is not trusted: {told}", is_final=False) from None
    except (smtplib.SMTPException, OSError) as error:
        why = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
        raise NotSent(f"the mail server could not be reached: {_shortened(str(why))}", is_final=False) from None
    return {address: _said(code, text) for address, (code, text) in refused.items()}


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    # Left to itself it looks up this machine's name, which takes long where nobody knows it.
    here = server.sender.rpartition("@")[2]
    if server.tls == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, here, timeout=server.timeout_s, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, here, timeout=server.timeout_s)
    try:
        if server.tls == "starttls":
            # Raises where the server has none: nothing is ever said in the clear that was meant to be secret.
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def one_line(text: str) -> str:
    """A text as a header bears it: no line ends, no controls, not endless."""
    clean = "".join(character if character.isprintable() else " " for character in text).strip()
    return clean if len(clean) <= _SUBJECT_LIMIT_CHARS else f"{clean[: _SUBJECT_LIMIT_CHARS - 1]}…"


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return _shortened(f"{code} {words}")


def _shortened(text: str) -> str:
    return one_line(" ".join(text.split()))[:_WORDS_LIMIT_CHARS]
