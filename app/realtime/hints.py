"""Hints: "the feed named topic has reached number n". They may get lost; the database is the truth.

Every process holds one subscription to the channel layer, whatever the number of its sockets.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import cache

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


def publish(topic: str, number: int) -> None:
    """Tell every process, from synchronous code. Never raises: what it says is in the database."""
    layer = get_channel_layer()
    hint = {"type": "hint", "topic": topic, "number": number}
    try:
        if settings.REDIS_URL:
            # async_to_sync(layer.group_send) opens a connection on every call (channels_redis#125).
            redis_client().publish(REDIS_CHANNEL, layer.serialize(hint))
        else:
            async_to_sync(layer.group_send)(GROUP, hint)
    except Exception as error:
        log.warning("not published: %s", type(error).__name__)


async def listen(on_hint: Callable[[str, int], None]) -> None:
    """Call `on_hint(topic, number)` for each hint, until cancelled. An outage ends nothing."""
    while True:
        try:
            layer = get_channel_layer()
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            while True:
                hint = await layer.receive(channel)
                on_hint(hint["topic"], hint["number"])
        except Exception as error:
            log.warning("not subscribed, trying again in 1 s: %s", type(error).__name__)
            await asyncio.sleep(1)
