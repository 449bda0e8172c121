"""Whose socket it is, and its end when they log out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error, transaction
from django.http import parse_cookie

from realtime import hints
from realtime.hints import listener, start

log = logging.getLogger("auth")

TOPIC = "users"
# Seconds in which every socket of a user is looked at once, should the hint have been lost.
ROUND = 300
LOG_IN_AGAIN = 4401

Send = Callable[[dict[str, Any]], Awaitable[None]]


def digest(session_key: str | None) -> str:
    """A session's name outside the database: its key is as good as a password."""
    return sha256((session_key or "").encode()).hexdigest()


def session_store(session_key: str | None) -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore(session_key)


def user_of(session: SessionBase) -> Any:
    """The session's user, or an anonymous one. Raises django.db.Error while the database is away."""
    return get_user.func({"session": session})


# In any thread: database_sync_to_async alone has one for all.
find_user = database_sync_to_async(user_of, thread_sensitive=False)


@dataclass(eq=False, slots=True)
class Login:
    """One socket of somebody who is logged in."""

    user: str
    session_key: str
    send: Send

    async def end(self) -> None:
        await self.send(
            {"type": "websocket.close", "code": LOG_IN_AGAIN, "reason": "You are logged out. Log in again."}
        )

    async def check(self) -> None:
        """End it unless the session still is this user's, and the user active."""
        try:
            user = await find_user(session_store(self.session_key))
        except Error as error:
            log.warning("a login could not be looked at: %s", type(error).__name__)
            return
        if str(user.pk) != self.user:
            await self.end()


class Logins:
    """The sockets of this process that belong to somebody."""

    def __init__(self) -> None:
        self.by_user: dict[str, set[Login]] = {}
        self.patrol: asyncio.Task[None] | None = None

    def add(self, login: Login) -> None:
        self.by_user.setdefault(login.user, set()).add(login)
        if self.patrol is None:
            self.patrol = start(self.look_at_all())
            listener.add(TOPIC, self.on_hint)

    def discard(self, login: Login) -> None:
        logins = self.by_user[login.user]
        logins.discard(login)
        if not logins:
            del self.by_user[login.user]

    def on_hint(self, body: dict[str, str]) -> None:
        for login in self.by_user.get(body["user"], ()):
            # A session that is just ending may still be in the database.
            start(login.end() if digest(login.session_key) == body["session"] else login.check())

    async def look_at_all(self) -> None:
        while True:
            logins = [login for logins in self.by_user.values() for login in logins]
            for login in logins:
                await asyncio.sleep(ROUND / len(logins))
                await login.check()
            if not logins:
                await asyncio.sleep(ROUND)

    async def close(self) -> None:
        """End what runs for this process's logins."""
        if self.patrol:
            self.patrol.cancel()
            await asyncio.gather(self.patrol, return_exceptions=True)
            listener.remove(TOPIC)
            self.patrol = None


logins = Logins()


class UserMiddleware:
    """Puts `cookies`, `session` and `user` into the scope, as Channels' AuthMiddlewareStack does.

    With two differences. A visitor without a session costs no thread and no query, and the others
    don't queue for one thread: thousands come back at once. And a socket is closed 4401 when its
    user logs out, is deactivated or changes the password (django/channels#1324).
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Send) -> None:
        cookies = parse_cookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
        key = cookies.get(settings.SESSION_COOKIE_NAME)
        session = session_store(key)
        user = await find_user(session) if key else AnonymousUser()
        scope = scope | {"cookies": cookies, "session": session, "user": user}
        if not user.is_authenticated:
            await self.app(scope, receive, send)
            return
        login = Login(str(user.pk), key, send)
        logins.add(login)
        try:
            await self.app(scope, receive, send)
        finally:
            logins.discard(login)


def tell(user: Any, session_key: str | None = None) -> None:
    """Let every process look at this user's sockets, once the change is committed."""
    body = {"user": str(user.pk), "session": digest(session_key)}
    transaction.on_commit(partial(hints.publish, TOPIC, body))


def on_logout(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if user:
        tell(user, request.session.session_key if request else None)


def on_change(sender: Any, instance: Any, update_fields: Any = None, **kwargs: Any) -> None:
    # Every login saves the time of it.
    if update_fields is None or set(update_fields) != {"last_login"}:
        tell(instance)
