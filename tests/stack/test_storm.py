"""Everybody comes back at once: after a crash, or when a network was away."""

import asyncio
import time
from base64 import b64encode

import httpx
import pytest

from tests.machine import wait_for
from tests.stack.processes import Processes
from tests.stack.visitor import Visitor

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("stack", ["processes"], indirect=True),
]

CLIENTS = 3000
# Seconds. A handshake may take as long.
PATIENCE = 30

# Logs thirty users in a hundred times each, and prints the sessions' keys.
SESSIONS = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import get_random_string
expire = timezone.now() + timezone.timedelta(days=1)
sessions = []
for number in range(30):
    user = User.objects.create_user(f"storm-{number}", password=None)
    login = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    data = SessionStore().encode(login)
    for _ in range(100):
        sessions.append(Session(session_key=get_random_string(32), session_data=data, expire_date=expire))
Session.objects.bulk_create(sessions)
print(*(session.session_key for session in sessions))
"""


class Client:
    """A socket on a room's feed, as bytes: 3,000 must cost the tests little."""

    def __init__(self, url: httpx.URL, path: str, session: str):
        self.url = url
        self.path = path
        self.session = session

    async def come(self) -> bytes:
        """Connect; returns what the server says up to the end of its hello."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.url.port)
        origin = f"http://{self.url.netloc.decode()}"
        key = b64encode(bytes(16)).decode()
        self.writer.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self.url.netloc.decode()}\r\nOrigin: {origin}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nCookie: sessionid={self.session}\r\n\r\n".encode()
        )
        try:
            return await self.reader.readuntil(b"}}")
        except (asyncio.IncompleteReadError, OSError) as error:
            return getattr(error, "partial", b"")

    def go(self) -> None:
        self.writer.transport.abort()


async def test_3000_clients_with_sessions_come_back_at_once_and_all_succeed(
    stack: Processes, visitor: Visitor
):
    await asyncio.to_thread(wait_for, "others are gone", lambda: sockets(stack) == 0)
    printed = await asyncio.to_thread(stack.manage, "shell", "--command", SESSIONS)
    sessions = printed.split()[-CLIENTS:]
    path = f"/ws/board/lobby/?after={visitor.last()}"
    clients = [Client(httpx.URL(stack.url), path, session) for session in sessions]
    try:
        await all_come(clients)
        assert sockets(stack) == CLIENTS
        stack.stop("ws", kill=True)
        for client in clients:
            client.go()
        stack.start("ws")
        await asyncio.to_thread(wait_for, "ws answers", lambda: stack.answers("/healthz", stack.ports["ws"]))
        await all_come(clients)
        assert sockets(stack) == CLIENTS
    finally:
        for client in clients:
            client.go()
    await asyncio.to_thread(wait_for, "they are gone", lambda: sockets(stack) == 0)


async def all_come(clients: list[Client]) -> None:
    """All at once."""
    started = time.monotonic()
    answers = await asyncio.gather(*(client.come() for client in clients))
    took = time.monotonic() - started
    bad = [answer for answer in answers if not (answer.startswith(b"HTTP/1.1 101 ") and b'"hello"' in answer)]
    assert not bad, f"{len(bad)} were refused after {took:.1f} s, such as {bad[:3]}"
    assert took < PATIENCE


def sockets(stack: Processes) -> int:
    """How many WebSockets ws has."""
    return httpx.get(f"http://localhost:{stack.ports['ws']}/healthz").json()["sockets"]
