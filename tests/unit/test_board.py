"""The board's rules, in process: numbers, keys, hidden messages, what a visitor may write."""

from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client

from board.models import Message, Room, messages_after
from board.views import BadInput, clean
from realtime import hints
from realtime.numbers import parse_after


@pytest.fixture
def room(db) -> Room:
    return Room.objects.get(slug="lobby")


def test_numbers_have_no_gap(room: Room):
    assert [room.post(uuid4(), "n", "t")[0].seq for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [message["seq"] for message in messages_after(room, 2, 2)] == [3, 4]


def test_a_key_is_used_once_a_room(room: Room):
    key = uuid4()
    first, new = room.post(key, "n", "first")
    again, new_again = room.post(key, "n", "second")
    assert (new, new_again) == (True, False)
    assert again.text == first.text == "first"
    assert Room.objects.get(slug="help").post(key, "n", "elsewhere")[1]


def test_the_database_itself_refuses_a_second_message_with_a_number(room: Room):
    room.post(uuid4(), "n", "t")
    with pytest.raises(IntegrityError, match="seq"):
        room.messages.create(seq=1, key=uuid4(), nickname="n", text="t")


def test_a_hint_is_published_when_the_message_is_committed(
    room: Room, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
):
    published = []
    monkeypatch.setattr(hints, "publish", lambda *hint: published.append(hint))
    with django_capture_on_commit_callbacks() as callbacks:
        room.post(uuid4(), "n", "t")
        assert published == []
    for callback in callbacks:
        callback()
    assert published == [("board.lobby", room.messages.get().as_json())]


def test_a_post_succeeds_when_its_hint_cannot_be_published(
    room: Room, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
):
    async def fail(*arguments: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(get_channel_layer(), "group_send", fail)
    with django_capture_on_commit_callbacks(execute=True):
        assert room.post(uuid4(), "n", "t")[1]


def test_a_hidden_message_has_no_text_for_readers(room: Room):
    message, _ = room.post(uuid4(), "n", "rude")
    Message.objects.update(hidden=True)
    message.refresh_from_db()
    assert message.as_json()["text"] == ""
    assert message.text == "rude"


@pytest.mark.parametrize(
    ("value", "status"), [("", 400), (" \n ", 400), ("xx" * 20, 413), ("a\x00b", 400), ("\x1b[31m", 400)]
)
def test_clean_refuses(value: str, status: int):
    with pytest.raises(BadInput) as refused:
        clean(value, "nickname", 32)
    assert refused.value.status == status


def test_clean_keeps_lines_and_trims_the_ends():
    assert clean("  a\n\tb ü😀 ", "message", 100) == "a\n\tb ü😀"


@pytest.mark.parametrize("value", ["", "-1", "1.0", "x", "9" * 19, "\u00b2", "\u0661"])
def test_after_must_be_a_number(value: str):
    with pytest.raises(ValueError, match="after must be"):
        parse_after(value)


def test_a_moderator_hides_a_message_in_the_admin_and_cannot_delete_it(room: Room, client: Client):
    message, _ = room.post(uuid4(), "n", "rude")
    client.force_login(User.objects.create_superuser("moderator"))
    url = "/admin/board/message/"
    answer = client.post(url, {"action": "hide", "_selected_action": [message.pk]}, follow=True)
    assert "Hidden: 1." in answer.content.decode()
    assert Message.objects.get().hidden
    assert client.get(f"{url}{message.pk}/delete/").status_code == 403
    assert client.get(f"{url}{message.pk}/change/").status_code == 200


def test_reading_a_page_makes_no_session(room: Room, client: Client):
    assert client.get("/board/lobby/").status_code == 200
    assert "sessionid" not in client.cookies


def test_a_page_that_names_no_icon_gets_the_boards(client: Client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/static/board/favicon.svg")


def test_a_board_without_rooms_sends_its_owner_to_make_one(room: Room, client: Client):
    Room.objects.all().delete()
    assert client.get("/").headers["Location"] == "/admin/board/room/add/"
