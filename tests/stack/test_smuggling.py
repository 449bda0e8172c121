"""One request of a client is one request at web: none is hidden in another one's body, length or end."""

import secrets
from collections.abc import Collection
from functools import partial

import httpx
import pytest

from tests.machine import wait_for
from tests.stack import http2
from tests.stack.containers import Containers
from tests.stack.processes import Processes
from tests.stack.raw import exchange, get, upgrade
from tests.stack.test_logs import lines
from tests.stack.tls import NAME, HttpsSite

Stack = Processes | Containers
# Where each request gets a name of its own, so that the logs say what became of it.
MARK = "this-one-s-mark!"
SECOND = get(f"/{MARK}/second").decode()
LENGTH = len(SECOND)
# A body that has ended for those who read chunks, and not for those who count.
ENDED = "0\r\n\r\n" + SECOND
CHUNKED = "Transfer-Encoding: chunked"


def requests(stack: Stack, service: str, marks: Collection[str]) -> list[tuple[str, str, str]]:
    """Ids, paths and clients in a service's log of the requests with a mark: of nginx's, those it passed on.

    Gunicorn logs none that it refuses itself, with 400.
    """
    logged = [line for line in lines(stack, service) if line.get("path", "")[1:17] in marks]
    passed_on = [line for line in logged if line.get("upstream", "web") and line["status"] != 400]
    return sorted((line["request_id"], line["path"], line["client"]) for line in passed_on)


def at_web(stack: Stack, marks: dict[str, str]) -> dict[str, list[str]]:
    """Which paths came to web, by the name that `marks` gives their mark: each is one that nginx knows of."""
    at = partial(requests, stack, marks=marks)
    wait_for("web has what nginx passed on", lambda: at("web") == at("nginx") != [], 5)
    found: dict[str, list[str]] = {name: [] for name in marks.values()}
    for _, path, client in at("web"):
        assert client != "6.6.6.6"
        found[marks[path[1:17]]].append(path[18:])
    return {name: sorted(paths) for name, paths in found.items()}


def post(*headers: str, body: str, version: str = "1.1") -> bytes:
    """The last request on its connection: what web gets beside it was hidden in it."""
    sent = get(f"/{MARK}/first", *headers, method="POST").replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1)
    return sent + body.encode("latin-1")


def ask_all(stack: Stack, sent: dict[str, bytes]) -> tuple[dict[str, list[int]], dict[str, list[str]]]:
    """The statuses and the paths at web of requests, by their names."""
    marks, statuses = {}, {}
    # What is hidden in one of them is at web before the last one.
    for name, request in (sent | {"last": get(f"/{MARK}/last")}).items():
        mark = secrets.token_hex(8)
        answers = exchange(httpx.URL(stack.url).port, request.replace(MARK.encode(), mark.encode()))
        statuses[name] = [answer.status for answer in answers]
        marks[mark] = name
    paths = at_web(stack, marks)
    assert (statuses.pop("last"), paths.pop("last")) == ([404], ["last"])
    return statuses, paths


