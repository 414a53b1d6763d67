"""SNS: which signatures, certificates and addresses are believed, and how it is asked."""

from __future__ import annotations

import datetime as dt
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.capture.webhooks import topics
from tests.capture.webhooks.deliveries import NOW, delivery
from tests.capture.webhooks.topics import ARN, CERTIFICATE_URL, Sns, certificate, published, subscription

from turnout.capture.webhooks import sns
from turnout.capture.webhooks.contract import Unreadable
from turnout.capture.webhooks.sns import Certificates, verify
from turnout.errors import Overloaded, Unauthenticated


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fields", [{}, {"Subject": None}, {"Message": 'a "quoted"\nline, ü and \U0001f600'}])
def test_a_notification_is_believed_in_either_version(version: str, fields: dict[str, Any]) -> None:
    headers = {"x-amz-sns-message-type": "Notification"}
    told = verify(delivery(published({"a": 1}, version, **fields), headers=headers), Certificates(Sns()))
    assert told is not None
    assert (told.kind, told.topic) == ("Notification", ARN)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_confirmation_is_signed_over_other_fields(kind: str) -> None:
    told = subscription(kind)
    assert verify(delivery(told), Certificates(Sns())) is not None
    for name in ("Token", "SubscribeURL"):
        with pytest.raises(Unauthenticated, match="not right"):
            verify(delivery(told | {name: "another"}), Certificates(Sns()))


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "TopicArn", "Signature"])
def test_no_field_can_be_changed_or_left_out(name: str) -> None:
    told = published({"a": 1})
    other = {"Signature": published({"a": 2})["Signature"]}.get(name, "another")
    with pytest.raises(Unauthenticated):
        verify(delivery(told | {name: other}), Certificates(Sns()))
    left = delivery({key: value for key, value in told.items() if key != name})
    if name == "TopicArn":
        assert verify(left, Certificates(Sns())) is None  # It is no envelope; whoever asks must not believe it.
    else:
        with pytest.raises(Unauthenticated):
            verify(left, Certificates(Sns()))


def test_a_version_signs_with_its_own_hash_only() -> None:
    told = published({"a": 1}, "2")
    for version in ("1", "3", "", None):
        with pytest.raises(Unauthenticated):
            verify(delivery(told | {"SignatureVersion": version}), Certificates(Sns()))


def test_the_header_says_the_type_of_the_body() -> None:
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}
    with pytest.raises(Unauthenticated, match="x-amz-sns-message-type"):
        verify(delivery(published({}), headers=headers), Certificates(Sns()))


@pytest.mark.parametrize("late", [dt.timedelta(hours=25), -dt.timedelta(hours=25)])
def test_an_old_notification_is_refused_and_one_of_an_hour_ago_is_not(late: dt.timedelta) -> None:
    assert verify(delivery(published({}), now=NOW + dt.timedelta(hours=1)), Certificates(Sns()))
    lasting = certificate(end=NOW + dt.timedelta(days=9), start=NOW - dt.timedelta(days=9))
    with pytest.raises(Unauthenticated, match="old"):
        verify(delivery(published({}), now=NOW + late), Certificates(Sns(body=lasting)))
    with pytest.raises(Unauthenticated, match="Timestamp"):
        verify(delivery(published({}, Timestamp="soon")), Certificates(Sns()))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3.pem",
        "https://sns.s3.amazonaws.com/SimpleNotificationService-f3.pem",
        "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com.example/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com@example.com/SimpleNotificationService-f3.pem",
        "https://user@sns.us-east-1.amazonaws.com/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com:444/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com\\@example.com/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com/a/../SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3.pem#x",
        "https://sns.us-east-1.amazonaws.com/Simple\tNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes&x=.pem",
        "https://127.0.0.1/SimpleNotificationService-f3.pem",
        "https://[::1/SimpleNotificationService-f3.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "a" * 3000 + ".pem",
        "",
    ],
)
def test_a_certificate_of_elsewhere_is_not_even_asked_for(url: str) -> None:
    asked = Sns()
    with pytest.raises(Unauthenticated, match="SigningCertURL"):
        verify(delivery(published({}, SigningCertURL=url)), Certificates(asked))
    assert asked.asked == []


@pytest.mark.parametrize(
    "host", ["eu-central-1.amazonaws.com", "cn-north-1.amazonaws.com.cn", "us-gov-west-1.amazonaws.com"]
)
def test_every_region_has_an_address(host: str) -> None:
    url = f"https://sns.{host}/SimpleNotificationService-0a.pem"
    assert verify(delivery(published({}, SigningCertURL=url)), Certificates(Sns())) is not None


@pytest.mark.parametrize(
    ("name", "starts_days", "ends_days"),
    [
        ("example.com", -1, 1),
        ("sns.amazonaws.com.example", -1, 1),
        ("sns.amazonaws.com", -9, -1),
        ("sns.amazonaws.com", 1, 9),
    ],
)
def test_a_certificate_must_be_of_sns_and_valid(name: str, starts_days: int, ends_days: int) -> None:
    pem = certificate(name, NOW + dt.timedelta(days=starts_days), NOW + dt.timedelta(days=ends_days))
    with pytest.raises(Unauthenticated, match="the certificate of the signature"):
        verify(delivery(published({})), Certificates(Sns(body=pem)))


