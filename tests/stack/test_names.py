"""Which host and which path is meant: only the site's own name is answered, and nobody gets behind a path."""

import ssl
from collections.abc import Callable

import pytest

from tests.stack.alone import Alone
from tests.stack.edge import Edge
from tests.stack.mirror.seen import assert_true
from tests.stack.raw import connection, exchange, first_object, get, upgrade
from tests.stack.tls import NAME, OTHER_NAME

REFUSED = (400, 421)

HOSTS = {
    "another one in the target": ("http://evil.example{}", ["Host: localhost"], REFUSED),
    "another one beside the target": ("http://localhost{}", ["Host: evil.example"], (200, 101, *REFUSED)),
    "a port in the target": ("http://localhost:1{}", ["Host: localhost"], (200, 101)),
    "a user in the target": ("http://localhost@evil.example{}", ["Host: localhost"], REFUSED),
    "https in the target": ("https://localhost{}", ["Host: localhost"], (200, 101, 400)),
    "an authority as the target": ("localhost:80", ["Host: localhost"], REFUSED),
    "no path in the target": ("*", ["Host: localhost"], REFUSED),
    "two": ("{}", ["Host: localhost", "Host: evil.example"], REFUSED),
    "two the other way round": ("{}", ["Host: evil.example", "Host: localhost"], REFUSED),
    "twice the same": ("{}", ["Host: localhost", "Host: localhost"], REFUSED),
    "none": ("{}", [], REFUSED),
    "an empty one": ("{}", ["Host:"], REFUSED),
    "a list": ("{}", ["Host: localhost, evil.example"], REFUSED),
    "another port": ("{}", ["Host: localhost:1"], (200, 101)),
    "no port": ("{}", ["Host: localhost:"], (200, 101, 400)),
    "a port that is none": ("{}", ["Host: localhost:x"], (200, 101, 400)),
    "a trailing dot": ("{}", ["Host: localhost."], (200, 101)),
    "in capitals": ("{}", ["Host: LOCALHOST"], (200, 101)),
    "a user": ("{}", ["Host: evil.example@localhost"], REFUSED),
    "a user the other way round": ("{}", ["Host: localhost@evil.example"], REFUSED),
    "a path": ("{}", ["Host: localhost/evil.example"], REFUSED),
    "a fragment": ("{}", ["Host: localhost#.evil.example"], REFUSED),
    "a name below": ("{}", ["Host: evil.localhost"], REFUSED),
    "a longer name": ("{}", ["Host: localhost.evil.example"], REFUSED),
    "a number": ("{}", ["Host: 2130706433"], REFUSED),
    "a folded line": ("{}", ["X: a", " b", "Host: localhost"], REFUSED),
    "a space before the colon": ("{}", ["Host : localhost"], REFUSED),
}


@pytest.mark.processes
@pytest.mark.parametrize(("target", "hosts", "statuses"), HOSTS.values(), ids=HOSTS)
def test_only_the_sites_own_host_is_answered_and_by_its_own_name(
    mirror: Alone, target: str, hosts: list[str], statuses: tuple[int, ...]
):
    page = get(target.format("/mirror/"), *hosts, host=None)
    socket = upgrade(target.format("/ws/"), *hosts, host=None)
    for sent in (page, socket):
        status, seen = first_object(mirror.ports["nginx"], sent)
        assert status in statuses
        if seen:
            assert_true(seen)


PATHS = [
    "/healthz",
    "/readyz",
    "//healthz",
    "/./healthz",
    "/x/../healthz",
    "/ws/../healthz",
    "/static/../healthz",
    "/%68ealthz",
    "/x/%2e%2e/healthz",
    "/x/..%2fhealthz",
    "/ws/..%2fhealthz",
    "/ws/%2e%2e%2fhealthz",
    "/ws%2f..%2fhealthz",
    "/ws/..%5chealthz",
    "/ws/..;/healthz",
    "/ws/.../healthz",
    "/healthz%2f",
    "/healthz%20",
    "/healthz%00",
    "/healthz;x",
    "/healthz?x",
    "/healthz#x",
    "/HEALTHZ",
    "http://localhost/healthz",
    "//localhost/healthz",
]


@pytest.mark.processes
@pytest.mark.parametrize("path", PATHS)
def test_no_spelling_of_a_path_leads_to_what_is_for_inside(mirror: Alone, path: str):
    """Neither as a page nor as a socket."""
    (answer,) = exchange(mirror.ports["nginx"], get(path))
    assert answer.status in (400, 404, 426)
    assert b'"live"' not in answer.body
    status, seen = first_object(mirror.ports["nginx"], upgrade(path))
    assert status in (101, 400, 404)
    # On a socket it is a path below /ws/ that no consumer has.
    assert not seen or seen["path"].startswith("/ws/")


SOCKETS = ["/ws/", "//ws/", "/ws/../ws/", "/x/../ws/", "/%77s/", "/ws%2f", "/static/../ws/", "/./ws/"]


@pytest.mark.processes
@pytest.mark.parametrize("path", SOCKETS)
def test_a_page_is_never_asked_of_ws(mirror: Alone, path: str):
    (answer,) = exchange(mirror.ports["nginx"], get(path))
    assert answer.status == 426
    # Only ws has a root_path.
    status, seen = first_object(mirror.ports["nginx"], upgrade(path))
    assert (status, "root_path" in seen) == (101, True)


@pytest.mark.processes
def test_a_request_of_http_0_9_names_no_host_and_gets_no_page(mirror: Alone):
    with connection(mirror.ports["nginx"]) as line:
        line.sendall(b"GET /mirror/\n HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"421 Misdirected Request" in line.recv(65536)


@pytest.mark.containers
@pytest.mark.parametrize("name", [None, "evil.example", f"evil.{NAME}", "localhost", "127.0.0.1"])
def test_a_handshake_for_no_name_or_another_one_sees_no_certificate(
    edges: Callable[[str], Edge], name: str | None
):
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with (
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
        connection(edges("containers").port, tls=trusting, name=name),
    ):
        pass


@pytest.mark.containers
@pytest.mark.parametrize("name", [NAME, OTHER_NAME])
def test_another_host_under_the_right_name_gets_neither_page_nor_redirect(
    edges: Callable[[str], Edge], name: str
):
    found = edges("containers")
    for host in ("evil.example", "localhost", f"evil.{NAME}"):
        (answer,) = exchange(found.port, get("/", host=host), tls=found.tls, name=name)
        assert (answer.status, answer.header("Location")) == (421, [])
