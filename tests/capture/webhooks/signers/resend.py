"""Signs as Resend does, with the specification's own library."""

from datetime import datetime

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def sign(body: bytes, url: str, at: datetime) -> tuple[bytes, dict[str, str]]:
    signature = Webhook(SECRET).sign("msg_loFOjxBNrRLzqYUf", at, body.decode())
    return body, {
        "svix-id": "msg_loFOjxBNrRLzqYUf",
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": signature,
    }
