"""WebSockets: to an app that echoes, and to one that goes without a word."""

import asyncio

from harness.process import LIMIT
from harness.websocket import opened
from raw import content
from websockets.exceptions import ConnectionClosed


def visit(visitor) -> str:
    gateway = visitor.choices.choice([visitor.plain, visitor.tls])
    does = echoed if visitor.happens(0.7) else forsaken
    visitor.does = f"WebSocket {does.__name__} through {gateway.name}"
    return asyncio.run(asyncio.wait_for(does(visitor, gateway), LIMIT))


async def echoed(visitor, gateway) -> str:
    async with opened(gateway, "websockets.localhost", "/") as wire:
        for _ in range(visitor.choices.randrange(20)):
            message = content(visitor.choices.randrange(1 << 32), visitor.size())
            await wire.send(message)
            if visitor.happens(0.05):
                wire.transport.abort()
                return "WebSocket left"
            assert await wire.recv() == message, "another message came back"
        await wire.close(4000, "enough")
    return "WebSocket echoed"


async def forsaken(visitor, gateway) -> str:
    seed, size = visitor.choices.randrange(1 << 32), visitor.choices.choice([0, 1000, 500_000])
    async with opened(gateway, "raw.localhost", f"/websocket?seed={seed}&size={size}") as wire:
        try:
            assert await wire.recv() == content(seed, size), "another message came"
            await wire.recv()
        except ConnectionClosed:
            return "WebSocket forsaken"
    raise AssertionError("the app left, and the WebSocket is open")
