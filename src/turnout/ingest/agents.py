"""User agents: which program it was, on what, and whether it says that it is a machine.

The text of a User-Agent header enters; an `Agent` leaves. Pure, and bounded in time: what is looked for by pattern is
looked for by an engine whose time grows with the text and no faster, since anybody may send any text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from turnout.model import Reason

#: Different user agents that are remembered. One takes some kilobytes at most.
AGENTS_KEPT = 4096

#: Characters of one that are looked at; those of programs that people use have half as many at most.
_READ_LIMIT = 512

#: Longest name of a program, its version or an operating system that is kept.
_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user agent says. Empty where it doesn't: `device` is desktop, mobile, tablet, tv, console or watch.

    `browser` is the browser or mail program, `os` a family (Windows, macOS, iOS …). `in_view` says that a program
    shows a page inside itself and leaves open which one it is.
    """

    reasons: tuple[Reason, ...] = ()
    device: str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    in_view: bool = False


@lru_cache(maxsize=AGENTS_KEPT)
def agent(user_agent: str) -> Agent:
    """What this user agent says; remembered."""
    user_agent = user_agent[:_READ_LIMIT]
    reasons = agent_reasons(user_agent)
    if "no_agent" in reasons or "bare_agent" in reasons:
        return Agent(reasons)
    lowered = user_agent.lower()
    if "mail_proxy" in reasons:
        # The rest of its text is made up by the proxy, whatever the reader has.
        return Agent(reasons, browser=next(name for token, name in _PROXIES.items() if token in lowered))
    parsed = _parser()(user_agent)
    # A machine's user agent names a system for the sake of servers that want one.
    os = "" if reasons else _os(parsed.os, lowered)
    browser, version = _browser(parsed.browser, parsed.version, lowered)
    device = "" if reasons else _device(parsed.device, os, browser, lowered)
    if device in ("tv", "console", "watch") and browser == "Apple Mail":
        browser = version = ""
    return Agent(reasons, device, browser[:_NAME_LIMIT], version[:_NAME_LIMIT], os, in_view=browser == _IN_VIEW)


def agent_reasons(user_agent: str) -> tuple[Reason, ...]:
    """Why requests of this user agent may not be a person's: one reason, or none for a browser or mail program."""
    stripped = user_agent[:_READ_LIMIT].strip()
    if not stripped:
        return ("no_agent",)
    if _BARE.fullmatch(stripped):
        return ("bare_agent",)
    lowered = stripped.lower()
    for reason, tokens in _NAMED:
        if any(token in lowered for token in tokens):
            return (reason,)
    return ("known_bot",) if _crawls()(_MAIL_PROGRAMS.sub("", stripped)) else ()


def warm() -> None:
    """Build the matchers, which takes some tenths of a second, before the first event needs them."""
    agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")


# ---- machines -------------------------------------------------------------------------------------

#: Image proxies of mailbox providers, and the mailbox behind each: somebody reads the message there.
_PROXIES = {
    "googleimageproxy": "Gmail",
    "ggpht.com": "Gmail",
    "yahoomailproxy": "Yahoo Mail",
}

#: What these send instead of a user agent of their own; mail programs with their privacy features do.
_BARE = re.compile(r"Mozilla/\d\.\d")

#: In lower case, parts of user agents that give away what it is. The first reason that fits is the one.
_NAMED: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    ("mail_proxy", tuple(_PROXIES)),
    (
        "link_preview",
        (
            *("facebookexternalhit", "facebot", "twitterbot", "whatsapp/", "slackbot", "slack-imgproxy", "telegrambot"),
            *("discordbot", "linkedinbot", "skypeuripreview", "bingpreview", "microsoftpreview", "teamsbot"),
            *("compatible; microsoft-teams", "google web preview", "yahoo link preview", "quora link preview"),
            *("bitrix link preview", "linkpreview", "redditbot", "vkshare", "kakaotalk-scrap", "iframely", "embedly"),
        ),
    ),
    (
        "known_scanner",
        (
            *("barracuda", "proofpoint", "mimecast", "safelinks", "safe links", "urldefense", "url defense"),
            *("gmail-content-sampling", "messagelabs", "symantec", "forcepoint", "websense", "cloudmark", "ironport"),
            *("trendmicro", "trend micro", "sophos", "fireeye", "fortiguard", "palo alto networks", "spamexperts"),
            *("kaspersky lab", "virustotal", "urlscan", "phishtank", "netcraft"),
        ),
    ),
    ("headless_browser", ("headless", "phantomjs", "puppeteer", "playwright", "selenium", "cypress/", "lighthouse")),
    (
        "http_client",
        (
            *("curl/", "libcurl", "wget", "python-requests", "python-httpx", "python-urllib", "python/", "aiohttp"),
            *("go-http-client", "java/", "jakarta", "okhttp", "httpclient", "http-client", "axios/", "node-fetch"),
            *("undici", "guzzle", "ruby", "libwww", "lwp::", "php/", "postmanruntime", "insomnia/", "httpie"),
            *("winhttp", "restsharp", "reqwest", "deno/", "dart/"),
        ),
    ),
)

#: Mail programs that lists of crawlers take for machines. Their names are taken out before such a list is asked.
#: The machines of the same maker stay in: `Microsoft Office Existence Discovery` looks at a link for a document.
_MAIL_PROGRAMS = re.compile(
    r"Microsoft Office/[\d.]{1,20}(?= \(.{0,80}Microsoft Outlook)|Microsoft Outlook|Microsoft Office Outlook"
    r"|MacOutlook/|Outlook-iOS(?:-Android)?|Outlook-Android|OneOutlook|Outlook-Express"
    r"|\AMail/|Airmail|Canary(?:%20| )Mail|Polymail/",
    re.IGNORECASE,
)


