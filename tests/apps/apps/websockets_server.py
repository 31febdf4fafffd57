"""The WebSocket half of the app, served by the library `websockets`."""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.asyncio.server import serve

LARGEST = 8 * 1024 * 1024


async def answer(socket):
    query = parse_qs(urlsplit(socket.request.path).query)
    try:
        async for message in socket:
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await socket.close(int(code), reason)
            else:
                await socket.send(message)
    except websockets.ConnectionClosedError:
        pass
    if "tell" in query:
        _, writer = await asyncio.open_connection("127.0.0.1", int(query["tell"][0]))
        writer.write(f"closed {socket.close_code} {socket.close_reason or ''}\n".encode())
        writer.close()


async def main():
    async with serve(answer, "127.0.0.1", int(sys.argv[1]), max_size=LARGEST) as server:
        await server.serve_forever()


asyncio.run(main())
