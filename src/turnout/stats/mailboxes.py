"""Who runs a mailbox, by the domain of its address: a table, and the SQL that is made of it.

The domain is what an address says; who hosts mail for a domain of its own (a company's, say) it does not tell, so that
is `other`.
"""

from __future__ import annotations

OTHER = "other"

#: Domains of each provider. A name without a dot stands for that name in every country: yahoo.de, yahoo.co.uk …
MAILBOXES: dict[str, tuple[str, ...]] = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Yahoo": (
        *("yahoo", "ymail.com", "rocketmail.com", "myyahoo.com", "yahoomail.com", "aol", "aim.com", "verizon.net"),
        *("netscape.net", "love.com", "wow.com", "games.com"),
    ),
    "Microsoft": ("outlook", "hotmail", "live", "msn.com", "windowslive.com", "passport.com"),
    "Apple": ("icloud.com", "me.com", "mac.com", "privaterelay.appleid.com"),
    "Proton": ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
    "GMX": ("gmx", "web.de", "mail.com", "email.de"),
    "T-Online": ("t-online.de", "magenta.de"),
    "Freenet": ("freenet.de",),
    "Yandex": ("yandex", "ya.ru"),
    "Mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru"),
    "Rambler": ("rambler.ru", "lenta.ru", "ro.ru"),
    "Naver": ("naver.com",),
    "Kakao": ("hanmail.net", "daum.net", "kakao.com"),
    "Nate": ("nate.com",),
    "QQ": ("qq.com", "foxmail.com"),
    "NetEase": ("163.com", "126.com", "yeah.net"),
    "Sina": ("sina.com", "sina.cn"),
    "Zoho": ("zoho.com", "zohomail.com", "zoho.eu", "zohomail.eu", "zoho.in", "zohomail.in"),
    "Fastmail": ("fastmail.com", "fastmail.fm"),
    "Tuta": ("tuta.com", "tutanota.com", "tutanota.de", "tutamail.com", "tuta.io", "keemail.me"),
    "Comcast": ("comcast.net", "xfinity.com"),
    "AT&T": ("att.net", "sbcglobal.net", "bellsouth.net", "pacbell.net", "ameritech.net"),
    "Charter": ("charter.net", "spectrum.net", "roadrunner.com", "rr.com", "twc.com"),
    "Cox": ("cox.net",),
    "Orange": ("orange.fr", "wanadoo.fr"),
    "SFR": ("sfr.fr", "neuf.fr", "club-internet.fr"),
    "Free": ("free.fr",),
    "La Poste": ("laposte.net",),
    "Libero": ("libero.it", "virgilio.it", "iol.it", "inwind.it", "blu.it", "giallo.it"),
    "TIM": ("tim.it", "alice.it", "tin.it"),
    "BT": ("btinternet.com", "btopenworld.com", "bt.com"),
    "Sky": ("sky.com",),
    "Ziggo": ("ziggo.nl", "home.nl"),
    "KPN": ("kpnmail.nl", "planet.nl", "hetnet.nl"),
    "Seznam": ("seznam.cz", "email.cz", "post.cz"),
    "WP": ("wp.pl", "o2.pl", "tlen.pl"),
    "Onet": ("onet.pl", "op.pl", "vp.pl", "poczta.onet.pl"),
    "Interia": ("interia.pl", "interia.eu", "poczta.fm"),
    "UOL": ("uol.com.br", "bol.com.br"),
    "Terra": ("terra.com.br",),
    "Rediff": ("rediffmail.com", "rediff.com"),
    "Docomo": ("docomo.ne.jp",),
    "SoftBank": ("softbank.ne.jp", "i.softbank.jp"),
    "au": ("ezweb.ne.jp", "au.com"),
}

#: What may follow a name that a provider has in every country.
_COUNTRIES = r"\.(com|ca|net|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})$"


def column(domain: str) -> str:
    """SQL of the provider of a mailbox, of fixed text: `domain` is the SQL of its domain, in lower case.

    Functions of one column and constants: of a column with a dictionary, they are asked once a domain, not once a row.
    """
    everywhere = [name for domains in MAILBOXES.values() for name in domains if "." not in name]
    pattern = f"^({'|'.join(everywhere)}){_COUNTRIES}".replace("\\", "\\\\")
    known = {
        name if "." in name else f"{name}.*": provider for provider, domains in MAILBOXES.items() for name in domains
    }
    names, providers = _texts(["", *known]), _texts(["", *known.values()])
    return f"transform(replaceRegexpOne({domain}, '{pattern}', '\\\\1.*'), [{names}], [{providers}], '{OTHER}')"


def _texts(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


#: How the dictionary publishes it.
DEFINITION = (
    f"Who runs the recipient's mailbox, by the domain of its address: {', '.join(MAILBOXES)}; '{OTHER}' for the rest."
)
