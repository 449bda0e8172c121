"""A TCP connection that is written to at once."""

from typing import Any

from twisted.internet import tcp


class DirectTransport(tcp.Server):
    """Twisted's connection, without the detour through the reactor for what the kernel takes at once.

    Twisted keeps every write for its next turn and asks epoll to be told when, and when no more:
    three system calls and a turn of the loop for each small frame. Here a write goes out directly
    as long as nothing waits before it.
    """

    # What each write reads lies in the object itself, not all over its dict: thousands of sockets
    # are more than the processor's caches hold.
    __slots__ = ("connected", "socket", "waiting")

    def __init__(self, *arguments: Any, **options: Any):
        self.connected = 0
        self.waiting = False
        super().__init__(*arguments, **options)

    def startWriting(self) -> None:  # noqa: N802  Twisted's name
        self.waiting = True
        super().startWriting()

    def stopWriting(self) -> None:  # noqa: N802  Twisted's name
        self.waiting = False
        super().stopWriting()

    def write(self, data: bytes) -> None:
        if not self.waiting and self.connected:
            try:
                sent = self.socket.send(data)
            except OSError:
                # It is full, or the connection is lost: Twisted finds out which when it writes.
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        super().write(data)
