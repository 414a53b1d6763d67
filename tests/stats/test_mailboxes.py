"""Who runs a mailbox, by its domain."""

from __future__ import annotations

from turnout.stats.mailboxes import DEFINITION, MAILBOXES

DOMAINS = {
    "gmail.com": "Gmail",
    "GoogleMail.com": "Gmail",
    "yahoo.com": "Yahoo",
    "yahoo.co.uk": "Yahoo",
    "yahoo.com.br": "Yahoo",
    "aol.com": "Yahoo",
    "hotmail.fr": "Microsoft",
    "outlook.com": "Microsoft",
    "live.ca": "Microsoft",
    "msn.com": "Microsoft",
    "icloud.com": "Apple",
    "proton.me": "Proton",
    "gmx.net": "GMX",
    "web.de": "GMX",
    "yandex.ru": "Yandex",
    "mail.ru": "Mail.ru",
    "naver.com": "Naver",
    "qq.com": "QQ",
    "163.com": "NetEase",
    "zoho.com": "Zoho",
    "fastmail.com": "Fastmail",
    "comcast.net": "Comcast",
    "orange.fr": "Orange",
    "libero.it": "Libero",
    "example.org": "other",
    "yahoo": "other",
    "live.example.com": "other",
    "mygmail.com": "other",
    "gmail.com.example.org": "other",
    "outlook.com.evil": "other",
}


def test_providers_are_known_by_domain(tenant):
    tenant.send(
        *(
            {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": f"{number}@{domain}"}
            for number, domain in enumerate(DOMAINS)
        ),
        {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": "user-7"},
    )
    rows = tenant.stats("sent", dimensions="recipient_domain,mailbox_provider")["rows"]
    found = {row["recipient_domain"]: row["mailbox_provider"] for row in rows}
    assert found == {"": "", **{domain.lower(): provider for domain, provider in DOMAINS.items()}}
    (one,) = tenant.stats("sent", mailbox_provider="Yahoo", dimensions="mailbox_provider")["rows"]
    assert one == {"mailbox_provider": "Yahoo", "sent": 4}


def test_a_domain_is_one_provider_s_and_all_are_published():
    domains = [domain for known in MAILBOXES.values() for domain in known]
    assert len(domains) == len(set(domains))
    assert all(domain == domain.lower() for domain in domains)
    assert all(provider in DEFINITION for provider in (*MAILBOXES, "other"))
