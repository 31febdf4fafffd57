"""Opens WebSockets through a gateway.

With asyncio, since the other client of `websockets` reads and writes one TLS connection in two threads, which Python's
ssl takes amiss now and then before 3.13."""

import socket
import ssl

from websockets.asyncio.client import connect

from .process import LIMIT

LARGEST = 8 * 1024 * 1024


def opened(gateway, host: str, path: str, fields: dict | None = None, **more):
    """To be used with `async with`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to = socket.create_connection(("127.0.0.1", gateway.port), timeout=LIMIT)
    to.setblocking(False)
    secure = {"ssl": context, "server_hostname": host} if gateway.tls else {}
    address = f"{'wss' if gateway.tls else 'ws'}://{host}:{gateway.port}{path}"
    options = {"max_size": LARGEST, "proxy": None, "open_timeout": LIMIT, "close_timeout": LIMIT, "ping_interval": None}
    return connect(address, sock=to, additional_headers=fields, **options, **secure, **more)
