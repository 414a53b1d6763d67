"""The renderer: real drawings, in a process that may die, hang or be asked for nonsense."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from xml.etree import ElementTree

import pytest

from turnout.charts.renderer import SPEC_LIMIT_BYTES, Renderer
from turnout.charts.theme import SERIES
from turnout.errors import NotDrawn, Overloaded, TooLarge

HOSTILE = '<script>alert(1)</script>" onload="x'


def bars(*names: str, **more: object) -> dict[str, object]:
    return {
        "width": 100,
        "height": 60,
        "data": {"values": [{"name": name, "count": len(name), "said": f"{name}!"} for name in names]},
        "mark": {"type": "bar", "color": SERIES[0]},
        "encoding": {
            "x": {"field": "count", "type": "quantitative"},
            "y": {"field": "name", "type": "nominal"},
            "description": {"field": "said", "type": "nominal"},
        },
        **more,
    }


@pytest.fixture(scope="module")
def renderer():
    made = Renderer()
    yield made
    made.close()


def test_a_chart_is_drawn_with_what_its_marks_say(renderer):
    svg = renderer.svg(bars("one", HOSTILE))
    root = ElementTree.fromstring(svg)
    labels = [mark.get("aria-label") for mark in root.iter() if mark.get("aria-roledescription") == "bar"]
    assert labels == ["one!", f"{HOSTILE}!"]
    assert {mark.tag.rpartition("}")[2] for mark in root.iter()} <= {"svg", "g", "path", "text", "line", "rect"}
    assert "var(--series-1)" in svg
    assert SERIES[0] not in svg


def test_a_picture_has_a_ground_of_its_own(renderer):
    assert renderer.picture(bars("one"), "png").startswith(b"\x89PNG")
    assert renderer.picture(bars("one"), "pdf").startswith(b"%PDF")
    assert b'fill="#14181f"' in renderer.picture(bars("one"), "svg", "dark")


def test_what_was_drawn_is_not_drawn_again(renderer, monkeypatch):
    drawn = renderer.svg(bars("again"))
    monkeypatch.setattr(renderer, "_make", None)
    assert renderer.svg(bars("again")) == drawn


def test_texts_of_a_document_are_never_markup(renderer):
    template = "#let said = json(bytes(sys.inputs.data))\n#said.text\n#image(bytes(said.svg))"
    hostile = '#eval("1") *bold* $x^2$ @ref #read("/etc/passwd") ]}'
    pdf = renderer.document(template, {"text": hostile, "svg": renderer.svg(bars("one"), "light")})
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize("spec", [{}, {"mark": "nothing"}, {"mark": "bar", "data": {"url": "http://127.0.0.1:9/x"}}])
def test_what_can_not_be_drawn_is_said_to_be_so(renderer, spec, caplog):
    with pytest.raises(NotDrawn):
        renderer.svg(spec)
    assert "a drawing failed" in caplog.text
    # The next one is.
    assert renderer.svg(bars("next")).startswith("<svg")


def test_a_name_of_many_emojis_is_drawn_all_the_same(renderer):
    # Cut to their room in the middle of one, the engine can't measure them.
    encoding = {"y": {"field": "name", "type": "nominal"}, "x": {"field": "count", "type": "quantitative"}}
    for name in ("\U0001f4a5" * 300, "Sale \U0001f31e" * 40):
        spec = {"mark": "bar", "data": {"values": [{"name": name, "count": 1}]}, "encoding": encoding}
        assert "<svg" in renderer.svg(spec)


def test_a_specification_has_a_limit(renderer):
    with pytest.raises(TooLarge):
        renderer.svg(bars("x" * SPEC_LIMIT_BYTES))


def test_a_process_that_dies_or_hangs_is_replaced():
    seen: list[tuple[str, bool]] = []
    renderer = Renderer(timeout_s=3, observe=lambda kind, seconds, failed: seen.append((kind, failed)))
    try:
        renderer.svg(bars("first"))
        process = renderer._idle.queue[0]
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
        assert renderer.svg(bars("second")).startswith("<svg")
        process = renderer._idle.queue[0]
        os.kill(process._process.pid, signal.SIGSTOP)
        with pytest.raises(NotDrawn, match="too long"):
            renderer.svg(bars("third"))
        assert process._process.returncode is not None
        assert seen == [("svg", False), ("svg", False), ("svg", True)]
    finally:
        renderer.close()


def test_where_no_process_can_be_started_nothing_is_drawn_until_one_can(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    renderer = Renderer()
    try:
        with monkeypatch.context() as patch:
            patch.setattr("subprocess.Popen", full)
            for _ in range(2):
                with pytest.raises(NotDrawn):
                    renderer.svg(bars("waiting"))
        assert renderer.svg(bars("waiting")).startswith("<svg")
    finally:
        renderer.close()


def test_who_waits_for_a_drawing_too_long_is_told_to_come_back():
    renderer = Renderer(timeout_s=1)
    process = renderer._idle.get()
    try:
        started = time.monotonic()
        with pytest.raises(Overloaded):
            renderer.svg(bars("waiting"))
        assert time.monotonic() - started >= 1
    finally:
        renderer._idle.put(process)
        renderer.close()


def test_many_threads_get_each_its_own_drawing(renderer):
    found: dict[str, str] = {}

    def draw(name: str) -> None:
        found[name] = renderer.svg(bars(name))

    threads = [threading.Thread(target=draw, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, svg in found.items():
        assert f'aria-label="{name}!"' in svg
    assert len(found) == 8


def test_a_closed_renderer_leaves_no_process_behind():
    renderer = Renderer()
    renderer.svg(bars("last"))
    process = renderer._idle.queue[0]
    renderer.close()
    assert process._process.returncode is not None
    # A report that is being made while the server stops asks for more, and is told at once.
    started = time.monotonic()
    for name in ("later", "later still"):
        with pytest.raises(NotDrawn, match="stopping"):
            renderer.svg(bars(name))
    assert time.monotonic() - started < 5


def test_what_xml_cannot_say_is_seen_as_missing(renderer):
    never = "".join(map(chr, (*range(1, 9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))
    said = 'C:\\new\\u0008 "\\b"\u202e é 夏'
    drawn = renderer.svg(bars(f"a{never}b", said), "light")
    read = {found.get("aria-label") for found in ElementTree.fromstring(drawn).iter()}
    assert {f"a{chr(0xFFFD) * len(never)}b!", f"{said}!"} <= read
