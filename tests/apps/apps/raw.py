"""An app that behaves as it is told, also badly: raw.py PORT

`POST /HOW?size=N&seed=S` is answered with N bytes that follow from S, in the way that HOW names."""

import asyncio
import base64
import hashlib
import random
import socket
import struct
import sys
from urllib.parse import parse_qsl, urlsplit

STALL = 2
PIECE = 50_000
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


class Asked:
    def __init__(self, head: bytes, reader, writer):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.reader, self.writer = reader, writer
        self.method, target, _ = first.split(" ")
        fields = (line.partition(":") for line in lines if line)
        self.fields = {name.lower(): value.strip() for name, _, value in fields}
        self.how = urlsplit(target).path.strip("/")
        query = dict(parse_qsl(urlsplit(target).query))
        self.seed, self.size = int(query.get("seed", 0)), int(query.get("size", 0))

    async def body(self):
        if self.fields.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readline(), 16):
                yield (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        left = int(self.fields.get("content-length", 0))
        while left:
            data = await self.reader.read(min(left, PIECE))
            if not data:
                raise EOFError
            left -= len(data)
            yield data

    def head(self, status="200 OK", *fields: str) -> None:
        self.writer.write("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode())

    async def pieces(self, data: bytes, chunked=False) -> None:
        for place in range(0, len(data), PIECE):
            piece = data[place : place + PIECE]
            self.writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n" if chunked else piece)
            await self.writer.drain()


async def read_all(asked):
    return b"".join([data async for data in asked.body()])


async def length(asked):
    await read_all(asked)
    asked.head("200 OK", f"Content-Length: {asked.size}")
    await asked.pieces(content(asked.seed, asked.size))
    return True


async def chunks(asked):
    await read_all(asked)
    asked.head("200 OK", "Transfer-Encoding: chunked")
    await asked.pieces(content(asked.seed, asked.size), chunked=True)
    asked.writer.write(b"0\r\n\r\n")
    return True


async def until_close(asked):
    await read_all(asked)
    asked.head("200 OK")
    await asked.pieces(content(asked.seed, asked.size))


async def echo(asked):
    body = await read_all(asked)
    asked.head("200 OK", f"Content-Length: {len(body)}")
    await asked.pieces(body)
    return True


async def stall(asked):
    await read_all(asked)
    asked.head("200 OK", f"Content-Length: {asked.size}")
    data = content(asked.seed, asked.size)
    await asked.pieces(data[: asked.size // 2])
    await asked.writer.drain()
    await asyncio.sleep(STALL)
    await asked.pieces(data[asked.size // 2 :])
    return True


async def early(asked):
    """Answers at once, and closes with what was not read."""
    asked.head("413 Content Too Large", "Content-Length: 9", "Connection: close")
    asked.writer.write(b"too large")
    await asked.writer.drain()


async def early_and_stays(asked):
    asked.head("413 Content Too Large", "Content-Length: 9")
    asked.writer.write(b"too large")
    await asked.writer.drain()
    await read_all(asked)
    return True


async def reset(asked):
    reset_on_close(asked)


async def close(asked):
    await read_all(asked)


async def cut_length(asked):
    await read_all(asked)
    asked.head("200 OK", f"Content-Length: {asked.size + 1}")
    await asked.pieces(content(asked.seed, asked.size))


async def cut_chunks(asked):
    await read_all(asked)
    asked.head("200 OK", "Transfer-Encoding: chunked")
    await asked.pieces(content(asked.seed, asked.size), chunked=True)


async def reset_within(asked):
    await cut_length(asked)
    reset_on_close(asked)


async def no_http(asked):
    asked.writer.write(b"SSH-2.0-nothing\r\n\r\n")


async def websocket(asked):
    """Opens, and says a message of the size; then it goes without a word."""
    key = asked.fields.get("sec-websocket-key", "") + MAGIC
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    asked.head(
        "101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"
    )
    asked.writer.write(b"\x82\x7f" + struct.pack(">Q", asked.size))
    await asked.pieces(content(asked.seed, asked.size))
    await asyncio.sleep(random.random() * STALL)
    if asked.seed % 2:
        reset_on_close(asked)


def reset_on_close(asked) -> None:
    asked.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


WAYS = {
    way.__name__.replace("_", "-"): way
    for way in [
        length,
        chunks,
        until_close,
        echo,
        stall,
        early,
        early_and_stays,
        reset,
        close,
        cut_length,
        cut_chunks,
        reset_within,
        no_http,
        websocket,
    ]
}


async def serve(reader, writer):
    try:
        stays = True
        while stays:
            asked = Asked((await reader.readuntil(b"\r\n\r\n"))[:-4], reader, writer)
            stays = await WAYS[asked.how](asked)
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError, EOFError, KeyError, ValueError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=256 * 1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
