"""What the benchmark computes and draws: percentiles, counted frames, the table, the charts."""

import socket
from xml.etree import ElementTree as ET

import pytest

from tests.load import chart
from tests.load.generator import Failed, Fleet, Loop, Socket
from tests.load.growth import Point
from tests.load.growth import table as growth_table
from tests.load.table import Row, factor, number, percentile, table
from tests.load.visits import Connection, Target

MACHINE = {"date": "2026-01-01", "cores": 2, "load_before": 0.1, "system": "Linux x86_64", "python": "3.13.0"}


def frame(text: bytes, first: int = 0x81) -> bytes:
    """A server's frame, unmasked (RFC 6455, 5.2)."""
    length = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
    return bytes([first]) + length + text


@pytest.fixture
def fleet():
    """A fleet with one socket on a server that says nothing by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        fleet = Fleet(Loop(10), server.getsockname()[1], "/", "http://localhost")
        fleet.sockets.append(Socket(fleet, 0, ""))
        fleet.server, _ = server.accept()
        yield fleet
        fleet.close()
        fleet.server.close()


def test_a_percentile_is_a_value_that_was_measured():
    hundred = [float(value) for value in range(1, 101)]
    assert percentile(hundred, 0.5) == 50
    assert percentile(hundred, 0.99) == 99
    assert percentile(hundred, 1) == 100
    assert percentile([7.0], 0.99) == 7


@pytest.mark.parametrize("pieces", [1, 2, 7, 400])
def test_frames_are_counted_however_the_bytes_are_cut(fleet, pieces):
    hello, padding = frame(b'{"type": "hello"}'), b" " * 200
    data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + hello
    data += b"".join(frame(b"#%09d" % number + padding) for number in range(3))
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        fleet.server.sendall(data[start : start + size])
        fleet.loop.rest(0.001)
    fleet.loop.until("three messages", lambda: fleet.delivered == 3, 5)
    assert (fleet.greeted, fleet.failed, fleet.disorder) == (1, 0, 0)


@pytest.mark.parametrize("numbers", [(0, 2), (0, 0), (1, 0)])
def test_a_message_that_is_missing_doubled_or_early_is_noticed(fleet, numbers):
    [one] = fleet.sockets
    one.frames(b"".join(frame(b"#%09d" % number) for number in numbers), 1)
    assert fleet.disorder


def test_a_ping_is_answered_with_its_payload_masked(fleet):
    fleet.server.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame(b"beat", 0x89) + frame(b"", 0x89)
    )
    fleet.loop.rest(0.05)
    assert fleet.server.recv(4096).endswith(b"\x8a\x84\0\0\0\0beat\x8a\x80\0\0\0\0")


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\0"]
)
def test_a_refused_or_closed_socket_has_failed(fleet, said):
    fleet.server.sendall(said)
    fleet.loop.until("the failure", lambda: fleet.failed, 5)
    assert fleet.opening == 0


def test_waiting_has_an_end():
    with pytest.raises(Failed, match="never true"):
        Loop(60).until("never true", lambda: False, 0.05)


def test_responses_are_counted_and_those_after_a_close_asked_for_anew():
    with socket.create_server(("127.0.0.1", 0)) as server:
        loop, statuses = Loop(10), []
        connection = Connection(loop, Target(server.getsockname()[1], "/"), statuses.append)
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", 3)
        response = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n"
        with server.accept()[0] as first:
            first.recv(4096)
            first.sendall(response * 2)
            loop.until("two responses", lambda: len(statuses) == 2, 5)
        loop.rest(0.05)
        with server.accept()[0] as second:
            second.settimeout(5)
            assert second.recv(4096) == b"GET / HTTP/1.1\r\n\r\n"
            second.sendall(response)
            loop.until("the third", lambda: not connection.waiting, 5)
        connection.close()
    assert statuses == [200, 200, 200]


def rows() -> list[Row]:
    deliveries = Row("deliveries", "deliveries/s", "more")
    deliveries.samples = {"ours": [90.0, 100.0, 400.0], "daphne": [10.0, 8.0, 8.0]}
    deliveries.out = {"granian": "is not installed: there is no granian in .venv-peers"}
    p50 = Row("p50", "p50 <ms>", "less", {"ours": [2.0], "daphne": [8.0]}, {"daphne": "falls behind"})
    return [deliveries, p50]


def test_the_table_has_medians_ratios_and_everyone_who_is_left_out():
    lines = table(rows()).splitlines()
    assert lines[0].split() == ["ours", "stock", "Daphne", "stock", "Granian"]
    assert lines[2].split()[-4:] == ["100", "8.00", "12.5x", "-"]
    assert lines[3].split()[-3:] == ["2.00", "8.00", "0.25x"]
    assert "deliveries: stock Granian is not installed: there is no granian in .venv-peers" in lines
    assert "p50: stock Daphne falls behind" in lines
    assert "deliveries: unsteady, ours had 90.0 to 400" in lines
    assert not [line for line in lines if "unsteady, stock Daphne" in line]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.5, "0.50"), (12.34, "12.3"), (123.4, "123"), (1234567.0, "1,234,567")]
)
def test_a_number_has_three_digits_that_count(value, text):
    assert number(value) == text


def test_a_ratio_is_missing_when_a_side_is():
    assert Row("name", "title", "more", {"daphne": [1.0]}).ratio("daphne") is None
    assert factor(None) == ""


def points() -> list[Point]:
    return [
        Point(1, 500, 30, 1, 20, 5, 10),
        Point(1, 8000, 33, 9, 30, 50, 100),
        Point(2, 500, 30, 1, 20, 5, 9),
    ]


def test_growth_is_the_last_point_divided_by_the_first():
    lines = growth_table(points(), ["8,000 sockets on 2: a process may open 1024 files only"]).splitlines()
    [divided] = [line for line in lines if "divided" in line]
    assert divided.split()[-5:] == ["1.10x", "9.00x", "1.50x", "10.00x", "10.00x"]
    assert lines[-1] == "8,000 sockets on 2: a process may open 1024 files only"


def test_the_charts_are_svg_with_every_number_and_note(tmp_path):
    chart.write(tmp_path, MACHINE, rows(), points())
    bench, growth = (ET.parse(tmp_path / name).getroot() for name in ("bench.svg", "growth.svg"))  # noqa: S314
    said = " ".join(bench.itertext())
    for expected in (
        "100",
        "8.00 (12.5x)",
        "p50 <ms>",
        "stock Daphne*",
        "falls behind",
        "2026-01-01, 2 cores",
    ):
        assert expected in said
    assert bench.get("role") == "img"
    assert "8,000" in list(growth.itertext())


def test_nothing_measured_draws_nothing(tmp_path):
    chart.write(tmp_path, MACHINE, [Row("name", "title", "more")], [])
    assert not list(tmp_path.iterdir())
