"""The whole ASGI application, in process: router, origin check, sessions, consumers."""

import pytest
from asgiref.sync import sync_to_async
from channels.testing import HttpCommunicator, WebsocketCommunicator

from board.models import Room
from config.routing import application
from realtime.feed import feeds
from realtime.health import health
from realtime.middleware import OriginMiddleware

ORIGIN = (b"origin", b"http://localhost:8000")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def no_feeds_left():
    yield
    await feeds.close()


@pytest.fixture
def room() -> Room:
    """Transactional tests empty the database, and the rooms that its migration made with it."""
    return Room.objects.get_or_create(slug="lobby", defaults={"title": "Lobby"})[0]


async def test_the_websocket_protocol_comes_first():
    assert next(iter(application.application_mapping)) == "websocket"


async def test_a_foreign_origin_is_refused():
    foreign = [b"https://evil.example", b"http://[", b"null"]
    for headers in (*([(b"origin", origin)] for origin in foreign), []):
        socket = WebsocketCommunicator(application, "/ws/", headers=headers)
        assert not (await socket.connect())[0]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example:8443", True),
        ("https://a.example", False),
        ("https://a.example:443", False),
        ("http://a.example:8443", False),
        ("https://b.example:8443", False),
        ("https://x.a.example:8443", False),
    ],
)
def test_the_port_belongs_to_the_origin(origin: str, allowed: bool):
    assert OriginMiddleware(application, ["https://a.example:8443"]).allows(origin) == allowed


async def test_the_feed_says_hello_and_catches_up(room: Room):
    from uuid import uuid4

    await sync_to_async(room.post)(uuid4(), "ann", "hi")
    socket = WebsocketCommunicator(application, "/ws/board/lobby/?after=0", headers=[ORIGIN])
    assert (await socket.connect())[0]
    assert (await socket.receive_json_from())["last"] == 1
    assert (await socket.receive_json_from())["message"]["text"] == "hi"
    await socket.disconnect()
    assert feeds.by_topic == {}


@pytest.mark.parametrize(
    ("path", "code"), [("/ws/board/none/", 4404), ("/ws/board/lobby/?after=x", 1008), ("/ws/x", 4404)]
)
async def test_what_cannot_be_followed_is_closed_with_a_code_and_a_reason(room: Room, path: str, code: int):
    socket = WebsocketCommunicator(application, path, headers=[ORIGIN])
    assert (await socket.connect())[0]
    closed = await socket.receive_output()
    assert (closed["code"], bool(closed["reason"])) == (code, True)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/admin/", 404)])
async def test_daphne_serves_health_and_no_django_view(path: str, status: int):
    answer = await HttpCommunicator(health, "GET", path).get_response()
    assert answer["status"] == status
