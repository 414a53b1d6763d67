"""The groups that only run where they are named: what they find, and what they make of it."""

import json
import subprocess
import sys
from pathlib import Path

from turnout.bench import questions, soak


def test_soak_runs_when_named(tmp_path: Path) -> None:
    stores, output = tmp_path / "stores", tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "turnout", "bench", "--quick", "--only", "soak",
         "--directory", str(stores), "--output", str(output)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_bytes())["findings"]
    assert {one["group"] for one in found} == {"soak, 0.0 minutes"}
    by_what = {one["what"]: one["measured"]["p50"] for one in found}
    assert by_what["resident memory, at most"] > 50
    assert by_what["events of all sizes"] > by_what["requests"] > 0
    assert list(stores.iterdir()) == []


def test_growth_is_the_ratio_of_medians_and_budgeted_where_a_question_may_not_grow_with_the_store() -> None:
    medians = {size: {one.name: size / 100 for one in questions.QUESTIONS} for size in (1000, 1600)}
    grown = list(questions.growth("scale", medians, 1000, 1600))
    assert {one.ratio.p50 for one in grown if one.ratio is not None} == {1.6}
    assert sorted({one.verdict for one in grown}) == ["", "short"]
    assert {one.verdict for one in questions.growth("scale", medians, 1000, 1600, budgeted=False)} == {""}


def test_memory_that_grows_with_the_requests_is_found() -> None:
    supply = soak._Supply(campaigns=1, seed=1, events=600_000, requests=1000)

    def verdict(bytes_an_event: float) -> str:
        samples = [
            soak._Sample(float(second), 1000 * second, 300_000_000 + int(1000 * second * bytes_an_event), 0)
            for second in range(600)
        ]
        (found,) = (one for one in soak._findings(samples, supply, 600.0, 120.0) if "less" in one.what)
        return found.verdict

    assert verdict(9.0) == "ok"
    assert verdict(300.0) == "short"
