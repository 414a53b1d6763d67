"""`turnout export` and `turnout recipients`: files that say what the API says, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading

import pyarrow.parquet as pq
import pytest

from turnout.cli import downloads
from turnout.errors import UnsupportedFormat


@pytest.fixture
def sale(command):
    """A campaign with an event of several types for five recipients."""
    events = [
        {
            "type": kind,
            "time": f"2026-10-05T10:0{step}:00.125Z",
            "campaign": "sale, 1",
            "recipient": f"r{number}",
            **own,
        }
        for number in range(5)
        for step, (kind, own) in enumerate(
            {
                "sent": {"send_id": "s1", "properties": {"a": [1, {"b": "ü"}]}},
                "opened": {"open": "direct"},
                "purchased": {"amount": "19.90", "currency": "EUR", "order": f"o{number}"},
                "clicked": {"url": "https://example.com/?a=1,2", "params": {"utm": "x"}},
            }.items()
        )
        if kind != "clicked" or number < 2
    ]
    command.tenant.send(*events)
    return command


TOTALS = "events,sent,opened,unique_clicked,revenue"


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_what_is_exported_can_be_imported_again(sale, command, make_tenant, house, tmp_path, form):
    path = tmp_path / f"events.{form}"
    result = sale("export", "events", "sale, 1", "-o", path)
    assert (result.code, result.out) == (0, ""), result.err
    same = json.loads(sale("import", path, "--json").out)
    assert (same["accepted"], same["duplicates"], same["rejected"]) == (0, 17, 0), same
    other = make_tenant()
    where = ("--data", str(house.services.settings.data), "--workspace", other.workspace.id)
    new = json.loads(sale("import", path, "--json", where=where).out)
    assert (new["accepted"], new["rejected"]) == (17, 0), new
    assert other.stats(TOTALS, campaign="sale\\, 1")["totals"] == sale.tenant.stats(TOTALS)["totals"]


def test_an_export_takes_types_and_ranges(sale):
    result = sale("export", "events", "--type", "sent,opened", "--to", "2026-10-05T10:01:00Z", "--format", "ndjson")
    found = [json.loads(line) for line in result.out.splitlines()]
    assert [one["type"] for one in found] == ["sent"] * 5


def test_statistics_are_exported_as_the_api_has_them(sale, tmp_path):
    result = sale("export", "stats", "sale, 1", "--metrics", "sent,revenue")
    assert list(csv.reader(io.StringIO(result.out))) == [
        ["campaign", "day", "sent", "revenue"],
        ["sale, 1", "2026-10-05", "5", "EUR 99.5"],
    ]
    assert sale("export", "stats", "-o", tmp_path / "s.parquet", "--metrics", "sent").code == 0
    assert pq.read_table(tmp_path / "s.parquet").to_pylist() == [
        {"campaign": "sale, 1", "day": "2026-10-05", "sent": 5}
    ]


def test_who_did_and_did_not(sale):
    result = sale("recipients", "sale, 1", "--did", "opened", "--did-not", "clicked")
    assert [row["recipient"] for row in csv.DictReader(io.StringIO(result.out))] == ["r2", "r3", "r4"]


def test_an_export_that_fails_leaves_no_file(sale, tmp_path):
    result = sale("export", "events", "--type", "snet", "-o", tmp_path / "events.csv")
    assert result.code == 2
    assert "did you mean 'sent'?" in result.err
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_keeps_the_file_before_it(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("old")

    def fail():
        with downloads.sink(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [one.name for one in tmp_path.iterdir()] == ["events.csv"]
    assert path.read_text() == "old"


def test_an_answer_that_breaks_off_is_no_file(command, tmp_path):
    """A real socket that promises more than it sends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def half():
            peer, _ = listening.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")

        thread = threading.Thread(target=half)
        thread.start()
        where = ("--url", f"http://127.0.0.1:{listening.getsockname()[1]}", "--key", "k")
        result = command("export", "events", "-o", tmp_path / "events.csv", where=where)
        thread.join()
    assert result.code == 2
    assert "error: lost the connection to" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "form", "chosen"),
    [
        (None, "", "csv"),
        ("a.parquet", "", "parquet"),
        ("a.JSONL", "", "ndjson"),
        ("a.txt", "csv", "csv"),
        ("a.csv", "ndjson", "ndjson"),
    ],
)
def test_the_format_is_what_is_said_else_what_the_file_is_called(tmp_path, name, form, chosen):
    assert downloads._chosen(tmp_path / name if name else None, form) == chosen


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(UnsupportedFormat, match="no format 'xlsx'"):
        downloads._chosen(tmp_path / "a.xlsx", "")
