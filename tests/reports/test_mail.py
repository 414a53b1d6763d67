"""Mail over a real socket: what arrives, what is refused, and that no secret is ever said."""

from __future__ import annotations

import datetime as dt
import ssl

import pytest

from turnout.errors import InvalidInput
from turnout.reports import mail
from turnout.reports.mail import Attachment, Letter, NotSent
from turnout.settings import Settings

NOW = dt.datetime(2026, 10, 5, 8, 0, tzinfo=dt.UTC)
LETTER = Letter(
    subject="Frühling\r\nBcc: victim@example.com",
    text="numbers",
    html='<p>numbers</p><img src="cid:funnel">',
    pictures={"funnel": b"\x89PNG"},
    attachments=[Attachment("2026-10-05-spring-1f2e3d4c.pdf", "application/pdf", b"%PDF-1.7")],
)


def sent(settings: Settings, letter: Letter = LETTER, to: tuple[str, ...] = ("ada@example.com",)) -> dict[str, str]:
    """Send it, and return who was refused."""
    server = mail.server_of(settings)
    return mail.send(server, mail.message(server, letter, to, "turnout.a.1", NOW), to)


def test_a_mail_arrives_whole(postbox):
    box = postbox()
    assert sent(box.settings(), to=("ada@example.com", "bob@example.com")) == {}
    (message,) = box.messages
    assert box.envelopes == [("reports@example.com", ["ada@example.com", "bob@example.com"])]
    assert message["From"] == "Türnout <reports@example.com>"
    assert message["To"] == "ada@example.com, bob@example.com"
    assert message["Message-ID"] == "<turnout.a.1@example.com>"
    assert message["Date"].datetime == NOW
    assert message.get_body(("plain",)).get_content().strip() == "numbers"
    assert 'src="cid:funnel"' in message.get_body(("html",)).get_content()
    (picture,) = [part for part in message.walk() if part["Content-ID"]]
    assert (picture["Content-ID"], picture.get_content()) == ("<funnel>", b"\x89PNG")
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "2026-10-05-spring-1f2e3d4c.pdf"
    assert attached.get_content() == b"%PDF-1.7"


def test_what_somebody_wrote_is_no_header(postbox):
    box = postbox()
    sent(box.settings())
    (message,) = box.messages
    assert message["Bcc"] is None
    assert message["Subject"] == "Frühling  Bcc: victim@example.com"
    assert box.envelopes[0][1] == ["ada@example.com"]
    assert len(mail.one_line("x" * 5000)) == 150
    assert mail.one_line("a\u2028b\x00c\td") == "a b c d"


def test_it_signs_in_over_tls_that_it_trusts(postbox, tls, certificate, monkeypatch):
    box = postbox(tls_context=tls, require_starttls=True, asks=True)
    url = "smtp://us%40er:s3cr%3At%2F%40@localhost:{port}"
    with pytest.raises(NotSent, match="certificate is not trusted: self") as refused:
        sent(box.settings(url))
    assert not refused.value.is_final
    assert box.logins == []
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr("ssl.create_default_context", lambda: trusting)
    assert sent(box.settings(url)) == {}
    assert box.logins == [(b"us@er", b"s3cr:t/@")]
    assert len(box.messages) == 1
    with pytest.raises(NotSent) as wrong:
        sent(box.settings("smtp://user:wrong-password@localhost:{port}?tls=starttls"))
    assert "535" in wrong.value.words
    assert "wrong-password" not in wrong.value.words
    assert wrong.value.is_final


def test_without_tls_nothing_is_said(postbox):
    box = postbox(asks=True, auth_require_tls=False)
    with pytest.raises(NotSent, match="STARTTLS") as error:
        sent(box.settings("smtp://user:s3cr%3At%2F%40@127.0.0.1:{port}"))
    assert error.value.is_final
    assert box.logins == []
    assert sent(box.settings("smtp://user:s3cr%3At%2F%40@127.0.0.1:{port}?tls=none")) == {}


@pytest.mark.parametrize(("answer", "is_final"), [("550 nobody\r\nhere", True), ("451 later", False)])
def test_who_is_refused_is_known(postbox, answer, is_final):
    box = postbox()
    box.answers["bob@example.com"] = answer.split("\r")[0]
    assert sent(box.settings(), to=("ada@example.com", "bob@example.com")) == {"bob@example.com": answer.split("\r")[0]}
    with pytest.raises(NotSent, match="refused every address") as error:
        sent(box.settings(), to=("bob@example.com",))
    assert error.value.is_final == is_final
    assert "bob@example.com" in error.value.words


@pytest.mark.parametrize(("answer", "is_final"), [("554 no reports here", True), ("452 full", False)])
def test_a_message_that_is_refused_says_why(postbox, answer, is_final):
    box = postbox()
    box.answers["DATA"] = answer
    with pytest.raises(NotSent, match=answer[4:]) as error:
        sent(box.settings())
    assert error.value.is_final == is_final


@pytest.mark.parametrize("answer", ["250 bye", "421 too busy", "554 no"])
def test_what_is_said_at_parting_changes_nothing(postbox, answer):
    box = postbox()
    box.answers["QUIT"] = answer
    assert sent(box.settings()) == {}
    assert len(box.messages) == 1
    box.answers["DATA"] = "451 later"
    with pytest.raises(NotSent, match="451 later"):
        sent(box.settings())


def test_a_server_that_is_not_there_is_asked_again():
    settings = Settings(smtp_url="smtp://127.0.0.1:1?tls=none", smtp_from="a@example.com", smtp_timeout_s=2)
    with pytest.raises(NotSent, match="could not be reached") as error:
        sent(settings)
    assert not error.value.is_final


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example.com", 587, "starttls"),
        ("smtp://mail.example.com:465", 465, "tls"),
        ("smtp://mail.example.com?tls=tls", 465, "tls"),
        ("smtp://mail.example.com/?tls=none", 25, "none"),
        ("smtp://mail.example.com:2525?tls=tls", 2525, "tls"),
    ],
)
def test_an_address_says_the_rest(url, port, tls):
    found = mail.server_of(Settings(smtp_url=url, smtp_from="reports@example.com"))
    assert (found.host, found.port, found.tls, found.user) == ("mail.example.com", port, tls, "")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://u:hunter2@mail.example.com",
        "smtp://u:hunter2@mail.example.com:port",
        "smtp://u:hunter2@",
        "smtp://u:hunter2@mail.example.com?tls=maybe",
        "smtp://u:hunter2@mail.example.com?starttls=1",
        "smtp://u:hunter2@mail.example.com/inbox",
        "smtp://u:hunter2%C3%BC@mail.example.com",
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(url):
    with pytest.raises(InvalidInput) as error:
        mail.server_of(Settings(smtp_url=url, smtp_from="reports@example.com"))
    assert error.value.field == "TURNOUT_SMTP_URL"
    assert "hunter2" not in f"{error.value.message} {error.value.hint} {error.value!r}"


@pytest.mark.parametrize("sender", ["", "nobody", "a@example.com\nBcc: b@example.com"])
def test_a_sender_is_needed(sender):
    with pytest.raises(InvalidInput, match="TURNOUT_SMTP_FROM"):
        mail.server_of(Settings(smtp_url="smtp://mail.example.com", smtp_from=sender))


def test_the_password_is_in_no_repr():
    server = mail.server_of(Settings(smtp_url="smtp://u:hunter2@mail.example.com", smtp_from="reports@example.com"))
    assert server.password == "hunter2"
    assert "hunter2" not in repr(server)
    assert mail.server_of(Settings()) is None
