"""Each security header exactly once, on every answer that anything in the stack can give."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from websockets.asyncio.client import connect

from tests.stack.alone import alone
from tests.stack.containers import Containers
from tests.stack.edge import Edge
from tests.stack.mirror.urls import OWN_HEADERS
from tests.stack.processes import Processes
from tests.stack.raw import exchange, get
from tests.stack.tls import NAME, OTHER_NAME, HttpsSite
from tests.stack.visitor import Visitor

ALWAYS = (
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
)
# Browsers ignore it over plain HTTP (RFC 6797, 8.1).
OVER_TLS = "Strict-Transport-Security"
# What else means something else when it comes twice.
AT_MOST_ONCE = (
    "Cache-Control",
    "Content-Encoding",
    "Location",
    "Refresh",
    "Retry-After",
    "Server",
    "Upgrade",
)


def assert_headers(headers: httpx.Headers | list[tuple[str, str]], secure: bool) -> None:
    """Each of them once, and no version of nginx."""
    pairs = headers.multi_items() if isinstance(headers, httpx.Headers) else headers
    counts = Counter(name.lower() for name, _ in pairs)
    expected = dict.fromkeys(ALWAYS, 1) | {OVER_TLS: int(secure)}
    assert {name: counts[name.lower()] for name in expected} == expected
    assert not [name for name in AT_MOST_ONCE if counts[name.lower()] > 1]
    assert [value for name, value in pairs if name.lower() == "server"] == ["nginx"]


PLAIN, TLS = (pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in ("processes", "containers"))
WAYS = {
    "HTTP/1.1": pytest.param("processes", False, marks=pytest.mark.processes),
    "HTTP/1.1 over TLS": pytest.param("containers", False, marks=pytest.mark.containers),
    "HTTP/2": pytest.param("containers", True, marks=pytest.mark.containers),
}
OF_NGINX = {
    "301 to the first name": (301, "GET", "/", {"headers": {"Host": OTHER_NAME}}),
    "404": (404, "GET", "/healthz", {}),
    "404 of the error page": (404, "GET", "/.error/page.html", {}),
    "405": (405, "TRACE", "/", {}),
    "413": (413, "POST", "/", {"content": b"x" * 2000}),
    "421": (421, "GET", "/", {"headers": {"Host": "evil.example"}}),
    "426": (426, "GET", "/ws/", {}),
    "502": (502, "GET", "/", {}),
    "502 to HEAD": (502, "HEAD", "/", {}),
    "502 to POST": (502, "POST", "/", {"data": {"text": "x"}}),
    "502 of a file": (502, "GET", "/static/x.css", {}),
    "502 as JSON": (502, "GET", "/", {"headers": {"Accept": "application/json"}}),
}


@pytest.mark.parametrize(("kind", "http2"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("status", "method", "path", "options"), OF_NGINX.values(), ids=OF_NGINX)
def test_every_answer_of_nginx_itself_has_them(
    edges: Callable[[str], Edge], kind: str, http2: bool, status: int, method: str, path: str, options: dict
):
    with edges(kind).client(http2=http2) as client:
        answer = client.request(method, path, **options)
    assert (answer.status_code, answer.http_version) == (status, "HTTP/2" if http2 else "HTTP/1.1")
    assert_headers(answer.headers, secure=kind == "containers")


HUGE = "x" * 40_000
# Over HTTP/2 some of them can't be said, and for the others nginx ends the connection.
NO_REQUEST = {
    "400 of a malformed request": (400, b"\x00\r\n\r\n"),
    "400 of a malformed header": (400, f"GET / HTTP/1.1\r\nHost: {NAME}\r\nno header\r\n\r\n".encode()),
    "400 without a host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "414": (414, get("/" + HUGE, host=NAME)),
    "421 to HTTP/1.0 without a host": (421, b"GET / HTTP/1.0\r\n\r\n"),
    "431": (431, get("/", f"Cookie: {HUGE}", host=NAME)),
    "501": (501, get("/", "Transfer-Encoding: gzip", host=NAME)),
    "502 of a socket": (502, get("/ws/", "Upgrade: websocket", host=NAME)),
    "505": (505, f"GET / HTTP/3.0\r\nHost: {NAME}\r\n\r\n".encode()),
}


@pytest.mark.parametrize("kind", [PLAIN, TLS])
@pytest.mark.parametrize(("status", "sent"), NO_REQUEST.values(), ids=NO_REQUEST)
def test_every_answer_to_what_no_browser_sends_has_them(
    edges: Callable[[str], Edge], kind: str, status: int, sent: bytes
):
    found = edges(kind)
    tls = found.tls if isinstance(found, HttpsSite) else None
    (answer,) = exchange(found.port, sent, tls=tls, name=NAME)
    assert answer.status == status
    assert_headers(answer.headers, secure=tls is not None)


@pytest.mark.containers
def test_plain_http_on_the_port_for_tls_is_answered_400_with_them(edges: Callable[[str], Edge]):
    (answer,) = exchange(edges("containers").port, get("/", host=NAME))
    assert answer.status == 400
    assert b"Not understood" in answer.body
    assert_headers(answer.headers, secure=False)


@pytest.mark.containers
@pytest.mark.parametrize(
    ("path", "status"), [("/", 301), ("/ws/", 403), ("/.well-known/acme-challenge/x", 404)]
)
def test_every_answer_on_port_80_beside_tls_has_them(edges: Callable[[str], Edge], path: str, status: int):
    answer = httpx.get(edges("containers").plain + path)
    assert answer.status_code == status
    assert_headers(answer.headers, secure=False)


OF_DJANGO = {
    "a page": (200, "GET", "/board/lobby/", {}),
    "a redirect": (302, "GET", "/", {}),
    "a redirect to the slash": (301, "GET", "/admin", {}),
    "JSON": (200, "GET", "/board/lobby/messages", {}),
    "400": (400, "GET", "/board/lobby/messages?after=x", {}),
    "403 without a token": (403, "POST", "/board/nickname", {}),
    "404": (404, "GET", "/nope", {}),
    "404 of a file": (404, "GET", "/static/nope.css", {}),
    "405": (405, "OPTIONS", "/board/lobby/", {}),
}


@pytest.mark.parametrize(("status", "method", "path", "options"), OF_DJANGO.values(), ids=OF_DJANGO)
def test_every_answer_of_django_has_them(
    visitor: Visitor, status: int, method: str, path: str, options: dict
):
    answer = visitor.http.request(method, path, **options)
    assert answer.status_code == status
    assert_headers(answer.headers, secure=False)


@pytest.mark.containers
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(("status", "method", "path", "options"), OF_DJANGO.values(), ids=OF_DJANGO)
def test_every_answer_of_django_over_tls_has_them(
    site: HttpsSite, http2: bool, status: int, method: str, path: str, options: dict
):
    with site.client(http2=http2) as client:
        answer = client.request(method, path, **options)
    assert (answer.status_code, answer.http_version) == (status, "HTTP/2" if http2 else "HTTP/1.1")
    assert_headers(answer.headers, secure=True)


def assert_files_have_them(http: httpx.Client, secure: bool) -> None:
    path = http.get("/board/lobby/").text.split('rel="stylesheet" href="')[1].split('"')[0]
    whole = http.get(path)
    answers = {
        200: whole,
        206: http.get(path, headers={"Range": "bytes=0-9", "Accept-Encoding": "identity"}),
        304: http.get(path, headers={"If-Modified-Since": whole.headers["Last-Modified"]}),
        416: http.get(path, headers={"Range": "bytes=9999999-", "Accept-Encoding": "identity"}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert_headers(answer.headers, secure)


def test_every_answer_of_a_file_has_them(visitor: Visitor):
    assert_files_have_them(visitor.http, secure=False)


@pytest.mark.containers
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_every_answer_of_a_file_over_tls_has_them(site: HttpsSite, http2: bool):
    with site.client(http2=http2) as client:
        assert_files_have_them(client, secure=True)


def test_the_answer_to_a_handshake_has_them(visitor: Visitor):
    with visitor.socket() as socket:
        assert_headers(list(socket.response.headers.raw_items()), secure=False)


@pytest.mark.containers
async def test_the_answer_to_a_handshake_over_tls_has_them(site: HttpsSite):
    # Not the client with threads: Python's TLS bears no reading and writing at once.
    async with connect(site.url.replace("https", "wss") + "/ws/", ssl=site.tls, origin=site.url) as socket:
        assert_headers(list(socket.response.headers.raw_items()), secure=True)


@contextmanager
def failing(stack: Processes | Containers) -> Iterator[None]:
    """The board's views fail with what is no outage, for the length of a block: their table is away."""

    def rename(old: str, new: str) -> None:
        statement = f"ALTER TABLE {old} RENAME TO {new}"
        if isinstance(stack, Containers):
            stack.execute("db", "psql", "--user=postgres", "--dbname=app", f"--command={statement}")
        else:
            with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
                connection.execute(statement)

    rename("board_room", "away")
    try:
        yield
    finally:
        rename("away", "board_room")


def test_a_view_that_fails_has_them(stack: Processes | Containers, visitor: Visitor):
    with failing(stack):
        answer = visitor.http.get("/board/lobby/")
    assert answer.status_code == 500
    assert_headers(answer.headers, secure=False)


@pytest.mark.containers
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_view_that_fails_over_tls_has_them(site: HttpsSite, http2: bool):
    with failing(site), site.client(http2=http2) as client:
        answer = client.get("/board/lobby/")
    assert answer.status_code == 500
    assert_headers(answer.headers, secure=True)


@pytest.mark.processes
def test_a_views_own_value_stands_and_stays_alone():
    with alone(services=("web", "nginx"), DJANGO_SETTINGS_MODULE="tests.stack.mirror.settings") as server:
        answer = httpx.get(f"{server.url}/own/")
    assert answer.status_code == 200
    assert_headers(answer.headers, secure=False)
    assert {name: answer.headers[name] for name in OWN_HEADERS} == OWN_HEADERS
