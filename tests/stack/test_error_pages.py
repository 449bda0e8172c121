"""What nginx says when it has nothing to pass on: a page that tries again by itself, or JSON."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.machine import wait_for
from tests.stack.containers import Containers
from tests.stack.edge import Edge, edge
from tests.stack.processes import Processes
from tests.stack.test_headers import PLAIN, TLS, assert_headers
from tests.stack.tls import NAME, OTHER_NAME
from tests.stack.visitor import Visitor, receive

BOTH = pytest.mark.parametrize("kind", [PLAIN, TLS])
TITLES = {
    404: "Nothing here",
    413: "Too large",
    426: "WebSocket only",
    429: "One moment, please",
    502: "Back in a moment",
    503: "Back in a moment",
}
AGAIN = (429, 502, 503)


@contextmanager
def maintenance(stack: Edge | Processes | Containers) -> Iterator[None]:
    stack.maintain(True)
    try:
        yield
    finally:
        stack.maintain(False)


def assert_page(answer: httpx.Response, status: int) -> None:
    """The page for people, of one file and in the words for this status."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{TITLES[status]}</h1>" in answer.text
    assert f"Status {status}" in answer.text
    assert "<!--#" not in answer.text
    assert "src=" not in answer.text
    assert_tries_again(answer)


def assert_json(answer: httpx.Response, status: int) -> None:
    """The same for programs."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error", "request_id"}
    assert answer.json()["error"].endswith(".")
    assert_tries_again(answer)


def assert_tries_again(answer: httpx.Response) -> None:
    expected = "5" if answer.status_code in AGAIN else None
    assert [answer.headers.get(name) for name in ("Retry-After", "Refresh")] == [expected, expected]
    assert answer.headers["Cache-Control"] == "no-store"
    assert_headers(answer.headers, secure=answer.url.scheme == "https")


@BOTH
@pytest.mark.parametrize(("path", "status"), [("/healthz", 404), ("/ws/", 426), ("/board/lobby/", 502)])
def test_an_error_is_a_page_or_json_with_the_number_that_the_log_has(
    edges: Callable[[str], Edge], kind: str, path: str, status: int
):
    found = edges(kind)
    with found.client() as client:
        assert_page(client.get(path, headers={"Accept": "text/html,*/*"}), status)
        assert_page(client.get(path), status)
        answer = client.get(path, headers={"Accept": "application/json, */*;q=0.5"})
    assert_json(answer, status)
    number = answer.json()["request_id"]
    (line,) = wait_for("it is logged", lambda: [line for line in found.logs("nginx") if number in line])
    assert json.loads(line)["status"] == status


@BOTH
def test_a_post_gets_the_page_too_and_is_logged_as_a_post(edges: Callable[[str], Edge], kind: str):
    found = edges(kind)
    with found.client(headers={"User-Agent": "posting"}) as client:
        assert_page(client.post("/board/lobby/messages", data={"text": "x"}), 502)
        assert_page(client.post("/board/lobby/messages", data={"text": "x" * 2000}), 413)
        with maintenance(found):
            assert_page(client.post("/board/lobby/messages", data={"text": "x"}), 503)

    def logged() -> list[tuple[str, int]]:
        lines = [json.loads(line) for line in found.logs("nginx") if "posting" in line]
        return [(line["method"], line["status"]) for line in lines]

    wait_for("all are logged", lambda: logged() == [("POST", 502), ("POST", 413), ("POST", 503)])


@BOTH
def test_too_many_requests_get_the_page_whatever_they_ask(kind: str):
    with edge(kind, HTTP_RATE="1") as found, found.client() as client:
        for _ in range(10):
            client.get("/board/lobby/")
        assert_page(client.get("/board/lobby/"), 429)
        assert_json(client.get("/board/lobby/", headers={"Accept": "application/json"}), 429)
        assert_page(client.post("/board/lobby/messages", data={"text": "x"}), 429)


@BOTH
def test_an_unknown_host_gets_no_page_and_no_redirect(edges: Callable[[str], Edge], kind: str):
    with edges(kind).client() as client:
        for path in ("/", "/static/x", "/ws/", "/healthz", "/.well-known/acme-challenge/x"):
            answer = client.get(path, headers={"Host": "evil.example"})
            assert answer.status_code == 421
            assert "Location" not in answer.headers
            assert "board" not in answer.text


@BOTH
def test_maintenance_closes_the_site_over_a_restart_and_nothing_but_the_site(
    edges: Callable[[str], Edge], kind: str
):
    found = edges(kind)
    with maintenance(found), found.client() as client:
        assert_page(client.get("/"), 503)
        assert_json(client.get("/static/x", headers={"Accept": "application/json"}), 503)
        assert client.get("/", headers={"Host": OTHER_NAME}).status_code == 301
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
        if kind == "containers":
            found.challenge("maintained", "proof")
            challenge = "/.well-known/acme-challenge/maintained"
            assert httpx.get(found.plain + challenge).text == "proof\n"
        found.restart()
    with found.client() as client:
        wait_for("it is opened", lambda: client.get("/").status_code == 502)


@BOTH
def test_files_are_answered_again_soon_after_maintenance(edges: Callable[[str], Edge], kind: str):
    found = edges(kind)
    with found.client() as client:
        with maintenance(found):
            assert_page(client.get("/static/x"), 503)
        # Nobody is behind it.
        wait_for("it is opened", lambda: client.get("/static/x").status_code == 502, 3)


def test_maintenance_leaves_open_sockets_alone(stack: Processes | Containers, visitor: Visitor):
    with visitor.socket() as socket:
        with maintenance(stack):
            assert_page(visitor.http.get("/board/lobby/"), 503)
            with pytest.raises(InvalidStatus) as refused, visitor.socket():
                pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"] == "5"
            socket.send('{"request": "still here"}')
            assert receive(socket) == {"status": "OK", "data": "still here"}
        assert visitor.open().status_code == 200


@pytest.mark.containers
def test_without_a_certificate_port_80_waits_and_answers_the_challenges():
    with edge("containers", certified=False) as found:
        with httpx.Client(base_url=found.plain) as client:
            assert_page(client.get("/board/lobby/"), 503)
            assert_json(client.get("/", headers={"Accept": "application/json", "Host": OTHER_NAME}), 503)
            assert_page(client.post("/board/lobby/messages", data={"text": "x"}), 503)
            assert client.get("/ws/").status_code == 403
            assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
            found.challenge("first", "proof")
            answer = client.get("/.well-known/acme-challenge/first")
            assert (answer.text, answer.headers["Content-Type"]) == ("proof\n", "text/plain; charset=utf-8")
            # nginx would add all headers twice to a 416 of its own.
            beyond = client.get("/.well-known/acme-challenge/first", headers={"Range": "bytes=99-"})
            assert_headers(beyond.headers, secure=False)
            assert_headers(answer.headers, secure=False)
        with found.client() as client, pytest.raises(httpx.ConnectError):
            client.get("/")
        # From now on, and without a reload.
        found.install(found.authority.issue(NAME, OTHER_NAME))
        answer = httpx.get(f"{found.plain}/board/lobby/?after=3")
        assert (answer.status_code, answer.headers["Location"]) == (301, f"{found.url}/board/lobby/?after=3")
        assert_headers(answer.headers, secure=False)
        with found.client() as client:
            assert_page(client.get("/"), 502)
