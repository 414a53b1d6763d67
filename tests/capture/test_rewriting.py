"""Bodies whose addresses change, and nothing else. The standard library's parser is the judge of what a body says."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnout.capture.rewriting import Body, attribute_text, distinct, image, read, write

BASE = "https://click.example"
PIXEL = f"{BASE}/o/TOKEN.gif"


def rewritten(html: str, pixel: str = "", exclude: tuple[str, ...] = ()) -> str:
    body = read(html, BASE, exclude)
    return write(body, [f"{BASE}/r/{number}" for number, _ in enumerate(body.addresses)], pixel)


def found(html: str) -> list[tuple[str, str]]:
    return [(one.url, one.title) for one in read(html, BASE).addresses]


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<a href="https://x.org">x</a>', '<a href="https://click.example/r/0">x</a>'),
        ("<a href='https://x.org'>x</a>", "<a href='https://click.example/r/0'>x</a>"),
        ("<a href=https://x.org/a/>x</a>", '<a href="https://click.example/r/0">x</a>'),
        ("<a href=https://x.org class=b>x</a>", '<a href="https://click.example/r/0" class=b>x</a>'),
        ('<A\n\tHREF = "HTTP://x.org"\n>x</A>', '<A\n\tHREF = "https://click.example/r/0"\n>x</A>'),
        ('<a title="href=https://y" href="https://x.org" href="https://z">', '<a title="href=https://y" '
         'href="https://click.example/r/0" href="https://z">'),
        ('<a data-href="https://y" x=">" href="https://x.org">', '<a data-href="https://y" x=">" '
         'href="https://click.example/r/0">'),
        ('<area shape=rect href="https://x.org" alt=X>', '<area shape=rect href="https://click.example/r/0" alt=X>'),
        ('<a href="https://x.org"/><a href="https://x.org"/>', '<a href="https://click.example/r/0"/>'
         '<a href="https://click.example/r/1"/>'),
        ('&lt;a href="https://y"> 1 < 2 <a href="https://x.org">', '&lt;a href="https://y"> 1 < 2 '
         '<a href="https://click.example/r/0">'),
    ],
)  # fmt: skip
def test_addresses_change(html, wanted):
    assert rewritten(html) == wanted


@pytest.mark.parametrize(
    "html",
    [
        "", "plain", "<a>", "<a href>", '<a href="">', '<a href="#top">', '<a href="/path">', '<a href="x.org">',
        '<a href="mailto:a@x.org?subject=https://x.org">', '<a href="tel:+49">', '<a href="javascript:go()">',
        '<a href="{{ url }}">', '<a href="https://x.org/?id={{id}}">', '<a href="https://x.org/*|ID|*">',
        '<a href="%%url%%">', '<a href="<% url %>">', '<a href="https://x.org/${id}">', '<a href="[[url]]">',
        '<a href="https://x.org/{% if a %}b{% endif %}">', '<a href="//x.org">', '<a href="http://">',
        '<a href="https://x.org" rel="nofollow Unsubscribe">', '<a href="https://x.org" rel=notrack>',
        '<a href="https://x.org" data-unsubscribe>', '<a data-turnout="off" href="https://x.org">',
        '<a href="https://click.example/r/abc">', '<a href="HTTPS://click.example/r/abc?x=1">',
        '<link href="https://x.org/a.css">', '<img src="https://x.org/a.png">', '<form action="https://x.org">',
        '<!-- <a href="https://x.org"> -->', '<!-- > <a href="https://x.org"> -->', '<!--><!-- <a href="https://x.org">',
        '<script>"<a href=\'https://x.org\'>"</script>', '<style><a href="https://x.org"></style>',
        '<title><a href="https://x.org"></title>', '<TEXTAREA><a href="https://x.org"></textArea >',
        '<plaintext><a href="https://x.org">', '<script><a href="https://x.org">', '<a href="https://x.org',
        '<a href="https://x.org"', '<a href=\'https://x.org"> <a href="https://y.org">', '<!-- <a href="https://x.org">',
        '</a href="https://x.org">', '<? <a href="https://x.org">', '<!doctype <a href="https://x.org">',
        '<a href="https://x.org\\@y.org">', '<a href="https://x.org/\u2028">', '<abbr href="https://x.org">',
    ],
)  # fmt: skip
def test_what_is_left_alone(html):
    assert rewritten(html) == html


def test_why_something_is_left_alone():
    html = (
        '<a href="mailto:a@x"></a><a href="{{u}}"></a><a href="https://x.org/out" rel=unsubscribe></a>'
        f'<a href="https://y.org/a"></a><a href="{BASE}/r/x"></a><a href="https://[">'
    )
    assert read(html, BASE, ("y.org",)).left == (
        ("mailto:a@x", "not http"), ("{{u}}", "placeholder"), ("https://x.org/out", "opted out"),
        ("https://y.org/a", "excluded"), (f"{BASE}/r/x", "tracked already"), ("https://[", "not an address"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://x.org/?a=1&amp;b=2", "https://x.org/?a=1&b=2"),
        ("https://x.org/?a=1&b=2", "https://x.org/?a=1&b=2"),
        ("https://x.org/?a=1&copy=2&lt=3&notit;=4", "https://x.org/?a=1&copy=2&lt=3&notit;=4"),
        ("https://x.org/?a&copy;&#38;&#x26;b", "https://x.org/?a©&&b"),
        (" https://x.org/a\n\tb c ", "https://x.org/ab%20c"),
        ("&#104;ttps://x.org", "https://x.org"),
        ("https://münchen.de/ß", "https://münchen.de/ß"),
    ],
)
def test_addresses_are_read_as_browsers_do(written, meant):
    assert found(f'<a href="{written}">') == [(meant, "")]


def test_what_is_written_is_an_attribute():
    body = read("<a href=https://x.org>", BASE)
    assert write(body, ["https://c.example/r/x.{{t}}?a=1&b=\"'"]) == (
        '<a href="https://c.example/r/x.{{t}}?a=1&amp;b=&quot;&#39;">'
    )
    assert attribute_text("a&amp;b") == "a&b"


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ('<a href="https://x.org"> Our \n <b>new</b>&nbsp;shoes &amp; more </a> else', "Our new shoes & more"),
        ('<a href="https://x.org"><img alt="The  shoes" src=x></a>', "The shoes"),
        ('<a href="https://x.org"><img alt="The shoes"> Buy</a>', "Buy"),
        ('<a href="https://x.org" title="Shoes"></a>', "Shoes"),
        ('<area href="https://x.org" alt="Shoes"> else', "Shoes"),
        ('<a href="https://x.org">one<a href="https://y.org">two</a>', "one"),
        ('<a href="https://x.org">one<br>two<td>three', "one two three"),
        ('<a href="https://x.org">1 < 2</a>', "1 < 2"),
        ('<a href="https://x.org"><style>b{}</style>a<!-- b -->c</a>', "ac"),
        ('<a href="https://x.org"></a>', ""),
    ],
)
def test_titles(html, title):
    assert found(html)[0][1] == title


def test_a_long_title_is_cut():
    assert found(f'<a href="https://x.org">{"word " * 100_000}</a>')[0][1] == ("word " * 40).strip()


def test_the_same_link_is_one():
    html = (
        '<a href="https://x.org">a</a><a href="https://x.org"> a</a><a href="https://x.org">b</a><a href="https://y">'
    )
    assert list(distinct(read(html, BASE).addresses)) == [
        ("https://x.org", "a"), ("https://x.org", "b"), ("https://y", ""),
    ]  # fmt: skip


def test_relative_addresses_have_the_document_s_base():
    links = "".join(f'<a href="{url}">' for url in ("c?d=1", "/e", "//y.org", "mailto:a@b", "#f"))
    html = f'<base href="https://x.org/b/">{links}'
    assert [url for url, _ in found(html)] == ["https://x.org/b/c?d=1", "https://x.org/e", "https://y.org"]


def test_what_only_outlook_sees_is_tracked_too():
    html = (
        '<!--[if mso]><v:roundrect href="https://x.org" style="a">'
        "<center>Buy</center></v:roundrect><![endif]-->"
        '<!--[if !mso]><!--><a href="https://x.org">Buy</a><!--<![endif]--><!-- <a href="https://y.org"> -->'
    )
    assert found(html) == [("https://x.org", "Buy"), ("https://x.org", "Buy")]
    assert rewritten(html) == html.replace("https://x.org", f"{BASE}/r/0", 1).replace("https://x.org", f"{BASE}/r/1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<body>a", "</body></html>"), ("<body>a", "</BODY\n></html>"), ("a", "</html>"), ("a", ""), ("", ""),
        ('<script>"</body>"</script></body><!-- </body> -->b', "</body>"),
        ("a<!--[if mso]></body><![endif]-->", "</body>"), ("a <b", ""),
    ],
)  # fmt: skip
def test_the_pixel_is_at_the_end(before, after):
    assert rewritten(before + after, PIXEL) == before + image(PIXEL) + after


def test_again_changes_nothing():
    html = '<body><a href="https://x.org">x</a></body>'
    once = rewritten(html, PIXEL)
    assert once != html
    assert rewritten(once, PIXEL) == once


# ---- hostile bodies ---------------------------------------------------------------------------------


class Judge(HTMLParser):
    """Everything that a body says, and the addresses in it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.said: list[object] = []
        self.urls: list[str | None] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(reversed(attrs))
        if tag in ("a", "area") and (values.get("href") or "").strip().lower().startswith(("http://", "https://")):
            self.urls.append(values["href"])
            attrs = [(name, "" if name == "href" else value) for name, value in attrs]
        self.said.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.said.append(("/", tag))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    handle_comment = handle_decl = handle_entityref = handle_charref = handle_data


