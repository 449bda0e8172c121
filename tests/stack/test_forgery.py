"""What a client says of itself: no effect on web and ws, or 400. What a trusted proxy says of it counts."""

from collections.abc import Iterator

import pytest

from tests.machine import wait_for
from tests.stack.alone import Alone
from tests.stack.mirror.seen import CLIENT, assert_true, both, mirrored
from tests.stack.raw import exchange, first_object, get, upgrade
from tests.stack.test_headers import assert_headers
from tests.stack.test_logs import lines
from tests.stack.tls import NAME

pytestmark = pytest.mark.processes
# Whom TRUSTED_PROXIES names.
PROXY = "127.0.0.2"


@pytest.fixture(scope="module")
def behind() -> Iterator[Alone]:
    """The site behind a proxy that ends TLS."""
    with mirrored(DOMAIN=NAME, TLS="off", TRUSTED_PROXIES=f"{PROXY},10.0.0.0/8") as server:
        yield server


FORGED = {
    "X-Forwarded-For": "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto": "X-Forwarded-Proto: https",
    "X-Forwarded-Protocol": "X-Forwarded-Protocol: ssl",
    "X-Forwarded-Ssl": "X-Forwarded-Ssl: on",
    "X-Forwarded-Host": "X-Forwarded-Host: evil.example",
    "X-Real-IP": "X-Real-IP: 6.6.6.6",
    "X-Request-ID": "X-Request-ID: forged",
    "a long X-Request-ID": "X-Request-ID: " + "a" * 5000,
    "an X-Request-ID that breaks lines": "X-Request-ID: a\u0085b",
    "Forwarded": "Forwarded: for=6.6.6.6;proto=https;host=evil.example",
    "Daphne-Root-Path": "Daphne-Root-Path: /ws/nope",
    "X_Forwarded_For": "X_Forwarded_For: 6.6.6.6",
    "X_Forwarded_Proto": "X_Forwarded_Proto: https",
    "X_Real_IP": "X_Real_IP: 6.6.6.6",
    "X_Request_ID": "X_Request_ID: forged",
    "Daphne_Root_Path": "Daphne_Root_Path: /ws/nope",
    "SCRIPT_NAME": "SCRIPT_NAME: /forged",
    "PATH_INFO": "PATH_INFO: /forged",
    "REMOTE_ADDR": "REMOTE_ADDR: 6.6.6.6",
    "h2c": "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    "no Connection": "Connection: X-Real-IP, X-Forwarded-Proto, Host",
}


@pytest.mark.parametrize("header", FORGED.values(), ids=FORGED)
def test_a_forged_header_changes_nothing(mirror: Alone, header: str):
    for status, seen in both(mirror, header):
        assert status in (200, 101)
        assert_true(seen)
        assert seen["path"] in ("/mirror/", "/ws/")


