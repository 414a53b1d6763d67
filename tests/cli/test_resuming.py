"""Imports that were interrupted go on where they were acknowledged, and nowhere behind it."""

from __future__ import annotations

import gzip
import json
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turnout.capture import files as reading
from turnout.capture.opening import open_source
from turnout.cli import importing, resuming
from turnout.cli.connection import Unreachable
from turnout.cli.resuming import Entry, Identity, Standing
from turnout.cli.sending import Sender

COUNT, CHUNK = 50, 10


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(reading, "CHUNK_EVENTS", CHUNK)


def rows(count=COUNT):
    return [
        {
            "type": "sent",
            "time": 1759658400 + number,
            "campaign": "spring",
            "recipient": f"r{number}",
            "id": f"{number}",
        }
        for number in range(count)
    ]


def ndjson(path):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))


def packed(path):
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows()).encode()))


def array(path):
    path.write_text(json.dumps(rows(), indent=1))


def table(path):
    lines = [
        ",".join(f'"{value}\n"' if name == "recipient" else str(value) for name, value in row.items()) for row in rows()
    ]
    path.write_text("\n".join(["type,time,campaign,recipient,id", *lines]) + "\n")


def parquet(path):
    pq.write_table(pa.Table.from_pylist(rows()), path, row_group_size=7)


WRITERS = {"a.ndjson": ndjson, "a.ndjson.gz": packed, "a.json": array, "a.csv": table, "a.parquet": parquet}


@pytest.fixture
def broken(monkeypatch):
    """Lets so many chunks through, and then loses the server for ever."""

    def break_after(chunks):
        left, post = [chunks], Sender._post

        def lose(self, chunk):
            if not left[0]:
                raise Unreachable("gone")
            left[0] -= 1
            return post(self, chunk)

        monkeypatch.setattr(Sender, "_post", lose)
        return lambda: monkeypatch.setattr(Sender, "_post", post)

    return break_after


@pytest.mark.parametrize("name", WRITERS)
def test_it_goes_on_where_it_was_acknowledged(command, tmp_path, small_chunks, broken, name):
    path = tmp_path / name
    WRITERS[name](path)
    mend = broken(3)
    result = command("import", path)
    assert result.code == 2
    assert "before the error: 30 accepted" in result.err
    mend()
    result = command("import", path, "--json")
    assert f"{path}: goes on after " in result.err
    report = json.loads(result.out)
    assert (report["accepted"], report["duplicates"], report["earlier"]) == (COUNT, 0, 30)
    assert command.tenant.stats("sent,unique_sent")["totals"] == {"sent": COUNT, "unique_sent": COUNT}
    # It is done, so the next time is another import.
    report = json.loads(command("import", path, "--json").out)
    assert (report["accepted"], report["duplicates"], report["earlier"]) == (0, COUNT, 0)


def test_nothing_behind_a_chunk_that_was_not_taken_is_left_out(command, tmp_path, small_chunks, monkeypatch):
    ndjson(tmp_path / "a.ndjson")
    post = Sender._post

    def lose_the_second(self, chunk):
        if chunk.places[0] == CHUNK + 1:
            time.sleep(0.3)
            raise Unreachable("gone")
        return post(self, chunk)

    monkeypatch.setattr(Sender, "_post", lose_the_second)
    assert "20 accepted" in command("import", tmp_path / "a.ndjson").err
    monkeypatch.setattr(Sender, "_post", post)
    result = command("import", tmp_path / "a.ndjson", "--json")
    assert "goes on after 10" in result.err
    report = json.loads(result.out)
    assert (report["accepted"], report["duplicates"], report["earlier"]) == (COUNT - CHUNK, CHUNK, 10)
    assert command.tenant.stats("sent")["totals"]["sent"] == COUNT


def test_files_that_are_done_are_left_out_and_their_rejections_reported(command, tmp_path, small_chunks, broken):
    first, second = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    first.write_text(json.dumps(rows()[0]) + '\n{"type":"snet"}\n')
    ndjson(second)
    mend = broken(2)
    assert command("import", first, second).code == 2
    mend()
    result = command("import", first, second, "--json")
    assert f"{first}: done before (2 events" in result.err
    assert f"{second}: goes on after 10" in result.err
    report = json.loads(result.out)
    assert (report["accepted"], report["duplicates"], report["rejected"]) == (COUNT, 1, 1)
    assert [(one["file"], one["line"]) for one in report["rejections"]] == [(str(first), 2)]
    assert result.code == 1


