"""User agents as they are met in the wild: who they are, and which of them say that they are machines."""

from __future__ import annotations

import time

import pytest

from turnout.ingest import agents
from turnout.ingest.agents import agent, agent_reasons

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IMESSAGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"

#: User agents of people: device, program, its version, operating system.
PEOPLE = {
    f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36": ("desktop", "Chrome", "140", "Windows"),
    f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": ("desktop", "Edge", "140", "Windows"),
    f"{MAC} Version/17.2 Safari/605.1.15": ("desktop", "Safari", "17.2", "macOS"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": ("desktop", "Firefox", "140", "Linux"),
    f"{IPHONE} Version/17.1 Mobile/15E148 Safari/604.1": ("mobile", "Safari", "17.1", "iOS"),
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36": (
        "mobile", "Chrome", "140", "Android",
    ),
    f"Mozilla/5.0 (Linux; Android 13; SM-X700) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": (
        "tablet", "Chrome", "140", "Android",
    ),
    f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {WEBKIT} Version/6.0 TV Safari/538.1": ("tv", "Safari", "6", "Tizen"),
    "Mozilla/5.0 (PlayStation 5 3.03/SmartTV) AppleWebKit/605.1.15 (KHTML, like Gecko)": ("console", "", "", ""),
    # A phone whose maker's name ends like a crawler's.
    f"Mozilla/5.0 (Linux; Android 10; Cubot X19) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36": (
        "mobile", "Chrome", "140", "Android",
    ),
    # Mail programs; lists of crawlers take some of them for machines.
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)": ("desktop", "Outlook", "2016", ""),
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; .NET4.0E; "
    "Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)": ("desktop", "Outlook", "2016", "Windows"),
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/7.0; Microsoft Outlook 15.0.4859; "
    "Microsoft Outlook 15.0.4859; ms-office; MSOffice 15)": ("desktop", "Outlook", "2013", "Windows"),
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.16327; Pro)": (
        "desktop", "Outlook", "2016", "Windows",
    ),
    f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0 OneOutlook/1.2023.1115.100": (
        "desktop", "Outlook", "1.2023", "Windows",
    ),
    "MacOutlook/16.78.23100802 (Intelx64 Mac OS X Version 14.1 (Build 23B74))": (
        "desktop", "Outlook", "16.78", "macOS",
    ),
    "Outlook-iOS/709.2226530.prod.iphone (3.24.1)": ("mobile", "Outlook", "3.24", "iOS"),
    MAC: ("desktop", "Apple Mail", "", "macOS"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Thunderbird/115.5.0": (
        "desktop", "Thunderbird", "115.5", "Windows",
    ),
    "Mail/3654.120.0.1.15 CFNetwork/1240.0.4 Darwin/20.6.0": ("mobile", "Apple Mail", "3654.120", "iOS"),
}  # fmt: skip

#: User agents that say what they are.
MACHINES = {
    "mail_proxy": [GMAIL, YAHOO],
    "link_preview": [
        IMESSAGE,
        "WhatsApp/2.23.20.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots)",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    ],
    "known_scanner": [
        "Barracuda Sentinel (EE)",
        "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
        "MimecastLinkCheck",
        f"{WINDOWS} Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Gmail-content-sampling",
    ],
    "headless_browser": [f"{WINDOWS} HeadlessChrome/120.0.0.0 Safari/537.36"],
    "http_client": ["python-requests/2.31.0", "curl/8.4.0", "Go-http-client/1.1", "okhttp/4.9.3", "Java/17.0.1"],
    "known_bot": [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/120.0.0.0 Safari/537.36 PingdomPageSpeed/1.0 (pingbot/2.0)",
        # Of Outlook's maker, but it looks at the address of a document before it is opened.
        "Microsoft Office Existence Discovery",
        "Yandex/1.01.001 (compatible; Win16; I)",
    ],
    "bare_agent": ["Mozilla/5.0", " Mozilla/5.0 "],
    "no_agent": ["", "  "],
}


@pytest.mark.parametrize("text", PEOPLE)
def test_programs_of_people(text):
    found = agent(text)
    assert found.reasons == ()
    assert (found.device, found.browser, found.browser_version, found.os) == PEOPLE[text]


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in MACHINES.items() for text in texts])
def test_machines_say_what_they_are(reason, text):
    assert agent_reasons(text) == (reason,)
    found = agent(text)
    assert found.reasons == (reason,)
    # What they say of a device and a system is made up.
    assert (found.device, found.os) == ("", "")


def test_a_proxy_tells_whose_mailbox_it_is():
    assert (agent(GMAIL).browser, agent(GMAIL).browser_version) == ("Gmail", "")
    assert agent(YAHOO).browser == "Yahoo Mail"


def test_mail_on_a_phone_is_shown_in_a_view():
    found = agent(f"{IPHONE} Mobile/15E148")
    assert found.in_view
    assert (found.device, found.browser, found.os) == ("mobile", "iOS WebView", "iOS")
    assert not agent(f"{IPHONE} Version/17.1 Mobile/15E148 Safari/604.1").in_view


def test_the_whole_list_of_crawlers_is_looked_for():
    from crawlerdetect import CrawlerDetect
    from crawlerdetect.providers.crawlers import data

    texts = [f"{WINDOWS} {pattern} Safari/537.36" for pattern in data if pattern.isalnum()]
    theirs = CrawlerDetect()
    missed = [text for text in texts if theirs.is_crawler(text) and not agent_reasons(text)]
    assert len(texts) > 500
    assert missed == [f"{WINDOWS} Airmail Safari/537.36"]


@pytest.mark.parametrize(
    "text", ["x", "Mozilla/5.0 ", "[ ", "9", "Opera Mini/1.1.", "Microsoft Office/1 (", "Java", "_-"]
)
def test_a_made_up_text_takes_no_longer_than_it_is_long(text):
    agents.warm()
    started = time.thread_time()
    for number in range(20):
        agent((f"{number}" + text * 2048)[:2048])
    assert time.thread_time() - started < 20 * 0.01
