"""An HTML body and where its links are; and the same body with other addresses in their place, and a pixel.

HTML enters `read`, which finds each address that a person could follow, where it stands and what it is called. `write`
puts other addresses there. Not one character of anything else changes, so the body is read by position and never made
anew from a tree.

It is read as HTML 5 says (https://html.spec.whatwg.org/multipage/parsing.html), as far as that decides where a tag is.
Every position is looked at a bounded number of times, whatever the body holds; the standard library's parser takes
quadratic time over some bodies, and says where a tag is but not where its attributes are. What ends in the middle of a
tag, comment or script is left as it is from there on.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5
from typing import Literal
from urllib.parse import urljoin

from turnout.errors import InvalidInput
from turnout.store.links import check_url

#: Characters of a title that is made of what a link shows.
TITLE_LIMIT_CHARS = 200

#: Why an address is left as it is.
Reason = Literal["not http", "placeholder", "opted out", "excluded", "tracked already", "not an address"]

#: Elements whose content is text, whatever it looks like.
_TEXT_ONLY = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})

#: Elements that people follow; beside them all of Outlook's own drawing language, `v:roundrect` and the like.
_FOLLOWED = frozenset({"a", "area"})

#: What mailers put their own values in place of.
_PLACEHOLDER = re.compile(r"\{\{|\{%|\{#|<%|%%|\*\||\$\{|#\{|\[\[")

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)")
#: Possessive in each class of characters, not as a group: Python 3.11 before 3.11.5 gets those wrong.
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)"""
    r"""(?:\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\s>"'][^\s>]*+|(?=>))))?"""
)
_OPEN_QUOTE = re.compile(r"""\s*+=\s*+["']""")
_TAG_END = re.compile(r"[\s/]*+>")
_CONDITION = re.compile(r"<!--\[if\b[^\]]*+\]>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]++;?|#[xX][0-9A-Fa-f]++;?|(?P<name>[A-Za-z][A-Za-z0-9]*+;?)(?P<next>[=A-Za-z0-9])?)")
_BLANKS = re.compile(r"\s+")
#: What browsers take off both ends of an address, and out of its middle.
_ENDS = "".join(map(chr, range(0x21)))
_LINE_ENDS = str.maketrans("", "", "\t\r\n")


@dataclass(frozen=True)
class Address:
    """An address to be replaced: its span in the body, whether it stands in quotes, where it leads, what it shows."""

    start: int
    end: int
    is_quoted: bool
    url: str
    title: str


@dataclass(frozen=True)
class Body:
    """A body that was read. The pixel goes to `pixel_at`; there is one already where that is negative."""

    html: str
    addresses: tuple[Address, ...]
    left: tuple[tuple[str, Reason], ...]
    pixel_at: int


@dataclass(frozen=True)
class _Tag:
    """A start tag: its name in lower case, its span, and the raw value and span of each attribute."""

    name: str
    start: int
    end: int
    attributes: dict[str, tuple[int, int, bool]]


def read(html: str, base: str, exclude: Sequence[str] = ()) -> Body:
    """Find the addresses of a body. `base` is where this server is reached: what leads there is tracked already.

    An address that contains one of `exclude` is left as it is, and so is one whose element says `rel="unsubscribe"`,
    `rel="notrack"`, `data-unsubscribe` or `data-turnout="off"`.
    """
    reader = _Reader(html, base, tuple(one for one in exclude if one))
    reader.run()
    pixel_at = next((at for at in (reader.body_end, reader.html_end) if at is not None), len(html))
    return Body(html, tuple(reader.addresses), tuple(reader.left), -1 if reader.has_pixel else pixel_at)


def write(body: Body, addresses: Sequence[str], pixel: str = "") -> str:
    """The body with these addresses, one for each of its own, and with the pixel of that address, if it is one."""
    parts: list[tuple[int, int, str]] = []
    for found, url in zip(body.addresses, addresses, strict=True):
        text = url.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;")
        parts.append((found.start, found.end, text if found.is_quoted else f'"{text}"'))
    if pixel and body.pixel_at >= 0:
        parts.append((body.pixel_at, body.pixel_at, image(pixel)))
    made: list[str] = []
    at = 0
    for start, end, text in sorted(parts):
        made += (body.html[at:start], text)
        at = end
    return "".join((*made, body.html[at:]))


