"""What was appended comes back in order; what was torn is cut, and what is damaged is never taken for data."""

from __future__ import annotations

import os

import pytest

from turnout.errors import Overloaded
from turnout.ingest.spool import Spool

FRAME_BYTES = 48


def contents(spool: Spool) -> list[bytes]:
    return [spool.read(frame) for frame in spool.waiting()]


def segments(directory) -> list:
    return sorted(directory.glob("*.spool"))


def abandoned(directory, *payloads: bytes, **options) -> Spool:
    """A spool whose process died: written, and never closed."""
    spool = Spool(directory, **options)
    for payload in payloads:
        spool.append(payload)
    return spool


def test_what_was_appended_comes_back_in_order_after_a_crash(tmp_path):
    abandoned(tmp_path, b"one", b"", b"x" * 100_000)
    again = Spool(tmp_path)
    assert contents(again) == [b"one", b"", b"x" * 100_000]
    assert again.append(b"four").position == 4
    assert contents(Spool(tmp_path)) == [b"one", b"", b"x" * 100_000, b"four"]


def test_what_is_forgotten_does_not_come_back(tmp_path):
    spool = abandoned(tmp_path, b"one", b"two")
    spool.forget(1)
    assert contents(spool) == [b"two"]
    spool.append(b"three")
    again = Spool(tmp_path)
    assert contents(again) == [b"two", b"three"]
    assert again.bytes == spool.bytes == 2 * FRAME_BYTES + 8


def test_a_clean_end_leaves_no_files_and_positions_may_begin_anew(tmp_path):
    spool = abandoned(tmp_path, b"one", b"two")
    spool.forget(2)
    spool.close()
    assert segments(tmp_path) == []
    assert contents(Spool(tmp_path)) == []


def test_what_was_stored_stays_in_no_file_that_is_given_up(tmp_path):
    spool = abandoned(tmp_path, b"anna", b"ben")
    spool.forget(2)
    assert len(segments(tmp_path)) == 1
    spool.begin_anew()
    assert segments(tmp_path) == []
    spool.append(b"anna")
    spool.append(b"cara")
    spool.forget(3)
    spool.begin_anew()
    assert spool.append(b"dora").position == 5
    assert len(segments(tmp_path)) == 2
    assert contents(spool) == [b"cara", b"dora"]
    # As soon as the rest of it is stored.
    spool.forget(4)
    (left,) = segments(tmp_path)
    assert b"dora" in left.read_bytes()
    assert contents(Spool(tmp_path)) == [b"dora"]
    spool.begin_anew()
    spool.forget(5)
    assert segments(tmp_path) == []
    assert spool.append(b"emma").position == 6


def test_an_end_with_something_left_leaves_it_to_the_next(tmp_path):
    spool = abandoned(tmp_path, b"one", b"two")
    spool.forget(1)
    spool.close()
    # What was forgotten after the last append isn't written down: it is looked up in the store again.
    assert contents(Spool(tmp_path)) == [b"one", b"two"]


def test_segments_are_given_up_once_all_in_them_is_stored(tmp_path):
    spool = abandoned(tmp_path, *(b"x" * 60 for _ in range(5)), segment_bytes=200)
    assert len(segments(tmp_path)) == 3
    spool.forget(3)
    assert len(segments(tmp_path)) == 2
    assert contents(spool) == [b"x" * 60] * 2
    assert contents(Spool(tmp_path, segment_bytes=200)) == [b"x" * 60] * 3
    spool.forget(5)
    assert spool.append(b"y").position == 6
    assert contents(spool) == [b"y"]
    assert spool.bytes == FRAME_BYTES + 1