REFUSED = {
    "TE and CL": post(CHUNKED, "Content-Length: 6", body=ENDED),
    "CL and TE": post(f"Content-Length: {len(ENDED)}", CHUNKED, body=ENDED),
    "TE after a line feed, and CL": post(f"X: a\n{CHUNKED}", f"Content-Length: {len(ENDED)}", body=ENDED),
    "TE after a carriage return": post(f"X: a\r{CHUNKED}", f"Content-Length: {len(ENDED)}", body=ENDED),
    "two CL": post("Content-Length: 0", f"Content-Length: {LENGTH}", body=SECOND),
    "twice the same CL": post(f"Content-Length: {LENGTH}", f"Content-Length: {LENGTH}", body=SECOND),
    "a list of CL": post(f"Content-Length: {LENGTH}, {LENGTH}", body=SECOND),
    "a positive CL": post(f"Content-Length: +{LENGTH}", body=SECOND),
    "a negative CL": post("Content-Length: -1", body=SECOND),
    "a CL in hex": post("Content-Length: 0x10", body=SECOND),
    "a CL with a space": post("Content-Length: 1 0", body=SECOND),
    "a CL with a vertical tab": post(f"Content-Length: {LENGTH}\x0b", body=SECOND),
    "an empty CL": post("Content-Length:", body=SECOND),
    "a CL beyond 64 bits": post("Content-Length: 99999999999999999999", body=SECOND),
    "TE identity": post("Transfer-Encoding: identity", body=SECOND),
    "TE identity and CL": post("Transfer-Encoding: identity", f"Content-Length: {LENGTH}", body=SECOND),
    "TE identity, chunked": post("Transfer-Encoding: identity, chunked", body=ENDED),
    "TE chunked, identity": post("Transfer-Encoding: chunked, identity", body=ENDED),
    "TE twice chunked": post("Transfer-Encoding: chunked, chunked", body=ENDED),
    "TE almost chunked": post("Transfer-Encoding: xchunked", body=ENDED),
    "TE with a parameter": post("Transfer-Encoding: chunked;q=1", body=ENDED),
    "TE in quotes": post('Transfer-Encoding: "chunked"', body=ENDED),
    "TE after a tab": post("Transfer-Encoding:\tchunked", body=ENDED),
    "TE after a vertical tab": post("Transfer-Encoding: \x0bchunked", body=ENDED),
    "TE before a vertical tab": post("Transfer-Encoding: chunked\x0b", body=ENDED),
    "TE before a zero": post("Transfer-Encoding: chunked\0", body=ENDED),
    "an empty TE": post("Transfer-Encoding:", f"Content-Length: {LENGTH}", body=SECOND),
    "two TE": post(CHUNKED, "Transfer-Encoding: identity", body=ENDED),
    "two TE the other way round": post("Transfer-Encoding: identity", CHUNKED, body=ENDED),
    "TE before a space": post("Transfer-Encoding : chunked", f"Content-Length: {LENGTH}", body=SECOND),
    "TE in a folded line": post("Transfer-Encoding:\r\n chunked", f"Content-Length: {LENGTH}", body=SECOND),
    "TE in HTTP/1.0": post(CHUNKED, body=ENDED, version="1.0"),
    "a chunk beyond 64 bits": post(CHUNKED, body=f"fffffffffffffffff\r\n{SECOND}\r\n0\r\n\r\n"),
    "a negative chunk": post(CHUNKED, body=f"-1\r\n{SECOND}\r\n0\r\n\r\n"),
    "a chunk in hex with 0x": post(CHUNKED, body=f"0x{LENGTH:x}\r\n{SECOND}\r\n0\r\n\r\n"),
    "a chunk that is longer": post(CHUNKED, body=f"1\r\nxx\r\n{SECOND}\r\n0\r\n\r\n"),
    "a chunk after a carriage return": post(CHUNKED, body=f"2;\rxx\r\n{LENGTH:x}\r\n{SECOND}\r\n0\r\n\r\n"),
    "two targets": get(f"/{MARK}/first /{MARK}/second"),
    "a tab before the target": get(f"/{MARK}/first").replace(b"GET ", b"GET\t"),
    "a method in small letters": get(f"/{MARK}/first", method="get"),
    "a zero in the method": get(f"/{MARK}/first", method="G\0T"),
    "a longer version": get(f"/{MARK}/first").replace(b"HTTP/1.1", b"HTTP/1.1x"),
    "another version": get(f"/{MARK}/first").replace(b"HTTP/1.1", b"HTTP/2.0"),
    "the beginning of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


def test_requests_with_two_readings_are_refused(stack: Stack):
    statuses, paths = ask_all(stack, REFUSED)
    assert not {name: status for name, status in statuses.items() if status not in ([400], [501], [505])}
    assert not {name: found for name, found in paths.items() if found}


HELD = {
    "a length with zeros": post(f"Content-Length: 000{LENGTH}", body=SECOND),
    "Transfer_Encoding": post("Transfer_Encoding: chunked", f"Content-Length: {len(ENDED)}", body=ENDED),
    "a chunk": post(CHUNKED, body=f"{LENGTH:x}\r\n{SECOND}\r\n0\r\n\r\n"),
    "a chunk with an extension": post(CHUNKED, body=f"{LENGTH:x};a=b\r\n{SECOND}\r\n0\r\n\r\n"),
    "the end of the chunks": post("TRANSFER-ENCODING: CHUNKED", body=ENDED),
    "a trailer": post(CHUNKED, body=f"0\r\nX-Real-IP: 6.6.6.6\r\nContent-Length: 9\r\n\r\n{SECOND}"),
    "a GET with a body": get(f"/{MARK}/first", f"Content-Length: {LENGTH}") + SECOND.encode(),
    "Expect": post("Expect: 100-continue", f"Content-Length: {LENGTH}", body=SECOND),
    "line feeds alone": get(f"/{MARK}/first").replace(b"\r\n", b"\n"),
    "empty lines before it": b"\r\n\r\n" + get(f"/{MARK}/first"),
}


def test_requests_in_a_body_stay_there(stack: Stack):
    statuses, paths = ask_all(stack, HELD)
    assert not {name: status for name, status in statuses.items() if status != [404]}
    assert not {name: found for name, found in paths.items() if found != ["first"]}


def test_two_requests_in_a_row_are_two(stack: Stack):
    sent = post(CHUNKED, body=ENDED).replace(b"Connection: close\r\n", b"", 1)
    assert ask_all(stack, {"two": sent}) == ({"two": [404, 404]}, {"two": ["first", "second"]})


def test_a_handshake_that_fails_leaves_no_tunnel_to_ws(stack: Stack):
    failing = upgrade("/ws/").replace(b"Version: 13", b"Version: 777").replace(b"Connection: close\r\n", b"")
    refused, hidden = exchange(httpx.URL(stack.url).port, failing + get("/healthz"))
    assert (refused.status, hidden.status) == (400, 404)
    assert b'"live"' not in hidden.body


def of_http_2(*headers: tuple[str, str], **pseudo: str) -> list[tuple[str, str]]:
    """A request's headers; `pseudo` replaces its method, scheme, authority or path."""
    usual = {"method": "GET", "scheme": "https", "authority": NAME, "path": f"/{MARK}/first"}
    return [*((f":{name}", value) for name, value in (usual | pseudo).items()), *headers]


INJECTED = "/first HTTP/1.1\r\nHost: localhost\r\n\r\n"
OVER_HTTP_2 = {
    "a plain one": (of_http_2(), 404, ["first"]),
    "forged addresses": (of_http_2(("x-forwarded-for", "6.6.6.6"), ("x-real-ip", "6.6.6.6")), 404, ["first"]),
    "another scheme": (of_http_2(scheme="http"), 404, ["first"]),
    "lines in a value": (of_http_2(("x-any", "a\r\nX-Real-IP: 6.6.6.6")), 400, []),
    "a line feed in a value": (of_http_2(("x-any", "a\nX-Real-IP: 6.6.6.6")), 400, []),
    "a vertical tab in a value": (of_http_2(("x-any", "a\x0bX-Real-IP: 6.6.6.6")), 400, []),
    "lines in a name": (of_http_2(("x-any: a\r\nx-real-ip", "6.6.6.6")), 400, []),
    "a colon in a name": (of_http_2(("x-real-ip: 6.6.6.6", "a")), 400, []),
    "a name in capitals": (of_http_2(("X-Real-IP", "6.6.6.6")), 400, []),
    "lines in the path": (of_http_2(path=f"/{MARK}{INJECTED}"), 400, []),
    "a space in the path": (of_http_2(path=f"/{MARK}/first x"), 400, []),
    "a host in the path": (of_http_2(path=f"http://evil.example/{MARK}/first"), 400, []),
    "two paths": (of_http_2((":path", f"/{MARK}/second")), 400, []),
    "lines in the method": (of_http_2(method=f"GET /{MARK}{INJECTED}"), 400, []),
    "lines in the scheme": (of_http_2(scheme="https\r\nX: a"), 400, []),
    "another authority": (of_http_2(authority="evil.example"), 421, []),
    "another host": (of_http_2(("host", "evil.example")), 400, []),
    "two authorities": (of_http_2((":authority", "evil.example")), 400, []),
    "a user before the authority": (of_http_2(authority=f"evil.example@{NAME}"), 400, []),
    "two lengths": (of_http_2(("content-length", "5"), ("content-length", "6"), method="POST"), 400, []),
    "a shorter length": (of_http_2(("content-length", "5"), method="POST"), 400, []),
    "no length": (of_http_2(("content-length", "0"), method="POST"), 400, []),
    "TE": (of_http_2(("transfer-encoding", "chunked"), method="POST"), 404, ["first"]),
    "an upgrade": (of_http_2(("upgrade", "websocket"), ("connection", "upgrade"), path="/ws/"), 426, []),
    "a socket of RFC 8441": (of_http_2((":protocol", "websocket"), method="CONNECT", path="/ws/"), 400, []),
}


@pytest.mark.containers
def test_over_http_2_none_is_hidden_either(site: HttpsSite):
    marks, statuses = {}, {}
    for name, (headers, _, _) in OVER_HTTP_2.items():
        mark = secrets.token_hex(8)
        marked = [(each, value.replace(MARK, mark)) for each, value in headers]
        body = ENDED.replace(MARK, mark).encode() if dict(headers)[":method"] == "POST" else b""
        statuses[name] = http2.ask(site.port, site.ca, NAME, marked, body)
        marks[mark] = name
    assert statuses == {name: status for name, (_, status, _) in OVER_HTTP_2.items()}
    assert at_web(site, marks) == {name: paths for name, (_, _, paths) in OVER_HTTP_2.items()}
    assert not [line for line in site.logs("nginx") if "[alert]" in line]
