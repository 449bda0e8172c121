"""The wire contract, through nginx."""

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.machine import wait_for
from tests.stack.visitor import Visitor, receive, texts


def test_the_page_comes_from_web_with_its_instance_and_release(visitor: Visitor):
    page = visitor.open()
    assert page.status_code == 200
    assert 'id="web-instance"' in page.text


def test_the_admin_has_its_page_and_its_style(visitor: Visitor):
    page = visitor.http.get("/admin/login/")
    assert page.status_code == 200
    css = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert visitor.http.get(css).status_code == 200


def test_the_lobby_is_where_a_visitor_arrives(visitor: Visitor):
    answer = visitor.http.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/board/lobby/")


@pytest.mark.parametrize("value", [1, "hello", None, {"a": [1, 2]}, "ü €", [], 1.5])
def test_echo_answers_ok_with_the_same_data(visitor: Visitor, value):
    with visitor.socket() as socket:
        socket.send(json.dumps({"request": value}))
        assert receive(socket) == {"status": "OK", "data": value}


BAD_MESSAGES = {
    "malformed JSON": "{",
    "an empty message": "",
    "a binary frame": b"\x00",
    "no request": "{}",
    "no object": "[1]",
    "NaN": '{"request": NaN}',
    "deep nesting": '{"request": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "a number of 5,000 digits": '{"request": ' + "1" * 5000 + "}",
}


@pytest.mark.parametrize("message", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
def test_a_bad_message_is_answered_and_the_socket_stays_open(visitor: Visitor, message):
    with visitor.socket() as socket, visitor.socket() as other:
        socket.send(message)
        answer = receive(socket)
        assert answer["status"] == "ERROR"
        assert answer["error"].endswith(".")
        for each in (socket, other):
            each.send('{"request": "still here"}')
            assert receive(each) == {"status": "OK", "data": "still here"}


def test_a_lone_surrogate_comes_back_as_it_was(visitor: Visitor):
    with visitor.socket() as socket:
        socket.send('{"request": "\\ud800"}')
        assert receive(socket)["data"] == "\ud800"


def test_a_message_of_64_kib_is_answered(visitor: Visitor):
    with visitor.socket() as socket:
        text = "x" * (65536 - len('{"request": ""}'))
        socket.send(json.dumps({"request": text}))
        assert receive(socket)["data"] == text


def test_a_message_of_2_mib_closes_its_own_socket_with_1009_and_no_other(visitor: Visitor):
    with visitor.socket() as socket, visitor.socket() as other:
        socket.send(json.dumps({"request": "x" * 2 * 1024 * 1024}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1009
        assert "65536" in closed.value.rcvd.reason
        other.send('{"request": 1}')
        assert receive(other)["status"] == "OK"


def test_a_message_in_many_frames_may_be_no_longer_than_one_in_one(visitor: Visitor):
    with visitor.socket() as socket:
        socket.send(['{"request": "', *["x" * 20_000] * 4, '"}'])
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1009
        assert "65536" in closed.value.rcvd.reason


@pytest.mark.parametrize("path", ["/ws/nope", "/ws/board/nope/", "/ws/board/a/b/c"])
def test_an_unknown_socket_path_is_closed_4404(visitor: Visitor, path: str):
    with visitor.socket(path) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd.code == 4404
    assert closed.value.rcvd.reason


def test_an_unknown_socket_path_leaves_one_log_line_and_no_traceback(stack, visitor: Visitor):
    with visitor.socket("/ws/unheard-of") as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=10)
    (line,) = wait_for("a log line", lambda: [x for x in stack.logs("ws") if "unheard-of" in x])
    assert json.loads(line)["code"] == 4404
    assert "Traceback" not in line


FOREIGN_ORIGINS = {
    "another site": ("https://evil.example", 403),
    "another scheme": ("https://localhost", 403),
    "another port": ("http://localhost:1", 403),
    "a port that is none": ("http://localhost:99999", 400),
    "null": ("null", 400),
    "none": (None, 403),
}


@pytest.mark.parametrize(("origin", "status"), FOREIGN_ORIGINS.values(), ids=FOREIGN_ORIGINS)
def test_a_foreign_or_missing_origin_is_refused(visitor: Visitor, origin: str | None, status: int):
    with pytest.raises(InvalidStatus) as refused, visitor.socket(origin=origin):
        pass
    assert refused.value.response.status_code == status


def test_http_on_a_socket_path_is_answered_426(visitor: Visitor):
    answer = visitor.http.get("/ws/")
    assert answer.status_code == 426
    assert answer.headers["Upgrade"] == "websocket"


def test_an_upgrade_to_anything_but_websocket_is_answered_426(visitor: Visitor):
    answer = visitor.http.get("/ws/", headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"})
    assert answer.status_code == 426


def test_an_upgrade_on_another_path_never_reaches_daphne(stack, visitor: Visitor):
    with pytest.raises(InvalidStatus) as refused, visitor.socket("/upgrade-me/"):
        pass
    assert refused.value.response.status_code == 404
    assert not [line for line in stack.logs("ws") if "upgrade-me" in line]


def test_a_smuggled_root_path_does_not_change_the_route(visitor: Visitor):
    headers = {"Daphne-Root-Path": "/ws/nope"}
    with (
        visitor.socket("/ws/nope/ws/", additional_headers=headers) as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(timeout=10)
    assert closed.value.rcvd.code == 4404


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_not_answered_to_the_outside(visitor: Visitor, path: str):
    assert visitor.http.get(path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil.example", "web"])
def test_an_unknown_host_gets_neither_page_nor_redirect(visitor: Visitor, host: str):
    answer = visitor.http.get("/", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "Location" not in answer.headers


def test_an_unknown_page_is_answered_404_as_page_or_as_json(visitor: Visitor):
    assert "Nothing here" in visitor.http.get("/nope").text
    answer = visitor.http.get("/nope", headers={"Accept": "application/json"})
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_static_files_are_immutable_and_compressed(visitor: Visitor):
    page = visitor.open().text
    css = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = visitor.http.get(css, headers={"Accept-Encoding": "br"})
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "br"
    plain = visitor.http.get(css, headers={"Accept-Encoding": "identity"})
    assert [answer.headers["Vary"], plain.headers["Vary"]] == ["Accept-Encoding", "Accept-Encoding"]


def test_a_reader_catches_up_over_http(visitor: Visitor):
    before = visitor.last()
    for number in range(3):
        visitor.post(f"catch up {number}")
    found = visitor.messages(after=before)
    assert [message["text"] for message in found] == [f"catch up {number}" for number in range(3)]
    assert [message["seq"] for message in found] == [before + 1, before + 2, before + 3]


def test_two_visitors_see_each_others_messages_live(stack, visitor: Visitor):
    after = visitor.last()
    with Visitor(stack.url) as other, visitor.follow(after) as mine, other.follow(after) as theirs:
        visitor.post("ping from one")
        other.post("pong from the other")
        assert texts(mine, 2) == texts(theirs, 2) == ["ping from one", "pong from the other"]


def test_a_reader_resumes_after_the_number_it_has(visitor: Visitor):
    after = visitor.last()
    visitor.post("first")
    visitor.post("second")
    with visitor.follow(after + 1) as socket:
        assert texts(socket, 1) == ["second"]


def test_a_reader_far_behind_is_told_to_resync(stack, visitor: Visitor):
    stack.manage("shell", "--command", FAR_AHEAD)
    with visitor.socket("/ws/board/far/?after=0") as socket:
        assert receive(socket)["type"] == "hello"
        assert receive(socket) == {"type": "resync", "last": 501}


FAR_AHEAD = """
from uuid import uuid4
from board.models import Room
room, new = Room.objects.get_or_create(slug="far", defaults={"title": "Far", "last_seq": 501})
if new:
    for seq in range(1, 502):
        room.messages.create(seq=seq, key=uuid4(), nickname="n", text="t")
"""


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 30, "\u0661"])
def test_a_wrong_after_is_refused_over_http_and_over_the_socket(visitor: Visitor, after: str):
    answer = visitor.http.get("/board/lobby/messages", params={"after": after})
    assert answer.status_code == 400
    assert "after" in answer.json()["error"]
    path = httpx.URL("/ws/board/lobby/", params={"after": after}).raw_path.decode()
    if after:
        with visitor.socket(path) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1008


def test_ping_on_the_feed_is_answered_with_its_id(visitor: Visitor):
    with visitor.follow(visitor.last()) as socket:
        socket.send('{"type": "ping", "id": 7}')
        assert receive(socket) == {"type": "pong", "id": 7}
        socket.send('{"type": "post"}')
        assert receive(socket)["type"] == "error"
