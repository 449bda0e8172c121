"""JSON lines in which one request can be followed from nginx through web and ws."""

import json
from datetime import datetime, timedelta

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.machine import wait_for
from tests.stack import http2
from tests.stack.raw import exchange, get, upgrade
from tests.stack.tls import NAME, HttpsSite
from tests.stack.visitor import Visitor


def lines(stack, service: str) -> list[dict]:
    """A service's log, decoded. nginx's own errors and Daphne's start are the only plain lines."""
    found = []
    for line in stack.logs(service):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def find(stack, service: str, path: str) -> dict:
    return wait_for(
        f"{path} in the log of {service}",
        lambda: next((line for line in lines(stack, service) if line.get("path", "").startswith(path)), None),
    )


def test_one_request_id_from_nginx_through_web(stack, visitor: Visitor):
    visitor.http.get("/follow-me", headers={"X-Request-ID": "forged"})
    at_nginx, at_web = find(stack, "nginx", "/follow-me"), find(stack, "web", "/follow-me")
    assert at_nginx["request_id"] == at_web["request_id"] != "forged"
    assert at_nginx["client"] == at_web["client"]
    assert at_nginx["status"] == at_web["status"] == 404


def test_one_request_id_from_nginx_through_ws(stack, visitor: Visitor):
    with visitor.socket("/ws/follow-me"):
        pass
    at_nginx, at_ws = find(stack, "nginx", "/ws/follow-me"), find(stack, "ws", "/ws/follow-me")
    assert at_nginx["request_id"] == at_ws["request_id"]
    assert at_nginx["client"] == at_ws["client"]
    assert at_ws["code"] == 4404


@pytest.mark.parametrize("service", ["nginx", "web", "ws"])
def test_every_line_has_its_time_in_utc_its_role_and_its_level(stack, visitor: Visitor, service: str):
    visitor.open()
    with visitor.socket():
        pass
    for line in wait_for(f"a line of {service}", lambda: lines(stack, service)):
        if "time" in line:
            assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert line["role"] == service
        assert line["level"] in ("DEBUG", "INFO", "WARNING", "ERROR")


def test_a_forged_client_address_is_overwritten(stack, visitor: Visitor):
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
    visitor.http.get("/forged", headers=forged)
    assert find(stack, "nginx", "/forged")["client"] != "1.2.3.4"
    assert find(stack, "web", "/forged")["client"] != "1.2.3.4"


def test_no_log_has_a_message_or_a_cookie_in_it(stack, visitor: Visitor):
    visitor.post("a message for nobody's log")
    session = visitor.http.cookies["sessionid"]
    with visitor.socket() as socket:
        socket.send('{"request": "an echo for nobody\'s log"}')
        socket.recv(timeout=10)
    for service in stack.services:
        text = "\n".join(stack.logs(service))
        assert "nobody's log" not in text
        assert session not in text


def test_nginx_says_how_a_request_came_and_who_answered_it(stack, visitor: Visitor):
    visitor.http.get("/how?secret=1")
    line = find(stack, "nginx", "/how")
    expected = {"path": "/how", "protocol": "HTTP/1.1", "scheme": "http", "tls": "", "cache": ""}
    expected |= {"upstream_status": "404", "limit": "PASSED", "limit_conn": "PASSED"}
    assert expected.items() <= line.items()
    assert line["upstream"].rpartition(":")[2].isdigit()
    assert 0 <= float(line["upstream_seconds"]) <= line["seconds"] + 0.01 < 10
    assert line["bytes"] > 1000


@pytest.mark.containers
@pytest.mark.parametrize(("http_2", "protocol"), [(False, "HTTP/1.1"), (True, "HTTP/2.0")])
def test_nginx_says_over_which_tls_a_request_came(site: HttpsSite, http_2: bool, protocol: str):
    with site.client(http2=http_2) as client:
        client.get(f"/tls/{protocol}")
    line = find(site, "nginx", f"/tls/{protocol}")
    assert {"protocol": protocol, "scheme": "https", "tls": "TLSv1.3"}.items() <= line.items()


@pytest.mark.containers
def test_a_request_without_an_answer_is_a_line_of_json_too(site: HttpsSite):
    usual = {":method": "GET", ":scheme": "https", ":authority": NAME, ":path": "/unanswered"}
    # More than large_client_header_buffers: nginx ends the connection.
    assert http2.ask(site.port, site.ca, NAME, [*usual.items(), ("cookie", "x" * 40_000)]) is None
    assert find(site, "nginx", "/unanswered")["status"] == 0


def opens(visitor: Visitor) -> bool:
    try:
        with visitor.socket():
            return True
    except InvalidStatus:
        return False


def test_the_query_of_a_socket_is_in_no_log_whatever_becomes_of_it(stack, visitor: Visitor):
    path = "/ws/?token=for-nobodys-log"
    port = httpx.URL(stack.url).port
    with visitor.socket(path), visitor.socket(path.replace("/ws/", "/ws/board/lobby/")):
        pass
    sent = {
        403: upgrade(path, "Origin: https://evil.example"),
        413: upgrade(path, "Content-Length: 99999999"),
        426: get(path),
    }
    for status, request in sent.items():
        assert [answer.status for answer in exchange(port, request)] == [status]
    stack.stop("ws")
    try:
        with pytest.raises(InvalidStatus) as refused, visitor.socket(path):
            pass
        assert refused.value.response.status_code == 502
    finally:
        stack.start("ws")
        wait_for("ws is back", lambda: opens(visitor))
    for service in stack.services:
        assert not [line for line in stack.logs(service) if "for-nobodys-log" in line]
    # They are in the log, without it.
    logged = {line["status"] for line in lines(stack, "nginx") if line.get("path") == "/ws/"}
    assert {101, 403, 413, 426, 502} <= logged
