"""The consumer of Channels' tutorial, asynchronous: one per socket, in a group."""

import json
import os

from channels.generic.websocket import AsyncWebsocketConsumer

# All peers share one Redis: each has a group of its own.
GROUP = os.environ["BENCH_GROUP"]


class FeedConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"type": "hello", "user": str(self.scope["user"])}))

    async def disconnect(self, code):
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def feed_message(self, event):
        await self.send(text_data=event["text"])