# What ends a line somewhere: for C, for Python's splitlines(), for a terminal (CVE-2026-44546).
CONTROLS = [0x00, 0x01, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x7F, 0x85]
PLACES = {
    "in a value": "X-Any: a{}X-Real-IP: 6.6.6.6",
    "in a value before a path": "Cookie: a{}Daphne-Root-Path: /ws/nope",
    "in a name": "X-Any{}X-Real-IP: 6.6.6.6",
    "after a name": "X-Real-IP{}: 6.6.6.6",
    "before a name": "X-Any: a\r\n{}X-Real-IP: 6.6.6.6",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("control", CONTROLS, ids=hex)
def test_a_control_character_in_a_header_changes_nothing(mirror: Alone, control: int, place: str):
    for status, seen in both(mirror, place.format(chr(control))):
        assert status in (200, 101, 400)
        if seen:
            assert_true(seen)


@pytest.mark.parametrize("control", [each for each in CONTROLS if each != 0x0A], ids=hex)
def test_a_control_character_in_a_path_is_refused(mirror: Alone, control: int):
    for sent in (get(f"/mirror/{chr(control)}"), upgrade(f"/ws/{chr(control)}")):
        assert first_object(mirror.ports["nginx"], sent) == (400, {})


UPGRADES = {
    "h2c": [
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Connection: Upgrade, HTTP2-Settings",
    ],
    "h2c first": ["Upgrade: h2c, websocket", "Connection: Upgrade"],
    "h2c last": ["Upgrade: websocket, h2c", "Connection: Upgrade"],
    "another version": ["Upgrade: websocket/13", "Connection: Upgrade"],
    "TLS": ["Upgrade: TLS/1.0", "Connection: Upgrade"],
    "none": ["Connection: Upgrade"],
}


@pytest.mark.parametrize("headers", UPGRADES.values(), ids=UPGRADES)
def test_nothing_but_a_websocket_is_upgraded(mirror: Alone, headers: list[str]):
    (answer,) = exchange(mirror.ports["nginx"], get("/ws/", *headers))
    assert answer.status == 426
    status, seen = first_object(mirror.ports["nginx"], get("/mirror/", *headers))
    assert status == 200
    assert not [name for name, _ in seen["headers"] if name.lower() in ("upgrade", "connection")]
    assert_true(seen)


FROM_PROXY = ["X-Forwarded-Proto: https", "X-Forwarded-For: {}"]
CHAINS = {
    "the client": ("203.0.113.7", "203.0.113.7"),
    "a forged one before it": ("6.6.6.6, 203.0.113.7", "203.0.113.7"),
    "another proxy of ours": ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
    "a forged one and another proxy of ours": ("6.6.6.6, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
    "a forged proxy of ours": ("6.6.6.6, 10.1.2.3, 203.0.113.7", "203.0.113.7"),
    "two headers": ("6.6.6.6\r\nX-Forwarded-For: 203.0.113.7", "203.0.113.7"),
    "IPv6": ("6.6.6.6, 2001:db8::7", "2001:db8::7"),
    "no address": ("6.6.6.6, unknown", PROXY),
    "a line": ('6.6.6.6, 203.0.113.7\u0085"', PROXY),
    "nobody": ("", PROXY),
}


@pytest.mark.parametrize(("chain", "client"), CHAINS.values(), ids=CHAINS)
def test_of_what_a_trusted_proxy_says_only_its_own_word_counts(behind: Alone, chain: str, client: str):
    headers = [header.format(chain) for header in FROM_PROXY]
    for status, seen in both(behind, *headers, host=NAME, client=PROXY):
        assert status in (200, 101)
        assert_true(seen, client, NAME, "s")


@pytest.mark.parametrize("header", [h for h in FORGED.values() if "Proto" not in h], ids=lambda h: h[:24])
def test_a_trusted_proxy_passes_on_no_other_forged_header(behind: Alone, header: str):
    for status, seen in both(behind, "X-Forwarded-Proto: https", header, host=NAME, client=PROXY):
        assert status in (200, 101)
        assert_true(seen, "6.6.6.6" if header == FORGED["X-Forwarded-For"] else PROXY, NAME, "s")


@pytest.mark.parametrize("header", ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 127.0.0.2, 10.1.2.3"])
def test_who_is_no_trusted_proxy_is_not_believed(behind: Alone, header: str):
    headers = ["X-Forwarded-Proto: https", header]
    (answer,) = exchange(behind.ports["nginx"], get("/mirror/", *headers, host=NAME))
    # As if it had come over HTTP, which it has.
    assert (answer.status, answer.header("Location")) == (301, [f"https://{NAME}/mirror/"])
    assert_headers(answer.headers, secure=False)
    (answer,) = exchange(behind.ports["nginx"], upgrade("/ws/", *headers, host=NAME))
    assert answer.status == 403

    def logged() -> list[str]:
        return [line["client"] for line in lines(behind, "nginx") if line["status"] == 403]

    assert set(wait_for("it is logged", logged)) == {CLIENT}
