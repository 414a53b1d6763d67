"""What Turnout is held against does the work it is said to do, and so does what it is held with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.bench.processes import Site
from turnout.bench.rounds import END
from turnout.demo.traffic import bodies


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as found:
        yield found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "after_repeat"), [("house", 200), ("prototype", 200), ("query", 400), ("push", 400)])
def test_workers_store_every_event_and_only_the_bare_ones_store_it_again(
    site: Site, kind: str, after_repeat: int
) -> None:
    sent = list(bodies(200, 100, campaigns=5, end=END))
    with site.worker(kind) as worker:
        assert worker.handle(sent).rows == 200
        again = worker.handle(sent)
        assert again.rows == after_repeat
        assert again.seconds > 0
