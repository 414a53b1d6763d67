"""The model of a cluster: the page has what it computes, and it computes what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turnout.bench import scaling

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "scaling.md").read_text(encoding="utf-8")


def test_the_page_has_what_is_computed():
    assert scaling.fill(PAGE) == PAGE
    assert sorted(re.findall(r"<!-- (\w+) -->", PAGE)) == sorted(scaling.TABLES)


def test_every_constant_has_a_source():
    found = scaling.constants()
    assert len(found) > 30
    assert [name for name, one in found.items() if not one.source or not one.unit] == []
    text = Path(scaling.__file__).read_text(encoding="utf-8")
    assert [name for name in found if len(re.findall(rf"\b{name}\b", text)) < 2] == []


def test_measured_figures_are_those_of_the_performance_page():
    measured = (DOCS / "performance.md").read_text(encoding="utf-8")
    for said in (
        r"disk, parts in use .* 26\.6 \|",
        r"processor time of the server.* 13\.6 \|",
        r"counts, one campaign .* 12\.8 \(23\.5\)",
        r"daily uniques, one campaign .* 17\.2 \(28\.3\)",
        r"the largest campaign \(18 % of all events\)",
    ):
        assert re.search(said, measured), said
    assert (scaling.DISK_BYTES.value, scaling.COUNTS_MS.value, scaling.KEPT_MS.value) == (26.6, 12.8, 17.2)


def test_at_the_measured_size_the_model_says_what_was_measured():
    # Two cores counted 116 to 141 ns an event; the model takes CPU time.
    assert 116 <= scaling.RAW_NS.value / 2 <= 141
    assert scaling.slowest_of(1, 12.8, 23.5) == pytest.approx((12.8, 23.5))
    assert scaling.shards_to_hold(10**8) == scaling.shards_to_write(10**5) == 1


def test_more_never_needs_less():
    for needed in (scaling.shards_to_hold, scaling.shards_to_answer):
        found = [needed(stored) for stored in scaling.STORED]
        assert found == sorted(found)
    assert [scaling.shards_to_write(rate) for rate in scaling.RATES] == sorted(
        map(scaling.shards_to_write, scaling.RATES)
    )
    slow = [scaling.slowest_of(shards, 10, 20) for shards in (1, 10, 100)]
    assert slow == sorted(slow)
    assert scaling.shards_to_look(10**9, 10**4) == 5
    assert scaling.look_cores(10**9, 10**4, 5) <= scaling.CORES.value * scaling.SPENT_ON_LOOKS.value


def test_turns_of_inserts_fit_into_their_half():
    for rate in scaling.RATES:
        turns_s = scaling.processes(rate) / scaling.flush_s(rate) * scaling.QUORUM_MS.value / 1000
        assert turns_s <= 0.5 + 1e-9
        assert rate * scaling.flush_s(rate) / scaling.processes(rate) <= scaling.BATCH.value * 1.01


def test_every_process_has_room_for_the_ids_of_all():
    for rate in scaling.RATES:
        count, (each, of_the_store) = scaling.processes(rate), scaling.learn_cores(rate)
        assert rate * scaling.FRONT_US.value / 1e6 / count + each <= scaling.BUSY.value
        assert of_the_store >= count * rate * scaling.LEARN_STORE_US.value / 1e6
    measured = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert re.search(r"its memory, and its file \| 251 MiB", measured)
    assert pytest.approx(251 * 2**20 / 1e8, abs=0.05) == scaling.FILTER_BYTES.value


def test_the_command_prints_every_table(capsys):
    scaling.main([])
    said = capsys.readouterr().out
    assert [name for name in scaling.TABLES if f"{name}\n" not in said] == []


@pytest.mark.parametrize(
    ("number", "said"), [(4.8e9, "4.8 GB"), (950, "0.95 kB"), (53.2e12, "53.2 TB"), (2e15, "2 PB")]
)
def test_sizes(number, said):
    assert scaling.size(number) == said


@pytest.mark.parametrize(("ms", "said"), [(12.34, "12.3 ms"), (2190, "2.19 s"), (300_000, "5 min"), (36e6, "10 h")])
def test_times(ms, said):
    assert scaling.time(ms) == said