@pytest.mark.parametrize("cut", range(1, FRAME_BYTES + 5))
def test_a_torn_end_is_cut_wherever_it_was_torn(tmp_path, cut):
    abandoned(tmp_path, b"first", b"other")
    (path,) = segments(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    again = Spool(tmp_path)
    assert contents(again) == [b"first"]
    assert again.damage == []
    assert path.stat().st_size == FRAME_BYTES + 5
    again.append(b"second")
    assert contents(Spool(tmp_path)) == [b"first", b"second"]


def test_an_end_that_the_disk_never_filled_in_is_cut(tmp_path):
    abandoned(tmp_path, b"first")
    (path,) = segments(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(4096))
    again = Spool(tmp_path)
    assert (contents(again), again.damage) == ([b"first"], [])


def test_a_segment_that_was_only_begun_does_not_stand_in_the_way(tmp_path):
    (tmp_path / f"{7:020d}.spool").touch()
    spool = Spool(tmp_path)
    assert spool.append(b"one").position == 8
    assert contents(Spool(tmp_path)) == [b"one"]


@pytest.mark.parametrize("at", [0, 8, 16, 24, 32, 40, FRAME_BYTES, FRAME_BYTES + 4])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_flipped_byte_costs_its_own_group_only_and_is_told(tmp_path, at, which):
    payloads = [b"first", b"other", b"third"]
    abandoned(tmp_path, *payloads)
    (path,) = segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[which * (FRAME_BYTES + 5) + at] ^= 0x40
    path.write_bytes(content)
    again = Spool(tmp_path)
    assert contents(again) == [payload for index, payload in enumerate(payloads) if index != which]
    assert [(one.offset, one.bytes) for one in again.damage] == [(which * (FRAME_BYTES + 5), FRAME_BYTES + 5)]
    assert (tmp_path / "damaged" / path.name).read_bytes() == content
    again.append(b"more")
    again.forget(4)
    again.close()
    kept = Spool(tmp_path)
    assert contents(kept) == []
    assert [one.file for one in kept.damage] == [path.name], "it is told until somebody takes the file away"


def test_a_payload_that_holds_what_looks_like_a_frame_is_only_a_payload(tmp_path):
    inner = tmp_path / "inner"
    abandoned(inner, b"secret")
    (path,) = segments(inner)
    abandoned(tmp_path / "outer", path.read_bytes(), b"after")
    assert contents(Spool(tmp_path / "outer")) == [path.read_bytes(), b"after"]


def test_a_group_that_goes_bad_while_it_waits_is_not_given_out(tmp_path):
    spool = abandoned(tmp_path, b"first", b"other")
    (path,) = segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[FRAME_BYTES + 2] ^= 1
    path.write_bytes(content)
    bad, good = spool.waiting()
    with pytest.raises(ValueError, match="not what was written"):
        spool.read(bad)
    spool.set_aside(bad)
    assert contents(spool) == [b"other"] == [spool.read(good)]
    spool.set_aside(bad)  # whoever tries again has nothing more to set aside
    assert [one.offset for one in spool.damage] == [0]


def test_a_segment_that_is_gone_is_given_up_too(tmp_path):
    spool = abandoned(tmp_path, b"first")
    (path,) = segments(tmp_path)
    (frame,) = spool.waiting()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        spool.read(frame)
    spool.set_aside(frame)
    assert spool.waiting() == []
    assert spool.bytes == 0


def test_a_full_spool_takes_nothing_until_there_is_room(tmp_path):
    spool = abandoned(tmp_path, b"x" * 400, limit_bytes=1000)
    spool.append(b"x" * 400)
    with pytest.raises(Overloaded) as refused:
        spool.append(b"x" * 400)
    assert refused.value.retry_after_s >= 1
    assert len(spool.waiting()) == len(contents(Spool(tmp_path))) == 2
    spool.forget(1)
    spool.append(b"y" * 400)
    assert contents(spool) == [b"x" * 400, b"y" * 400]


def test_one_group_larger_than_the_limit_still_passes(tmp_path):
    spool = abandoned(tmp_path, b"x" * 5000, limit_bytes=1000)
    assert contents(spool) == [b"x" * 5000]


def test_room_on_the_disk_is_left_to_the_store(tmp_path):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    spool = Spool(tmp_path, free_floor_bytes=free * 2)
    with pytest.raises(Overloaded):
        spool.append(b"one")
    assert contents(Spool(tmp_path)) == []


@pytest.mark.parametrize("unsure", [False, True])
def test_an_append_that_fails_leaves_nothing_behind(tmp_path, monkeypatch, unsure):
    spool = abandoned(tmp_path, b"first")

    def fail_half_way(descriptor, parts):
        os.write(descriptor, b"half of it")
        raise OSError(28, "No space left on device")

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "writev", fail_half_way)
        if unsure:
            broken.setattr(os, "fdatasync", fail)
        with pytest.raises(Overloaded):
            spool.append(b"never")
    assert contents(spool) == [b"first"]
    spool.append(b"second")
    assert contents(spool) == contents(Spool(tmp_path)) == [b"first", b"second"]
