"""Whose socket it is: without a thread for visitors, with the session for the others, and until it ends."""

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from config.routing import application
from realtime import auth
from realtime.auth import UserMiddleware, logins
from realtime.hints import listener
from tests.unit.test_routing import ORIGIN

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def no_logins_left() -> AsyncIterator[None]:
    yield
    assert logins.by_user == {}
    await logins.close()
    await listener.close()


@pytest.fixture
def client(db: None) -> Client:
    """A browser with somebody logged in."""
    client = Client()
    client.force_login(User.objects.create_user("ann"))
    return client


def cookie(client: Client) -> tuple[bytes, bytes]:
    return b"cookie", f"other=1; sessionid={client.cookies['sessionid'].value}".encode()


async def scope_of(*headers: tuple[bytes, bytes]) -> dict:
    """What a consumer gets to see."""
    seen: list[dict] = []

    async def remember(scope, receive, send) -> None:
        seen.append(scope)

    await UserMiddleware(remember)({"type": "websocket", "headers": headers}, None, None)
    return seen[0]


async def test_a_visitor_without_a_session_costs_no_thread(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(auth, "find_user", None)
    for headers in ([], [(b"cookie", b"other=1")], [(b"cookie", b"sessionid=")]):
        assert (await scope_of(*headers))["user"] == AnonymousUser()


async def test_a_session_and_its_user_are_in_the_scope(client: Client):
    scope = await scope_of(cookie(client))
    assert scope["user"].username == "ann"
    assert scope["session"].session_key == client.cookies["sessionid"].value
    assert scope["cookies"]["other"] == "1"


async def test_the_session_is_looked_for_under_the_name_that_the_settings_give_it(client: Client, settings):
    settings.SESSION_COOKIE_NAME = "__Host-sessionid"
    renamed = f"__Host-sessionid={client.cookies['sessionid'].value}".encode()
    assert (await scope_of((b"cookie", renamed)))["user"].username == "ann"
    assert (await scope_of(cookie(client)))["user"] == AnonymousUser()


async def test_a_session_that_is_none_is_a_visitors():
    assert (await scope_of((b"cookie", b"sessionid=" + b"x" * 32)))["user"] == AnonymousUser()


CHANGES = {
    "logged out": lambda client: client.session.flush(),
    "deactivated": lambda client: User.objects.update(is_active=False),
    "given another password": lambda client: User.objects.update(password="another one"),
    "deleted": lambda client: User.objects.all().delete(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_the_rounds_find_a_login_that_ended_without_a_hint(
    client: Client, change, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(auth, "ROUND", 0.05)
    monkeypatch.setattr(auth.hints, "publish", lambda topic, body: None)
    socket = WebsocketCommunicator(application, "/ws/", headers=[ORIGIN, cookie(client)])
    assert (await socket.connect())[0]
    assert await socket.receive_nothing(0.3)
    await sync_to_async(change)(client)
    closed = await socket.receive_output(timeout=5)
    assert (closed["type"], closed["code"], bool(closed["reason"])) == ("websocket.close", 4401, True)
    await socket.disconnect()
