"""Who waits for whom: what is drawn is in the way of nothing else."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from turnout.charts.renderer import Renderer
from turnout.errors import Overloaded
from turnout.services import Drawers

#: More than there are threads for questions.
MANY = 24


@pytest.mark.parametrize(
    "path",
    [
        "/v1/campaigns/spring-sale/chart.svg?panel=funnel",
        "/dashboard/panel?id=spring-sale&panel=funnel&format=svg",
        "/dashboard/campaign?id=spring-sale",
    ],
)
def test_a_question_does_not_wait_for_charts(sampled, visit, monkeypatch, path):
    drawn, begun = threading.Event(), threading.Semaphore(0)

    def wait(*_: object, **__: object) -> str:
        begun.release()
        drawn.wait(30)
        return "<svg/>"

    monkeypatch.setattr(Renderer, "svg", wait)
    monkeypatch.setattr(Renderer, "picture", lambda *_, **__: wait().encode())
    client = visit(sampled)
    client.headers["Authorization"] = f"Bearer {sampled.key}"
    with ThreadPoolExecutor(MANY) as askers:
        asked = [askers.submit(client.get, path) for _ in range(MANY)]
        try:
            for _ in range(4):
                assert begun.acquire(timeout=20)
            found = client.get("/v1/stats", params={"metrics": "sent", "campaign": "spring-sale"}, timeout=10)
            assert found.status_code == 200
        except httpx.TimeoutException:
            pytest.fail("the question waited for charts")
        finally:
            drawn.set()
        assert {one.result().status_code for one in asked} == {200}


def test_only_so_much_waits_to_be_drawn():
    async def ask() -> None:
        drawers, go = Drawers(1, limit=2), threading.Event()
        first, second = (asyncio.ensure_future(drawers.run(go.wait, 10)) for _ in range(2))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await drawers.run(go.wait, 10)
        assert refused.value.retry_after_s > 0
        second.cancel()
        go.set()
        assert await first
        # Who went away is in nobody's way, and what was refused is not either.
        assert await drawers.run(go.wait, 10)
        drawers.close()

    asyncio.run(ask())
