"""`turnout import` through the real API: every event counted once, every refusal traced to its line."""

from __future__ import annotations

import gzip
import json

import pytest


def lines(count, campaign="spring", kind="sent"):
    return "".join(
        json.dumps(
            {
                "type": kind,
                "time": 1759658400 + number,
                "campaign": campaign,
                "recipient": f"r{number}",
                "id": f"{number}",
            }
        )
        + "\n"
        for number in range(count)
    )


def sent(command):
    return command.tenant.stats("sent,unique_sent")["totals"]


def test_several_files_are_counted_once(command, tmp_path):
    (tmp_path / "a.ndjson").write_text(lines(25_000))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(lines(30_000).encode()))
    report = json.loads(command("import", tmp_path / "a.ndjson", tmp_path / "b.ndjson.gz", "--json").out)
    assert (report["accepted"], report["duplicates"], report["rejected"]) == (30_000, 25_000, 0)
    assert (report["files"], report["retries"], report["rejections"]) == (2, 0, [])
    assert sent(command) == {"sent": 30_000, "unique_sent": 30_000}


def test_rejections_are_traced_to_file_line_and_field(command, tmp_path):
    content = lines(10_001).splitlines()
    content[3] = '{"type":"sent","time":1,"campaign":"spring"}'
    content[10_000] = '{"type":"snet","time":1759658400,"campaign":"spring"}'
    content.insert(5, "")
    content.append("not json")
    path = tmp_path / "mixed.ndjson"
    path.write_text("\n".join(content))
    result = command("import", path, "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert (report["accepted"], report["rejected"]) == (9_999, 3)
    assert [(one["file"], one["line"], one["field"]) for one in report["rejections"]] == [
        (str(path), 4, "time"),
        (str(path), 10_002, "type"),
        (str(path), 10_003, ""),
    ]
    shown = command("import", path)
    assert shown.code == 1
    assert f"{path}:10002" in shown.out
    assert "rejected         3" in shown.out
    assert sent(command)["sent"] == 9_999


def test_the_first_rejections_are_shown_and_the_rest_counted(command, tmp_path):
    (tmp_path / "bad.ndjson").write_text('{"type":"sent"}\n' * 50)
    result = command("import", tmp_path / "bad.ndjson")
    assert result.code == 1
    assert result.out.count("bad.ndjson:") == 20
    assert "… and 30 more" in result.out


def test_a_table_is_matched_guessed_mapped_and_filled(command, tmp_path):
    path = tmp_path / "crm.csv"
    path.write_text("E-Mail;sent at;Colour;junk\na@x.example;2026-10-05 10:00;red;1\nb@x.example;2026-10-05 10:01;;2\n")
    options = ("--map", "sent at=time", "--map", "junk=", "--set", "type=sent", "--set", "campaign=spring")
    shown = command("import", path, *options, "--dry-run")
    assert shown.code == 0
    assert sent(command)["sent"] == 0
    first = json.loads(shown.out.splitlines()[1])
    assert first == {
        "type": "sent",
        "time": "2026-10-05T10:00:00Z",
        "campaign": "spring",
        "recipient": "a@x.example",
        "properties": {"Colour": "red"},
    }
    result = command("import", path, *options)
    assert result.code == 0, result.err
    for line in ("E-Mail  → recipient (guessed)", "sent at → time (mapped)", "junk    → left out"):
        assert line in result.err
    assert sent(command) == {"sent": 2, "unique_sent": 2}


def test_what_is_in_before_an_error_is_said(command, tmp_path):
    packed = gzip.compress(lines(20_000).encode())
    (tmp_path / "cut.ndjson.gz").write_bytes(packed[: len(packed) - 100])
    result = command("import", tmp_path / "cut.ndjson.gz")
    assert result.code == 2
    assert "before the error: 10,000 accepted" in result.err
    assert "broken or cut short" in result.err
    assert sent(command)["sent"] == 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.csv",), "there is no file nowhere.csv"),
        ((".",), ". is a directory"),
        (("-", "-"), "stdin can be read once"),
        (("a.csv", "--map", "x"), "--map: 'x' is not NAME=VALUE"),
        (("a.csv", "--map", "x=recipiant"), "did you mean 'recipient'?"),
        (("a.csv", "--timezone", "Europe/Berlim"), "did you mean 'Europe/Berlin'?"),
        (("a.csv", "--delimiter", ";;"), "is no single character"),
        (("a.csv", "--format", "xml"), "no format 'xml'"),
        (("a.csv",), "no column is the 'type'"),
    ],
)
def test_what_can_t_be_imported_is_said(command, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("x\n1\n")
    result = command("import", *arguments)
    assert result.code == 2
    assert words in result.err
