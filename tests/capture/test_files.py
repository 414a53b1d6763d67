"""Files of every kind come to the same events, with their places, in bounded memory."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from turnout.capture import files
from turnout.capture.opening import open_source
from turnout.capture.shaping import Wishes
from turnout.errors import InvalidInput, TurnoutError, UnsupportedFormat

EVENTS = [
    {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "ü@example.com"},
    {"type": "opened", "time": "2026-10-05T10:00:01Z", "campaign": "spring", "recipient": "b", "open": "direct"},
    {"type": "clicked", "time": "2026-10-05T10:00:02Z", "campaign": "spring", "recipient": 'say "hi",\nthere'},
]
FIELDS = ["type", "time", "campaign", "recipient", "open"]


def ndjson(events=EVENTS):
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode()


def csv_file(delimiter=","):
    quoted = [[f'"{one.get(name, "")}"' if '"' not in one.get(name, "") else None for name in FIELDS] for one in EVENTS]
    quoted[2][3] = '"say ""hi"",\nthere"'
    rows = [delimiter.join(FIELDS), *(delimiter.join(row) for row in quoted)]
    return ("\n".join(rows) + "\n").encode()


def parquet(path):
    pq.write_table(pa.Table.from_pylist(EVENTS, pa.schema([(name, pa.string()) for name in FIELDS])), path)
    return path.read_bytes()


def read(path, form="", **options):
    """All events of a file, as dictionaries with their places, and the refusals."""
    options.setdefault("wishes", Wishes())
    source = open_source(str(path), form)
    found, refused = [], []
    try:
        for chunk in files.chunks(source, files.Options(**options)):
            assert all(b"\n" not in line for line in chunk.lines)
            found += [(place, json.loads(line)) for place, line in zip(chunk.places, chunk.lines, strict=True)]
            refused += chunk.refused
    finally:
        source.close()
    return found, refused


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packing", [lambda raw: raw, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["ndjson", "json", "spread", "csv", "semicolons", "tabs", "parquet"])
def test_every_kind_and_packing_says_the_same(tmp_path, kind, packing):
    content = {
        "ndjson": ndjson,
        "json": lambda: json.dumps(EVENTS).encode(),
        "spread": lambda: "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode(),
        "csv": csv_file,
        "semicolons": lambda: csv_file(";"),
        "tabs": lambda: csv_file("\t"),
        "parquet": lambda: parquet(tmp_path / "made.parquet"),
    }[kind]()
    # The name says nothing, so the content has to.
    found, refused = read(write(tmp_path, "upload", packing(content)))
    assert [event for _, event in found] == EVENTS
    assert refused == []


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", b"{x},type,time\n1,sent,2026-10-05\n", "csv"),
        ("a.tsv.gz", gzip.compress(b"type\ttime\n", mtime=0), "csv"),
        ("a.jsonl", b'{"type":', "ndjson"),
        ("a.json", b'[{"type":"sent"}]', "json"),
        ("a.json", b'{"type":"sent"}\n{"type":"sent"}\n', "ndjson"),
        ("a.json", b'{\n"type":"sent"}\n', "json"),
        ("a", b"\xef\xbb\xbf [", "json"),
    ],
)
def test_content_tells_the_format_and_the_name_where_it_could_be_either(tmp_path, name, content, form):
    source = open_source(str(write(tmp_path, name, content)))
    assert source.format == form
    source.close()


def test_lines_keep_their_numbers_past_blank_and_bad_ones(tmp_path):
    content = b'\xef\xbb\xbf{"a":1}\r\n\r\n[1]\n  {"a":2}\nnonsense\n{"a":3}'
    found, refused = read(write(tmp_path, "a.ndjson", content))
    assert found == [(1, {"a": 1}), (4, {"a": 2}), (6, {"a": 3})]
    assert [(one.place, one.error) for one in refused] == [
        (3, "the line is not a JSON object"),
        (5, "the line is not a JSON object"),
    ]


def test_csv_places_are_the_lines_where_rows_begin(tmp_path):
    content = b'type,time,campaign\nsent,1759658400,"two\nlines"\n,,\nsent,1759658401,x,extra\nsent,1759658402\n'
    found, refused = read(write(tmp_path, "a.csv", content))
    assert [(place, event.get("campaign")) for place, event in found] == [(2, "two\nlines"), (6, None)]
    assert [(one.place, one.error) for one in refused] == [(5, "the line has 4 cells, the header 3")]


def test_a_line_over_the_limit_is_refused_and_the_next_is_read(tmp_path):
    content = b'{"a":1}\n' + b'{"a":"' + b"x" * (3 * files.LINE_LIMIT_BYTES) + b'"}\n{"a":2}\n'
    found, refused = read(write(tmp_path, "a.ndjson", content))
    assert [place for place, _ in found] == [1, 3]
    assert [(one.place, one.error) for one in refused] == [(2, f"the line is over {files.LINE_LIMIT_BYTES} bytes")]


def test_items_of_an_array_that_are_no_objects_are_refused(tmp_path):
    found, refused = read(write(tmp_path, "a.json", b'[{"a":1}, 12, {"a":2}, [3], "x"]'))
    assert [place for place, _ in found] == [1, 3]
    assert [one.place for one in refused] == [2, 4, 5]


def test_bytes_that_are_no_utf8_are_left_to_be_refused_one_by_one(tmp_path):
    path = write(tmp_path, "a.json", b'[{"a":"\xff"}, {"a":"ok"}]')
    source = open_source(str(path))
    (chunk,) = files.chunks(source, files.Options())
    source.close()
    assert chunk.lines == [b'{"a":"\xff"}', b'{"a":"ok"}']


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b'[{"a":1}, {"a":2}', "the array is cut short after item 2"),
        ("a.json", b'[{"a":1}, {"a":tru}]', "item 2 can't be read"),
        ("a.gz", gzip.compress(ndjson() * 20_000, mtime=0)[:-20], "broken or cut short"),
        ("a.gz", gzip.compress(ndjson(), mtime=0)[:30], "broken or cut short"),
        ("a.zst", zstandard.compress(ndjson())[:-5], "broken or cut short"),
        ("a.parquet", b"PAR1 and nothing else", "not a Parquet file"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"type,time,name\nsent,1759658400,M\xfcller\n", "is not utf-8"),
        ("a.csv", b"who,when\na,b\n", "no column is the 'type' of the event; there are: who, when"),
        ("a.csv", b"type,type\n", "the column 'type' is there twice"),
        ("a.zip", b"PK\x03\x04...", "zip, bzip2 and xz are not read"),
    ],
)
def test_what_can_t_be_read_on_is_said(tmp_path, name, content, words):
    with pytest.raises(TurnoutError, match=words) as raised:
        read(write(tmp_path, name, content))
    assert raised.value.hint or "Parquet" in words


def test_an_encoding_can_be_named(tmp_path):
    path = write(tmp_path, "a.csv", "type,time,name\nperformed,1759658400,Müller\n".encode("utf-16"))
    (found,), _ = read(path, encoding="utf-16")
    assert found == (2, {"type": "performed", "time": 1759658400, "name": "Müller"})
    with pytest.raises(InvalidInput, match="no encoding 'utf-99'"):
        read(path, encoding="utf-99")


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UnsupportedFormat, match="no format 'xml'"):
        read(write(tmp_path, "a", b"<a/>"), form="xml")


def test_parquet_types_become_what_the_fields_want(tmp_path):
    table = pa.table(
        {
            "event": ["purchased", "sent"],
            "ts": pa.array([dt.datetime(2026, 10, 5, 10), None], pa.timestamp("us")),
            "user_id": pa.array([17.0, float("nan")]),
            "amount": pa.array([decimal.Decimal("19.990001"), None], pa.decimal128(20, 6)),
            "currency": ["eur", None],
            "vip": [True, None],
            "labels": pa.array([[("a", "1")], None], pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found, _ = read(tmp_path / "a.parquet")
    assert found == [
        (
            1,
            {
                "type": "purchased",
                "time": "2026-10-05T10:00:00Z",
                "recipient": "17",
                "amount": "19.990001",
                "currency": "EUR",
                "properties": {"vip": True, "labels": {"a": "1"}},
            },
        ),
        (2, {"type": "sent"}),
    ]


def test_json_is_changed_only_where_wished(tmp_path):
    line = b'{"kind":"sent","when":"2026-10-05 10:00","amount":0.1,"extra":12345678901234567890.25}'
    path = write(tmp_path, "a.ndjson", line)
    source = open_source(str(path))
    assert [chunk.lines for chunk in files.chunks(source, files.Options())] == [[line]]
    source.close()
    wishes = Wishes({"kind": "type", "when": "time"}, {"campaign": "spring"}, "Asia/Kolkata")
    source = open_source(str(path))
    (chunk,) = files.chunks(source, files.Options(wishes))
    source.close()
    # Every digit comes through; what is no field is the server's to refuse.
    assert chunk.lines == [
        b'{"type":"sent","time":"2026-10-05T10:00:00+05:30","amount":0.1,"extra":12345678901234567890.25,"campaign":"spring"}'
    ]


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
def test_a_long_file_is_read_in_bounded_memory(tmp_path, form):
    rows = 30_000
    line = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "x" * 300}
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        text = json.dumps(line).encode()
        if form == "csv":
            file.write(",".join(line).encode() + b"\n" + (",".join(line.values()).encode() + b"\n") * rows)
        elif form == "json":
            file.write(b"[" + (text + b",\n") * (rows - 1) + text + b"]")
        else:
            file.write((text + b"\n") * rows)
    source = open_source(str(path))
    tracemalloc.start()
    try:
        sizes = [(len(chunk.lines), chunk.position) for chunk in files.chunks(source, files.Options())]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        source.close()
    assert sum(count for count, _ in sizes) == rows
    assert max(count for count, _ in sizes) == files.CHUNK_EVENTS
    assert sizes[-1][1] == path.stat().st_size
    # Two chunks of 10,000 such lines and what reading them takes; the file unpacked is 12 MB.
    assert peak < 14 << 20


def test_a_chunk_is_bounded_in_bytes_too(tmp_path):
    big = {"type": "sent", "properties": {"x": "y" * 500_000}}
    path = write(tmp_path, "a.ndjson", ndjson([big] * 40))
    source = open_source(str(path))
    sizes = [sum(map(len, chunk.lines)) for chunk in files.chunks(source, files.Options())]
    source.close()
    assert len(sizes) > 1
    assert max(sizes) <= files.CHUNK_BYTES + files.LINE_LIMIT_BYTES
