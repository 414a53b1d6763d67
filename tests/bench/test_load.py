"""The load generator against a small server that answers in pieces, or not well."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from turnout.bench.load import Address, LoadFailed, drive, fetch, request

Answer = Callable[[bytes], list[bytes]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Address]]:
    """Starts servers that answer each request with the pieces that a function gives, one write each."""
    stops: list[Callable[[], None]] = []

    def start(answer: Answer) -> Address:
        ready: list[int] = []
        started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = (
                        int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length" in head else 0
                    )
                    pieces = answer(await reader.readexactly(length))
                    for piece in pieces:
                        writer.write(piece)
                        await asyncio.sleep(0.002)
                    if not pieces:
                        break
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        async def main() -> None:
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            ready.append(server.sockets[0].getsockname()[1])
            started.set()
            async with server:
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
        thread.start()

        def end() -> None:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()

        stops.append(end)
        assert started.wait(10)
        return Address("127.0.0.1", ready[0])

    yield start
    for stop in stops:
        stop()


def echo(body: bytes) -> list[bytes]:
    """A good answer in three pieces, split in the head and in the body."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    return [whole[:10], whole[10:-2], whole[-2:]]


def test_every_request_is_sent_once_and_timed(serve: Callable[[Answer], Address]) -> None:
    got: list[bytes] = []

    def answer(body: bytes) -> list[bytes]:
        got.append(body)
        return echo(body)

    sent = [b"body %d" % number for number in range(25)]
    load = drive(serve(answer), [request("POST", "/", body=body) for body in sent], connections=4)
    assert sorted(got) == sorted(sent)
    assert load.answers == 25
    assert all(0.004 <= latency <= load.seconds for latency in load.latencies_s)
    assert load.rate == pytest.approx(25 / load.seconds)


def test_no_request_is_begun_after_the_limit(serve: Callable[[Answer], Address]) -> None:
    load = drive(serve(echo), (request("POST", "/", body=b"more") for _ in range(100_000)), 2, limit_s=0.1)
    assert 1 <= load.answers < 1000
    assert load.seconds < 5


def test_fewer_requests_than_connections(serve: Callable[[Answer], Address]) -> None:
    assert drive(serve(echo), [request("POST", "/", body=b"only")], connections=8).answers == 1


def test_fetch_returns_the_body(serve: Callable[[Answer], Address]) -> None:
    assert fetch(serve(echo), request("POST", "/", body=b"word")) == b"word"


def test_any_other_answer_ends_the_run(serve: Callable[[Answer], Address]) -> None:
    refusal = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nslow"
    address = serve(lambda body: [refusal])
    with pytest.raises(LoadFailed, match=r"429(?s:.*)slow"):
        drive(address, [request("POST", "/", body=b"x")] * 3, connections=2)
    with pytest.raises(LoadFailed, match="429"):
        fetch(address, request("GET", "/"))


def test_a_closed_connection_ends_the_run(serve: Callable[[Answer], Address]) -> None:
    with pytest.raises(LoadFailed, match="closed"):
        drive(serve(lambda body: []), [request("POST", "/", body=b"x")], connections=1)
