"""The limit: `python bare.py PORT REDIS_URL CHANNEL [joined]` writes each frame from Redis to every socket.

With `joined`, the frames that came from Redis together go out in one write a socket.
No Django, no ASGI, no HTTP parser, no limit, no ping: what any Python server has to do at least.
"""

import asyncio
import base64
import hashlib
import sys

import redis.asyncio as redis
import uvloop

# RFC 6455, 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HELLO = b'\x81\x10{"type":"hello"}'

transports: set[asyncio.Transport] = set()


class Socket(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.request = b""

    def data_received(self, data):
        if self.transport in transports:
            return
        self.request += data
        if not self.request.endswith(b"\r\n\r\n"):
            return
        headers = dict(line.split(b": ", 1) for line in self.request.split(b"\r\n")[1:-2])
        key = {name.lower(): value for name, value in headers.items()}[b"sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324  as the RFC says
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + HELLO
        )
        transports.add(self.transport)

    def connection_lost(self, error):
        transports.discard(self.transport)


def write_all(frames: list[bytes]) -> None:
    data = b"".join(frames)
    frames.clear()
    for transport in transports:
        transport.write(data)


async def main(port: str, url: str, channel: str, joined: str = "") -> None:
    loop = asyncio.get_running_loop()
    frames: list[bytes] = []
    async with redis.from_url(url, socket_timeout=None).pubsub() as subscription:
        await subscription.subscribe(channel)
        await loop.create_server(Socket, "127.0.0.1", int(port), backlog=2048)
        async for message in subscription.listen():
            if message["type"] == "message":
                frames.append(message["data"])
                if not joined:
                    write_all(frames)
                elif len(frames) == 1:
                    # Runs once what Redis sent together is read.
                    loop.call_soon(write_all, frames)


uvloop.run(main(*sys.argv[1:]))
