"""Posting: 201 with a number, once for each key, and a clear answer to everything else."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.stack.visitor import Visitor


def test_a_post_is_answered_201_with_its_number(visitor: Visitor):
    before = visitor.last()
    answer = visitor.post("hello")
    assert answer.status_code == 201
    assert answer.json()["message"]["seq"] == before + 1


def test_the_same_key_makes_one_message(visitor: Visitor):
    key = str(uuid4())
    first, again = visitor.post("once", key), visitor.post("once", key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["message"] == again.json()["message"]


def test_concurrent_posts_get_numbers_without_a_gap(stack, visitor: Visitor):
    before = visitor.last()
    visitor.open()

    def post(number: int) -> int:
        return visitor.post(f"at once {number}").json()["message"]["seq"]

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(post, range(40)))
    assert sorted(numbers) == list(range(before + 1, before + 41))


def test_a_nickname_is_kept_in_the_session(visitor: Visitor):
    visitor.open()
    headers = {"X-CSRFToken": visitor.token, "Origin": visitor.url}
    answer = visitor.http.post("/board/nickname", data={"nickname": " Ada  L "}, headers=headers)
    assert answer.json() == {"nickname": "Ada L"}
    assert visitor.post("hi").json()["message"]["nickname"] == "Ada L"


@pytest.mark.parametrize(
    ("text", "status"),
    [("", 400), ("   ", 400), ("x" * 2001, 413), ("x" * 100_000, 413), ("a\x00b", 400)],
    ids=["empty", "blank", "2,001 characters", "100 kB", "control characters"],
)
def test_an_unusable_text_is_refused_with_a_sentence(visitor: Visitor, text: str, status: int):
    before = visitor.last()
    answer = visitor.post(text)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert visitor.last() == before


def test_a_body_over_1_mib_stops_at_nginx(visitor: Visitor):
    assert visitor.post("x" * 1_100_000).status_code == 413


def test_a_missing_or_foreign_key_is_refused(visitor: Visitor):
    answer = visitor.post("hello", key="42")
    assert answer.status_code == 400
    assert "key" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [{"X-CSRFToken": "wrong"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["wrong token", "foreign origin", "null origin"],
)
def test_a_bad_csrf_is_refused_with_a_sentence(visitor: Visitor, headers: dict):
    before = visitor.last()
    answer = visitor.post("forged", **headers, Accept="application/json")
    assert answer.status_code == 403
    assert "Reload" in answer.json()["error"]
    assert visitor.last() == before


def test_a_post_to_an_unknown_room_is_answered_404(visitor: Visitor):
    visitor.open()
    visitor.room = "nowhere"
    assert visitor.post("hello").status_code == 404


def test_a_hidden_message_keeps_its_number_and_loses_its_text(stack, visitor: Visitor):
    seq = visitor.post("to be hidden").json()["message"]["seq"]
    hide = f"from board.models import *; Message.objects.filter(seq={seq}).update(hidden=True)"
    stack.manage("shell", "--command", hide)
    (message,) = visitor.messages(after=seq - 1)[:1]
    assert (message["seq"], message["text"], message["hidden"]) == (seq, "", True)