@pytest.mark.parametrize("name", ["sns.us-east-1.amazonaws.com", "sns-cn-north-1.amazonaws.com.cn"])
def test_it_may_name_its_region(name: str) -> None:
    assert verify(delivery(published({})), Certificates(Sns(body=certificate(name)))) is not None


@pytest.mark.parametrize("body", [b"", b"-----BEGIN CERTIFICATE-----\n", b"<html>"])
def test_what_is_no_certificate_is_none(body: bytes) -> None:
    with pytest.raises(Unauthenticated, match="is no certificate"):
        verify(delivery(published({})), Certificates(Sns(body=body)))


@pytest.mark.parametrize(("status", "error"), [(403, Unauthenticated), (302, Unauthenticated), (503, Overloaded)])
def test_what_sns_does_not_give_now_is_asked_for_again(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify(delivery(published({})), Certificates(Sns(status)))


def test_a_certificate_is_asked_for_once_and_few_are_kept() -> None:
    asked = Sns()
    certificates = Certificates(asked, limit=2)
    urls = [CERTIFICATE_URL.replace("f3ec", f"{number:04}") for number in range(3)]
    for url in (urls[0], urls[0], urls[1], urls[0], urls[2], urls[0], urls[1]):
        verify(delivery(published({}, SigningCertURL=url)), certificates)
    assert asked.asked == [urls[0], urls[1], urls[2], urls[1]]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verify(delivery(body), Certificates(Sns()))


@pytest.mark.parametrize("body", [[], {}, 7, {"Type": ["Notification"], "TopicArn": ARN}, {"Type": "x", "TopicArn": 1}])
def test_what_is_no_envelope_is_none(body: Any) -> None:
    assert verify(delivery(body), Certificates(Sns())) is None


def test_fields_of_a_wrong_type_are_not_believed() -> None:
    told = published({"a": 1})
    assert believed(told)
    for name in told:
        for wrong in (None, 7, [], {}, "\u0000", "ü"):
            assert not believed(told | {name: wrong}) or name == "UnsubscribeURL"


def believed(told: Any) -> bool:
    try:
        return verify(delivery(told), Certificates(Sns())) is not None
    except Unauthenticated:
        return False


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:other&Token=1",
        f"https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&TopicArn={ARN}",
        f"https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&Action=ConfirmSubscription&TopicArn={ARN}",
        f"https://example.com/?Action=ConfirmSubscription&TopicArn={ARN}&Token=1",
        f"https://sns.us-east-1.amazonaws.com/x?Action=ConfirmSubscription&TopicArn={ARN}&Token=1",
        "",
    ],
)
def test_only_the_confirmation_of_this_topic_is_asked_for(url: str) -> None:
    told = sns.envelope(delivery(subscription(SubscribeURL=url)).body)
    asked = Sns()
    assert told is not None
    with pytest.raises(Unreadable, match="SubscribeURL"):
        sns.subscribe(told, asked)
    assert asked.asked == []


@pytest.mark.parametrize(("status", "error"), [(403, Unreadable), (429, Overloaded), (500, Overloaded)])
def test_a_confirmation_that_failed_is_told(status: int, error: type[Exception]) -> None:
    told = sns.envelope(delivery(subscription()).body)
    assert told is not None
    with pytest.raises(error):
        sns.subscribe(told, Sns(status))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on TLS of its own; its certificate is at `/pem`."""
    where = tmp_path_factory.mktemp("tls")
    real = dt.datetime.now(dt.UTC)
    pem = certificate("sns.amazonaws.com", real - dt.timedelta(days=1), real + dt.timedelta(days=1), "localhost")
    private = topics.key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (where / "ca.pem").write_bytes(pem)
    (where / "both.pem").write_bytes(pem + private)

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            big = b"x" * (sns.FETCH_LIMIT_BYTES + 1)
            body = {"/pem": pem, "/big": big}.get(self.path, b"")
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "/pem")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust it hangs up."""

    server = Server(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where / "both.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(where / "ca.pem"))
        yield f"https://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_is_fetched_by_tls(served: str) -> None:
    status, body = sns.fetch(f"{served}/pem")
    assert (status, body[:27]) == (200, b"-----BEGIN CERTIFICATE-----")


def test_neither_a_redirect_nor_a_flood_is_followed(served: str) -> None:
    assert sns.fetch(f"{served}/away") == (302, b"")
    with pytest.raises(Overloaded):
        sns.fetch(f"{served}/big")


def test_a_server_that_is_not_known_by_its_certificate_is_none(
    served: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stranger = tmp_path / "ca.pem"
    stranger.write_bytes(certificate("stranger", host="elsewhere.example"))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger))
    with pytest.raises(Overloaded):
        sns.fetch(f"{served}/pem")


@pytest.mark.parametrize("url", ["https://localhost:1/pem", "https://[", "x"])
def test_nobody_there_is_asked_again_later(url: str) -> None:
    with pytest.raises(Overloaded):
        sns.fetch(url)


def test_one_asks_while_others_wait() -> None:
    asking, go = threading.Event(), threading.Event()
    asked: list[str] = []

    def slow(url: str) -> tuple[int, bytes]:
        asked.append(url)
        asking.set()
        assert go.wait(5)
        return 200, certificate()

    certificates = Certificates(slow)
    threads = [threading.Thread(target=verify, args=(delivery(published({})), certificates)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asking.wait(5)
    go.set()
    for thread in threads:
        thread.join()
    assert asked == [CERTIFICATE_URL]
