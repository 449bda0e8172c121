"""Publishes in the name of each contender: a program run with the product's settings.

It reads one JSON request a line and answers each with one JSON line. Times are time.monotonic_ns(),
a clock that all processes of a machine share.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402

from board.models import Message, Room  # noqa: E402  apps come before models
from realtime import hints  # noqa: E402

ROOM = "lobby"
# With it a frame has about 200 bytes.
FILL = " Good morning, is anyone there? The coffee is ready."


def announce(room: Room, message: Message) -> None:
    """What Room.post does on commit."""
    hints.publish(room.topic, message.as_json())


@transaction.atomic
def store(texts: list[str]) -> list[Callable[[], Any]]:
    """Ours: the messages in the database, all in one transaction, and what publishes each."""
    room = Room.objects.select_for_update().get(slug=ROOM)
    messages = [
        Message(room=room, seq=room.last_seq + number, key=uuid4(), nickname="bench", text=text)
        for number, text in enumerate(texts, start=1)
    ]
    Message.objects.bulk_create(messages)
    room.last_seq += len(texts)
    room.save(update_fields=["last_seq"])
    return [partial(announce, room, message) for message in messages]


def encoded(texts: list[str]) -> list[str]:
    """The text frames that the product would send, ready made for those who don't read a database."""
    message = {"nickname": "bench", "at": "2026-01-01T00:00:00.000Z", "hidden": False}
    return [
        json.dumps({"type": "message", "message": {"seq": 1000 + number, "text": text} | message})
        for number, text in enumerate(texts)
    ]


def group(name: str, texts: list[str]) -> list[Callable[[], Any]]:
    """Stock Channels: what RedisPubSubChannelLayer.group_send() publishes."""
    serialize = get_channel_layer().serialize
    publish = partial(hints.redis_client().publish, f"asgi__group__{name}")
    return [partial(publish, serialize({"type": "feed.message", "text": text})) for text in encoded(texts)]


def frames(name: str, texts: list[str]) -> list[Callable[[], Any]]:
    """The bare loop: whole frames (RFC 6455, 5.2), text, final, of 126 to 65535 bytes."""
    publish = partial(hints.redis_client().publish, name)
    payloads = [text.encode() for text in encoded(texts)]
    return [partial(publish, b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload) for payload in payloads]


def prepare(kind: str, name: str, first: int, count: int) -> list[Callable[[], Any]]:
    """What publishes the messages #first … one by one. The number is how a client knows them."""
    texts = [f"#{number:09d}{FILL}" for number in range(first, first + count)]
    return store(texts) if kind == "ours" else {"group": group, "frames": frames}[kind](name, texts)


def burst(kind: str, name: str, first: int, count: int) -> dict[str, Any]:
    """Publish `count` messages as fast as it goes; ours were stored before the first."""
    sent = []
    for publish in prepare(kind, name, first, count):
        sent.append(time.monotonic_ns())
        publish()
    return {"sent": sent}


def paced(kind: str, name: str, first: int, count: int, rate: float) -> dict[str, Any]:
    """Publish `rate` messages a second; ours each stored in a transaction of its own before."""
    sent = []
    start = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        [publish] = prepare(kind, name, first + number, 1)
        sent.append(time.monotonic_ns())
        publish()
    return {"sent": sent}


def last() -> dict[str, Any]:
    """The number that our clients resume from."""
    return {"last": Room.objects.get(slug=ROOM).last_seq}


def sessions(count: int) -> dict[str, Any]:
    """The keys of `count` sessions of one logged-in user."""
    user, _ = get_user_model().objects.get_or_create(username="bench")
    keys = []
    for _ in range(count):
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        keys.append(session.session_key)
    return {"sessions": keys}


REQUESTS = {"burst": burst, "paced": paced, "last": last, "sessions": sessions}

if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        number, do = request.pop("id"), request.pop("do")
        print(json.dumps({"id": number} | REQUESTS[do](**request)), flush=True)
