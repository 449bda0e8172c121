"""Hints: "this is new under topic". They may get lost; the database is the truth.

Every process holds one subscription to the channel layer, whatever the number of its sockets.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import cache
from typing import Any

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger("hints")

GROUP = "hints"
# What RedisPubSubChannelLayer subscribes to for a group.
REDIS_CHANNEL = f"asgi__group__{GROUP}"
# Seconds between two attempts to subscribe.
PAUSE = 1


def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that outlives the socket which caused it: its log lines carry no request id."""
    return asyncio.create_task(coroutine, context=Context())


@cache
def redis_client() -> redis.Redis:
    """This process's pooled connections, for synchronous code.

    Half a second and one repetition at most, for a connection that Redis closed meanwhile: whoever
    waits here has better things to do, and the look-up finds what was not published.
    """
    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=retry
    )


def publish(topic: str, body: Any) -> None:
    """Tell every process, from synchronous code. Never raises: what it says is in the database.

    `body` is whatever the channel layer can carry: numbers, strings, lists, dicts.
    """
    layer = get_channel_layer()
    hint = {"type": "hint", "topic": topic, "body": body}
    try:
        if settings.REDIS_URL:
            # async_to_sync(layer.group_send) opens a connection on every call (channels_redis#125).
            redis_client().publish(REDIS_CHANNEL, layer.serialize(hint))
        else:
            async_to_sync(layer.group_send)(GROUP, hint)
    except Exception as error:
        log.warning("not published: %s", type(error).__name__)


class Listener:
    """This process's subscription, and who wants to know of which topic."""

    def __init__(self) -> None:
        self.receivers: dict[str, Callable[[Any], None]] = {}
        self.task: asyncio.Task[None] | None = None

    def add(self, topic: str, receiver: Callable[[Any], None]) -> None:
        """Call `receiver(body)` for each hint under `topic`, from now on."""
        self.receivers[topic] = receiver
        if self.task is None:
            self.task = start(self.run())

    def remove(self, topic: str) -> None:
        del self.receivers[topic]

    async def run(self) -> None:
        """Listen until cancelled. Neither an outage nor a message that can't be read ends it."""
        layer = get_channel_layer()
        channel = ""
        while True:
            try:
                # One for good: what the layer collects for another one nobody would ever take.
                channel = channel or await layer.new_channel()
                await layer.group_add(GROUP, channel)
                while True:
                    self.hand_on(await layer.receive(channel))
            except Exception as error:
                log.warning("not listening, trying again in %s s: %s", PAUSE, type(error).__name__)
                await asyncio.sleep(PAUSE)

    def hand_on(self, hint: dict[str, Any]) -> None:
        try:
            if receiver := self.receivers.get(hint["topic"]):
                receiver(hint["body"])
        except Exception:
            log.exception("a hint was of no use")

    async def close(self) -> None:
        """End the subscription."""
        task, self.task = self.task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


listener = Listener()