PIECES = (
    '<a href="https://x.org/?a=1&amp;b=2">', "<a href='http://y.org'>", "<A HREF=https://z.org/x>", "</a>", "<b>",
    "</b>", '<p class="x">', "text", " ", "\n", "&amp;", "&#65;", "<br/>", "<!-- c -->", '<img src="x" alt="y">',
    "</p>", '<area href="https://w.org" alt=z>', '<a href="mailto:x@y">', '<a name="q" title="a > b" href="https://v.org">',
    "é",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=80)
def test_a_body_says_what_it_said(html):
    before, after = Judge(html), Judge(rewritten(html))
    assert after.said == before.said
    assert after.urls == [f"{BASE}/r/{number}" for number, _ in enumerate(before.urls)]


SPLINTERS = (
    "<", ">", "<a", "<!--", "-->", "<!-->", "<![endif]-->", "<!--[if mso]>", "</", "<!", "<?", "=", '"', "'", "/", " ",
    "href", 'href="https://x.org"', "href=https://x.org", "<script>", "</script>", "<title", "<base href=", "a", "\0",
    "<v:x ", "</body>", "&", "&#", "&amp;", "{{", "\ud7ff", "</a>", "<plaintext>", "alt=",
)  # fmt: skip


@given(st.lists(st.sampled_from(SPLINTERS), max_size=60).map("".join) | st.text())
@example('<a href="https://x.org" href=\'')
@settings(max_examples=200)
def test_nothing_but_addresses_changes(html):
    body = read(html, BASE)
    assert all(0 <= one.start <= one.end <= len(html) for one in body.addresses)
    assert 0 <= body.pixel_at <= len(html)
    marks = [f"\1{number}\1" for number, _ in enumerate(body.addresses)]
    text, at = write(body, marks, PIXEL), 0
    parts = sorted([(one.start, one.end) for one in body.addresses] + [(body.pixel_at, body.pixel_at)])
    for start, end in parts:
        kept = html[at:start]
        assert text.startswith(kept)
        text = text[len(kept) :]
        inserted = image(PIXEL) if start == end == body.pixel_at else marks.pop(0)
        text = text.removeprefix('"') if not text.startswith(inserted) else text
        assert text.startswith(inserted)
        text = text[len(inserted) :]
        if text.startswith('"') and not html[end:].startswith('"'):
            text = text[1:]
        at = end
    assert text == html[at:]


@pytest.mark.parametrize(
    "unit",
    [
        "<", "<a", "<a ", "<a href=", '<a href="', "<a href='x", "<!--", "<!--[if mso]>", "<!--[if ", "<!", "</", "</a",
        "<a x=y ", "<script>", "<title>", "<a href=https://x.org>", "&", "&#", "<base href=", " ", "/", '="', "<!-->",
        "\0", "<!--[if -->", "<a href='https://x.org/{{", "</body>", "</body", "<v:a href=https://x.org>x",
    ],
)  # fmt: skip
def test_a_hostile_body_takes_linear_time(unit):
    def seconds(size: int) -> float:
        html = (unit * (size // len(unit) + 1))[:size] + "-->"
        started = time.process_time()
        read(html, BASE)
        return time.process_time() - started

    # Quadratic time over so many characters would be seconds at the least; where each step is a fast one, over more.
    assert seconds(1_500_000 if unit.startswith("<!--[if ") else 100_000) < 1.5


def test_an_empty_body():
    assert read("", BASE) == Body("", (), (), 0)
