"""The WebSocket server, `python -m realtime.server`: Daphne, with a goodbye to its sockets."""

import asyncio
import random
import sys
from typing import Any

from daphne.server import Server
from twisted.internet import defer

from realtime.protocol import Protocol

# Seconds. The timeout is below the interval: a second ping would overwrite the first one's timer
# and drop a healthy slow peer. nginx's proxy_read_timeout is longer than both together.
PING_INTERVAL = 25
PING_TIMEOUT = 20
# Daphne's and autobahn's 5 s cover the application's connect() too: a reconnect storm would time
# out in the queue.
CONNECT_TIMEOUT = 30
# Bytes. Larger than any answer of ours: autobahn holds outgoing messages to the same limit.
MAX_MESSAGE = 1024 * 1024
# Seconds between two goodbyes at most: a handful of sockets need not take the whole drain.
LONGEST_PAUSE = 0.05


class RealtimeServer(Server):
    """Daphne's server, which says goodbye to its sockets before it goes.

    Stock Daphne drops every socket without a close frame at SIGTERM, and no `disconnect()` runs
    (django/daphne#38, #177).
    """

    def __init__(self, *, drain_seconds: float, **options: Any):
        super().__init__(**options, ready_callable=self.ready)
        self.drain_seconds = drain_seconds
        self.draining = False
        self.ports: list[Any] = []

    def ready(self) -> None:
        """Runs just before the reactor does, when the WebSocket factory exists."""
        self.ws_factory.protocol = Protocol
        # Too big a message is answered 1009 instead of a dropped connection (1006).
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=5)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self.ports.append(port)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """What the reactor waits for before it stops; Daphne's own cancels every consumer here."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        """Listen no more, close every socket with 1012, and let every consumer end.

        The sockets go in random order, spread over `drain_seconds`, so that their clients don't
        arrive at the next server all at once.
        """
        self.draining = True
        for port in self.ports:
            await defer.maybeDeferred(port.stopListening).asFuture(asyncio.get_running_loop())
        sockets = [protocol for protocol in self.connections if isinstance(protocol, Protocol)]
        random.shuffle(sockets)
        for protocol in sockets:
            protocol.go_away()
            await asyncio.sleep(min(self.drain_seconds / len(sockets), LONGEST_PAUSE))
        await self.end_applications()

    async def end_applications(self) -> None:
        """Wait for the consumers, and cancel those that take longer than application_close_timeout."""
        running = {
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details
        }
        if running:
            _, late = await asyncio.wait(running, timeout=self.application_close_timeout)
            for application in late:
                application.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def main() -> None:
    """Serve `config.asgi` until SIGTERM. Exits 1 when the port can't be listened on."""
    from config import environment as env
    from config.asgi import application

    host, _, port = env.WS_BIND.rpartition(":")
    server = RealtimeServer(
        drain_seconds=env.WS_DRAIN_SECONDS,
        application=application,
        endpoints=[f"tcp:port={port}:interface={host}"],
        http_timeout=10,
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        # Its close is 1000, which tells a client to stay away.
        websocket_timeout=-1,
        websocket_connect_timeout=CONNECT_TIMEOUT,
        websocket_handshake_timeout=CONNECT_TIMEOUT,
        websocket_max_message_size=MAX_MESSAGE,
        websocket_max_frame_size=MAX_MESSAGE,
        # nginx overwrites it; X-Forwarded-For would be read from the end a client can write.
        proxy_forwarded_address_header="X-Real-IP",
        verbosity=0,
        server_name="",
    )
    server.run()
    if not server.ports:
        sys.exit(f"Nothing can listen on {env.WS_BIND}: it is taken, or not an address of this machine.")


if __name__ == "__main__":
    main()
