"""Hints: what can't be used ends nothing, and what fails is tried again."""

import asyncio
import logging

import pytest
from channels.layers import get_channel_layer

from realtime import hints
from realtime.hints import GROUP, Listener

GARBAGE = [{}, {"topic": None}, {"topic": ["t"]}, {"topic": "t"}, {"topic": "t", "body": None}, [], None, "t"]


@pytest.mark.parametrize("hint", GARBAGE, ids=map(str, GARBAGE))
def test_garbage_in_a_hint_is_logged_at_most(hint, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL, "hints")
    got = []
    listener = Listener()
    listener.receivers["t"] = lambda body: got.append(body["seq"])
    listener.hand_on(hint)
    listener.hand_on({"type": "hint", "topic": "t", "body": {"seq": 1}})
    assert got == [1]


@pytest.mark.parametrize("failing", ["new_channel", "group_add", "receive"])
async def test_a_listener_that_fails_once_listens_on_and_leaves_no_second_channel(
    failing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL, "hints")
    monkeypatch.setattr(hints, "PAUSE", 0)
    layer = get_channel_layer()
    works = getattr(layer, failing)
    failures = [ConnectionError()]

    async def fails_once(*arguments):
        result = await works(*arguments)
        if failures:
            raise failures.pop()
        return result

    monkeypatch.setattr(layer, failing, fails_once)
    others = set(layer.groups.get(GROUP, ()))
    listener = Listener()
    got: list[int] = []
    listener.add("t", got.append)
    try:
        async with asyncio.timeout(5):
            while 2 not in got:
                for number in (1, 2):
                    await layer.group_send(GROUP, {"type": "hint", "topic": "t", "body": number})
                    await asyncio.sleep(0)
        assert not failures
        assert len(set(layer.groups[GROUP]) - others) == 1
    finally:
        await listener.close()
