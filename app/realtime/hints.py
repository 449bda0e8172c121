"""Hints: "the feed named topic has reached number n". They may get lost; the database is the truth.

Every process holds one subscription to the channel layer, whatever the number of its sockets.
"""

import asyncio
import logging
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = logging.getLogger("hints")

GROUP = "hints"


def publish(topic: str, number: int) -> None:
    """Tell every process, from synchronous code. Never raises: what it says is in the database."""
    try:
        async_to_sync(get_channel_layer().group_send)(
            GROUP, {"type": "hint", "topic": topic, "number": number}
        )
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
