"""JSON lines in which one request can be followed from nginx through web and ws."""

import json
from datetime import datetime, timedelta

import pytest

from tests.machine import wait_for
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