def test_a_file_that_is_named_twice_is_counted_once(command, tmp_path):
    ndjson(tmp_path / "a.ndjson")
    report = json.loads(command("import", tmp_path / "a.ndjson", tmp_path / "a.ndjson", "--json").out)
    assert (report["accepted"], report["duplicates"], report["earlier"], report["files"]) == (COUNT, 0, 0, 1)


def test_a_changed_file_other_wishes_and_restart_begin_anew(command, tmp_path, small_chunks, broken):
    path = tmp_path / "a.ndjson"
    ndjson(path)
    mend = broken(2)
    command("import", path)
    mend()
    assert "goes on" not in command("import", path, "--set", "channel=email").err
    path.write_text(path.read_text() + json.dumps({**rows()[0], "id": "new"}) + "\n")
    result = command("import", path, "--json")
    assert "has changed" in result.err
    assert json.loads(result.out)["earlier"] == 0
    mend = broken(2)
    command("import", path)
    mend()
    result = command("import", path, "--restart", "--json")
    assert "goes on" not in result.err
    assert json.loads(result.out)["duplicates"] == COUNT + 1


@pytest.mark.parametrize(("name", "skip", "left"), [("a.ndjson", 45, 5), ("a.parquet", 45, 5), ("a.json", 45, 5)])
def test_the_first_are_left_out_where_that_is_wanted(command, tmp_path, name, skip, left):
    WRITERS[name](tmp_path / name)
    assert json.loads(command("import", tmp_path / name, "--skip", skip, "--json").out)["accepted"] == left


def test_of_parquet_the_groups_before_are_not_even_read(tmp_path, monkeypatch):
    parquet(tmp_path / "a.parquet")
    read = []
    original = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda self, **asked: read.append(asked["row_groups"]) or original(self, **asked),
    )
    source = open_source(str(tmp_path / "a.parquet"))
    (chunk,) = reading.chunks(source, reading.Options(after=40))
    source.close()
    assert chunk.places == list(range(41, 51))
    assert read == [[5, 6, 7]]


def test_what_is_remembered_is_bounded_and_survives_nonsense(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "KEPT_IMPORTS", 3)
    for number in range(5):
        Standing(tmp_path / f"{number}.json").write(now=True)
    assert len(list(tmp_path.glob("*.json"))) == 3
    (tmp_path / "9.json").write_bytes(b"\xff{not json")
    (tmp_path / "f").write_text("x")
    standing = Standing(tmp_path / "9.json")
    entry, is_another = standing.entry(str(tmp_path / "f"))
    assert (entry.after, is_another) == (0, False)
    assert isinstance(entry, Entry)
    assert isinstance(entry.identity, Identity)
    assert standing.entry("-") == (None, False)


def test_a_directory_that_takes_nothing_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    standing = Standing(tmp_path / "file" / "x.json")
    standing.write(now=True)
    standing.forget()


def test_servers_and_keys_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    places = {
        resuming.place_of(tmp_path, url, key, {"set": wish}, [path])
        for url in (None, "http://a", "http://b")
        for key in ("", "k")
        for wish in ("", "x")
        for path in ("a", "b")
    }
    assert len(places) == 24
    assert all(tmp_path in place.parents for place in places)


def test_a_server_that_is_started_again_is_found_again(turnout_process, tmp_path):
    """A command on the server's machine: port and credentials are others then, and the import goes on."""
    from turnout.cli.connection import Target, connect

    server = turnout_process(tmp_path / "data")
    with connect(Target(data=tmp_path / "data")) as connection:
        before = connection.url
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        turnout_process(tmp_path / "data")
        chunk = reading.Chunk("a", "line", [json.dumps(row).encode() for row in rows()], list(range(COUNT)))
        tally = Sender(connection).send([chunk])
        assert (tally.accepted, tally.retries) == (COUNT, 1)
        assert connection.url != before
        assert connection.renew("Bearer another")
        assert not connection.renew(connection.credentials)


def test_stdin_says_how_to_go_on(capsys):
    from turnout.cli.sending import Tally

    importing._say_where(Tally(accepted=5), "-", 5, KeyboardInterrupt())
    assert "before it was stopped: 5 accepted" in (written := capsys.readouterr().err)
    assert "--skip 5" in written
