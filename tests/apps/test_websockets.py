"""WebSockets through the gateway, plain and with TLS."""

import asyncio
import contextlib
import functools
import os

import pytest
import websockets.exceptions
from harness.process import LIMIT
from harness.websocket import opened

pytestmark = pytest.mark.websocket
MIB = 1024 * 1024


@pytest.fixture(params=["plain", "tls"])
def opens(request, world, peer):
    """Opens a WebSocket to the peer."""
    gateway = getattr(world, request.param)
    return lambda query="": opened(gateway, f"{peer.name}.localhost", f"/ws{query}")


def within_limit(test):
    """Runs a test that is a coroutine."""

    @functools.wraps(test)
    def run(**given):
        asyncio.run(asyncio.wait_for(test(**given), LIMIT))

    return run


@pytest.mark.parametrize("size,count", [(1024, 1000), (MIB, 5), (0, 3)])
@within_limit
async def test_messages_come_back(opens, size, count):
    async with opens() as wire:
        for number in range(count):
            message = os.urandom(size)
            await wire.send(message)
            assert await wire.recv() == message, f"message {number}"


@within_limit
async def test_messages_may_be_sent_before_the_others_came_back(opens):
    async with opens() as wire:

        async def send():
            for number in range(1000):
                await wire.send(f"{number} ".ljust(1024))

        sending = asyncio.create_task(send())
        for number in range(1000):
            assert (await wire.recv()).split()[0] == str(number)
        await sending


@within_limit
async def test_a_ping_is_answered(opens):
    async with opens() as wire:
        for _ in range(20):
            await (await wire.ping())


@within_limit
async def test_the_app_hears_with_which_code_the_client_closes(opens, told):
    async with opens(f"?tell={told.port}") as wire:
        await wire.send("hello")
        assert await wire.recv() == "hello"
        await wire.close(4002, "had enough")
    assert told.hear().startswith("closed 4002")


@within_limit
async def test_the_client_hears_with_which_code_the_app_closes(opens):
    async with opens() as wire:
        await wire.send("close 4001 not today")
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            await wire.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "not today")


@within_limit
async def test_the_app_hears_that_the_client_is_gone(opens, told):
    async with opens(f"?tell={told.port}") as wire:
        await wire.send("hello")
        assert await wire.recv() == "hello"
        wire.transport.abort()
    assert told.hear().startswith("closed 100")


@within_limit
async def test_many_are_open_at_once(opens):
    async with contextlib.AsyncExitStack() as all_open:
        wires = await asyncio.gather(*(all_open.enter_async_context(opens()) for _ in range(50)))
        for number, wire in enumerate(wires):
            await wire.send(f"number {number}")
        for number, wire in enumerate(wires):
            assert await wire.recv() == f"number {number}"