@cache
def _crawls() -> Callable[[str], bool]:
    """Whether a text is of a crawler of crawlerdetect's list, in time linear in the text.

    The list's own matcher tries some 1,500 alternatives at each character, one of them in quadratic time: a made-up
    user agent of 2,048 characters held it for half a second. The engine behind ua-parser needs 10 µs.
    """
    from crawlerdetect.providers.crawlers import data as crawlers
    from crawlerdetect.providers.exclusions import data as exclusions
    from ua_parser import Domain, UserAgent
    from ua_parser.core import Matcher
    from ua_parser.lazy import UserAgentMatcher
    from ua_parser.regex import Resolver

    excluded = re.compile("|".join(exclusions), re.IGNORECASE)
    # What may stand before a word that is searched for makes no difference.
    patterns = [pattern.removeprefix(r"[a-z0-9\-_]*") for pattern in crawlers]
    # That engine has no look-around.
    apart = [pattern for pattern in patterns if "(?" in pattern]
    rest = re.compile("|".join(apart) or r"(?!)", re.IGNORECASE)
    matchers: list[Matcher[UserAgent]] = [
        UserAgentMatcher(f"(?i){pattern}", "crawler") for pattern in patterns if pattern not in apart
    ]
    resolver = Resolver((matchers, [], []))

    def crawls(user_agent: str) -> bool:
        text = excluded.sub("", user_agent)
        return resolver(text, Domain.USER_AGENT).user_agent is not None or rest.search(text) is not None

    return crawls


# ---- programs -------------------------------------------------------------------------------------

_IN_VIEW = "iOS WebView"

#: What the parser's names are here: a phone's edition of a browser is that browser.
_BROWSERS = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Android WebView",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": _IN_VIEW,
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
    "Opera Mobile": "Opera",
    "MacOutlook": "Outlook",
    "Outlook-iOS": "Outlook",
    "Outlook-iOS-Android": "Outlook",
    "YahooMobileMail": "Yahoo Mail",
}

#: Mail programs that the parser takes for something else, by what their user agents have in lower case.
_PROGRAMS = (
    ("oneoutlook/", "Outlook"),
    ("outlook-android/", "Outlook"),
    ("ms-office", "Outlook"),
    ("microsoft outlook", "Outlook"),
)

_SYSTEMS = {"Mac OS X": "macOS"}
_DESKTOPS = frozenset({"Windows", "macOS", "Linux", "Chrome OS", "Ubuntu", "Debian", "Fedora", "FreeBSD", "OpenBSD"})
_TVS = (
    "smart-tv",
    "smarttv",
    "appletv",
    "apple tv",
    "googletv",
    "android tv",
    "bravia",
    "hbbtv",
    "roku",
    "crkey",
    "; aft",
)
_CONSOLES = ("playstation", "xbox", "nintendo")
_MAC_MAIL = re.compile(r"\AMail/(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class _Parsed:
    browser: str
    version: str
    os: str
    device: str


@cache
def _parser() -> Callable[[str], _Parsed]:
    from ua_parser import Domain, load_builtins
    from ua_parser.regex import Resolver

    resolver = Resolver(load_builtins())

    def parse(user_agent: str) -> _Parsed:
        found = resolver(user_agent, Domain.ALL)
        program, system, device = found.user_agent, found.os, found.device
        return _Parsed(
            browser=program.family if program else "",
            version=_version(program.major, program.minor) if program else "",
            os=system.family if system else "",
            device=f"{device.family} {device.brand or ''}" if device else "",
        )

    return parse


def _version(major: str | None, minor: str | None) -> str:
    """`17.1`; without a minor version of 0, which many browsers always say."""
    return f"{major}.{minor}" if major and minor and minor != "0" else major or ""


def _browser(family: str, version: str, lowered: str) -> tuple[str, str]:
    """The program's name and version."""
    for token, name in _PROGRAMS:
        if token in lowered:
            own = re.search(rf"{re.escape(token)}([\d]+(?:\.[\d]+)?)", lowered) if token.endswith("/") else None
            return name, own[1] if own else version if family == name else ""
    if mail := _MAC_MAIL.match(lowered.capitalize()):
        return "Apple Mail", mail[1]
    if family == "Apple Mail":
        # What stands there is the version of the engine.
        return family, ""
    return _BROWSERS.get(family, family), version


def _os(family: str, lowered: str) -> str:
    if not family and "macoutlook/" in lowered:
        return "macOS"
    return "" if family == "Other" else _SYSTEMS.get(family, family)[:_NAME_LIMIT]


def _device(family: str, os: str, browser: str, lowered: str) -> str:
    """The kind of device."""
    if any(token in lowered for token in _CONSOLES):
        return "console"
    if any(token in lowered for token in _TVS) or os == "tvOS":
        return "tv"
    if "watch" in family.lower() or os == "watchOS":
        return "watch"
    if "iPad" in family or "tablet" in lowered or "kindle" in lowered or (os == "Android" and "mobile" not in lowered):
        return "mobile" if "outlook-android" in lowered or "dalvik" in lowered else "tablet"
    if os in ("iOS", "Android", "Windows Phone") or "mobile" in lowered or "Smartphone" in family:
        return "mobile"
    return "desktop" if os in _DESKTOPS or browser in ("Outlook", "Apple Mail", "Thunderbird") else ""
