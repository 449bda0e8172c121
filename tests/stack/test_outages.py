"""What is answered while a part is away, and that nothing acknowledged is lost."""

import time
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.machine import wait_for
from tests.stack.visitor import Visitor, receive, texts

# Seconds the issue allows from a part's return to the site's.
RECOVERY = 15


@contextmanager
def without(stack, service: str):
    """The stack with one service away; back, and the site whole again, afterwards."""
    stack.stop(service, kill=True)
    try:
        yield
    finally:
        stack.start(service)
        wait_for(f"the site is whole after {service}", lambda: is_whole(stack), RECOVERY)


def is_whole(stack) -> bool:
    """A page, a post and a socket all work."""
    try:
        with Visitor(stack.url) as visitor:
            seq = visitor.post("whole again").json()["message"]["seq"]
            with visitor.follow(seq - 1) as socket:
                return texts(socket, 1) == ["whole again"]
    except (httpx.HTTPError, WebSocketException, OSError, ValueError, KeyError, AssertionError, TimeoutError):
        return False


def test_without_redis_messages_still_arrive_within_seconds(stack, visitor: Visitor):
    after = visitor.last()
    with visitor.follow(after) as socket:
        with without(stack, "redis"):
            assert visitor.post("no hint").status_code == 201
            assert texts(socket, 1, seconds=5) == ["no hint"]
            # A new socket opens, too.
            with visitor.follow(after) as late:
                assert texts(late, 1) == ["no hint"]
        # The socket is the one from before, and the hints are back.
        texts(socket, 1)
        after = visitor.last()
        visitor.post("with a hint")
        while receive(socket)["message"]["seq"] <= after:
            pass


def test_without_the_database_posts_are_answered_503_and_sockets_stay(stack, visitor: Visitor):
    visitor.open()
    after = visitor.last()
    with visitor.follow(after) as socket, visitor.socket() as echo:
        with without(stack, "db"):
            answer = visitor.post("not now", Accept="application/json")
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert answer.json()["error"].endswith(".")
            page = visitor.http.get("/board/lobby/")
            assert (page.status_code, "Back in a moment" in page.text) == (503, True)
            echo.send('{"request": 1}')
            assert receive(echo)["status"] == "OK"
            # A new one is told to come back, also with a session that can't be looked up.
            for headers in ({}, {"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"}):
                with visitor.socket("/ws/board/lobby/", additional_headers=headers) as late:
                    with pytest.raises(ConnectionClosed) as closed:
                        late.recv(timeout=10)
                    assert closed.value.rcvd.code == 1013
        # The very same socket goes on.
        assert "whole again" in texts(socket, 1, seconds=RECOVERY)


def test_without_web_nginx_answers_502_with_a_page_and_static_files_from_its_cache(stack, visitor: Visitor):
    css = visitor.open().text.split('rel="stylesheet" href="')[1].split('"')[0]
    visitor.http.get(css)
    after = visitor.last()
    with visitor.follow(after) as socket:
        with without(stack, "web"):
            answer = visitor.http.get("/board/lobby/")
            assert answer.status_code in (502, 503)
            assert "Back in a moment" in answer.text
            assert answer.headers["Retry-After"]
            assert visitor.http.get(css).status_code == 200
            post = visitor.post("lost?")
            assert post.status_code in (502, 503)
        assert "whole again" in texts(socket, 1)


def test_without_ws_pages_and_posts_work_and_a_reader_resumes(stack, visitor: Visitor):
    after = visitor.last()
    with without(stack, "ws"):
        assert visitor.post("while ws was away").status_code == 201
        with pytest.raises(InvalidStatus) as refused:
            visitor.socket()
        assert refused.value.response.status_code in (502, 503)
        assert refused.value.response.headers["Retry-After"]
    with visitor.follow(after) as socket:
        assert texts(socket, 1) == ["while ws was away"]


def test_an_idle_socket_is_still_open_after_90_s_and_hints_still_arrive(visitor: Visitor):
    with visitor.follow(visitor.last()) as idle, visitor.socket() as echo:
        with pytest.raises(TimeoutError):
            idle.recv(timeout=90)
        echo.send('{"request": 1}')
        assert receive(echo)["status"] == "OK"
        quick = 0
        for number in range(5):
            posted = time.monotonic()
            visitor.post(f"after the silence {number}")
            assert texts(idle, 1) == [f"after the silence {number}"]
            quick += time.monotonic() - posted < 0.5
        # The look-up alone, every 2 s, would make one in four this quick.
        assert quick >= 4
