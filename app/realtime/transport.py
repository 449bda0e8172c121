"""A TCP connection that is written to at once."""

from twisted.internet import tcp


class DirectTransport(tcp.Server):
    """Twisted's connection, without the detour through the reactor for what the kernel takes at once.

    Twisted keeps every write for its next turn and asks epoll to be told when, and when no more:
    three system calls and a turn of the loop for each small frame. Here a write goes out directly
    as long as nothing waits before it.
    """

    waiting = False

    def startWriting(self) -> None:  # noqa: N802  Twisted's name
        self.waiting = True
        super().startWriting()

    def stopWriting(self) -> None:  # noqa: N802  Twisted's name
        self.waiting = False
        super().stopWriting()

    def write(self, data: bytes) -> None:
        if self.waiting or not self.connected:
            super().write(data)
            return
        sent = self.writeSomeData(data)
        if not isinstance(sent, int):
            # The connection is lost; Twisted finds out by itself when it writes.
            super().write(data)
        elif sent < len(data):
            super().write(data[sent:])