def image(pixel: str) -> str:
    """The element that loads a pixel."""
    source = pixel.replace("&", "&amp;").replace('"', "&quot;")
    return f'<img src="{source}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'


def attribute_text(raw: str) -> str:
    """The value of an attribute as it is meant. An ampersand that only looks like an entity (`&copy=1`) is one."""

    def text_of(found: re.Match[str]) -> str:
        name, following = found["name"], found["next"] or ""
        if name is None:
            return entities.unescape(found[0])
        if name not in html5 or (following and not name.endswith(";")):
            return found[0]
        return html5[name] + following

    return _ENTITY.sub(text_of, raw) if "&" in raw else raw


class _Reader:
    """Goes through a body once, from its beginning to its end."""

    def __init__(self, html: str, base: str, exclude: tuple[str, ...]) -> None:
        self.html = html
        self.addresses: list[Address] = []
        self.left: list[tuple[str, Reason]] = []
        self.body_end: int | None = None
        self.html_end: int | None = None
        self.has_pixel = False
        self._tracked = (f"{base}/r/".lower(), f"{base}/o/".lower())
        self._exclude = exclude
        self._document_base = ""
        #: The link that is open: its element, its span and quotes, its address.
        self._open: tuple[str, int, int, bool, str] | None = None
        self._shown: list[str] = []
        self._shown_chars = 0
        self._spoken = ""
        #: Up to here a comment lasts that some programs read as HTML.
        self._conditional_until = 0

    def run(self) -> None:
        """Read all of it."""
        html, at = self.html, 0
        while (tag_at := html.find("<", at)) >= 0:
            self._show(at, tag_at)
            after = self._markup(tag_at)
            if after is None:
                break
            at = after
        else:
            self._show(at, len(html))
        self._close()

    def _markup(self, at: int) -> int | None:
        """Read what begins with `<`; where it ends, None if it doesn't."""
        html = self.html
        if html.startswith("<!--", at):
            return self._comment(at)
        found = _TAG.match(html, at)
        if found is None:
            if html.startswith(("<!", "<?", "</"), at):
                return _after(html, ">", at + 2)
            self._show(at, at + 1)
            return at + 1
        name = found[2].lower()
        if not found[1]:
            tag = self._start_tag(name, at, found.end())
            return self._element(tag) if tag is not None else None
        if self._open is not None and name == self._open[0]:
            self._close()
        if name in ("body", "html") and at >= self._conditional_until:
            self.body_end, self.html_end = (at, self.html_end) if name == "body" else (self.body_end, at)
        tag = self._start_tag(name, at, found.end())
        return tag.end if tag is not None else None

    def _comment(self, at: int) -> int | None:
        """Go past a comment, or into it, where Outlook would."""
        end = self._comment_end(at)
        # Looked for in this comment only: of many, each would be read to the end of the body.
        if end is None or (condition := _CONDITION.match(self.html, at, end)) is None:
            return end
        self._conditional_until = max(self._conditional_until, end)
        return condition.end()

    def _comment_end(self, at: int) -> int | None:
        for short in ("<!-->", "<!--->"):
            if self.html.startswith(short, at):
                return at + len(short)
        if at < self._conditional_until:
            # In a comment, one more does not begin: both end where the first does.
            return self._conditional_until
        return _after(self.html, "-->", at + 4)

    def _start_tag(self, name: str, start: int, at: int) -> _Tag | None:
        """The tag with its attributes, the first of each name; None if it never ends."""
        html = self.html
        attributes: dict[str, tuple[int, int, bool]] = {}
        while (end := _TAG_END.match(html, at)) is None:
            found = _ATTRIBUTE.match(html, at)
            if found is None or (found.lastgroup == "name" and _OPEN_QUOTE.match(html, found.end())):
                return None
            kind = found.lastgroup or "name"
            span = found.span(kind) if kind != "name" else (found.end(), found.end())
            attributes.setdefault(found["name"].lower(), (*span, kind in ("double", "single")))
            at = found.end()
        return _Tag(name, start, end.end(), attributes)

    def _element(self, tag: _Tag) -> int | None:
        name = tag.name
        if self._open is not None and name == "a":
            self._close()
        if name == "plaintext":
            return None
        if name in _TEXT_ONLY:
            return self._past_text(tag)
        if name == "base" and not self._document_base:
            self._document_base = self._value(tag, "href")
        elif name == "img":
            self.has_pixel = self.has_pixel or self._value(tag, "src").lower().startswith(self._tracked[1])
            self._spoken = self._spoken or self._value(tag, "alt")
        elif (name in _FOLLOWED or name.startswith("v:")) and "href" in tag.attributes:
            self._follow(tag)
        elif self._open is not None and name in ("br", "p", "div", "td", "tr", "li"):
            self._shown.append(" ")
        return tag.end

    def _past_text(self, tag: _Tag) -> int | None:
        """Where an element ends whose content is only text."""
        closing = re.compile(rf"</{re.escape(tag.name)}(?=[\s/>])", re.IGNORECASE).search(self.html, tag.end)
        return _after(self.html, ">", closing.end()) if closing is not None else None

    def _follow(self, tag: _Tag) -> None:
        """Take up a link, or note why not."""
        start, end, is_quoted = tag.attributes["href"]
        url = attribute_text(self.html[start:end]).strip(_ENDS).translate(_LINE_ENDS).replace(" ", "%20")
        reason = self._reason_to_leave(tag, url)
        if reason is None and self._document_base and "://" not in url.split("?", 1)[0]:
            url = _resolved(self._document_base, url)
        if reason is None and not url.lower().startswith(("http://", "https://")):
            reason = "not http"
        if reason is None and not _is_address(url):
            reason = "not an address"
        if reason is not None:
            self.left.append((url[:2048], reason))
            return
        self._close()
        self._open = (tag.name, start, end, is_quoted, url)
        self._spoken = self._value(tag, "alt") or self._value(tag, "title")
        if tag.name == "area":
            self._close()

    def _reason_to_leave(self, tag: _Tag, url: str) -> Reason | None:
        if _PLACEHOLDER.search(url):
            return "placeholder"
        if url.lower().startswith(self._tracked):
            return "tracked already"
        relations = self._value(tag, "rel").lower().split()
        off = self._value(tag, "data-turnout").strip().lower() == "off"
        if off or "data-unsubscribe" in tag.attributes or {"unsubscribe", "notrack"} & set(relations):
            return "opted out"
        if any(one in url for one in self._exclude):
            return "excluded"
        return None if url and not url.startswith("#") else "not http"

    def _value(self, tag: _Tag, name: str) -> str:
        start, end, _ = tag.attributes.get(name, (0, 0, False))
        return attribute_text(self.html[start:end])

    def _show(self, start: int, end: int) -> None:
        """Text that may be what the open link shows."""
        room = TITLE_LIMIT_CHARS * 4 - self._shown_chars
        if self._open is not None and end > start and room > 0:
            text = self.html[start : min(end, start + room)]
            self._shown.append(text)
            self._shown_chars += len(text)

    def _close(self) -> None:
        """The open link ends here."""
        if self._open is not None:
            _, start, end, is_quoted, url = self._open
            shown = _title("".join(self._shown)) or _title(self._spoken)
            self.addresses.append(Address(start, end, is_quoted, url, shown))
        self._open, self._shown, self._shown_chars, self._spoken = None, [], 0, ""


def _after(html: str, end: str, at: int) -> int | None:
    """The position after the next `end`; None if there is none."""
    found = html.find(end, at)
    return found + len(end) if found >= 0 else None


def _title(text: str) -> str:
    plain = _BLANKS.sub(" ", entities.unescape(text).replace("\0", "")).strip()
    return plain[:TITLE_LIMIT_CHARS].strip()


def _resolved(document_base: str, url: str) -> str:
    try:
        return urljoin(document_base, url)
    except ValueError:
        return url


def _is_address(url: str) -> bool:
    try:
        check_url(url)
    except InvalidInput:
        return False
    return True


def distinct(addresses: Sequence[Address]) -> Iterator[tuple[str, str]]:
    """Each address with its title, once, in the order of the body."""
    yield from dict.fromkeys((one.url, one.title) for one in addresses)
