"""What is measured of HTTP: a post on its way to every screen, a page, a static file."""

import re
import time
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from tests.load.contenders import Contender
from tests.load.generator import Failed
from tests.load.measuring import Measuring
from tests.load.sites import COMMANDS, BareNginx, Gunicorn, Peer, Product, requests
from tests.load.table import Row, percentile
from tests.load.visits import Connection, Target
from tests.stack.visitor import Visitor

PAGE = "/board/lobby/"


def page(measuring: Measuring) -> list[Row]:
    """The board's page: a few queries and a template."""
    row = Row("page", "dynamic page/s", "more")
    if any(one.name == "bare" for one in measuring.contenders):
        row.notes["bare"] = "is here our Gunicorn, asked directly"
    kinds = {"ours": Product, "bare": Gunicorn} | dict.fromkeys(COMMANDS, Peer)
    requests(measuring, kinds, row, PAGE, 1)
    return [row]


def static(measuring: Measuring) -> list[Row]:
    """A hashed style sheet: ours from nginx's cache, which web filled, with a line in the log each."""
    row = Row("static", "static file/s", "more")
    if any(one.name == "bare" for one in measuring.contenders):
        row.notes["bare"] = "is here a bare nginx with the file on disk"
    # 16 requests ahead: or these visitors, not nginx, would be what is measured.
    requests(measuring, {"ours": Product, "bare": BareNginx}, row, style_sheet(measuring), 16)
    return [row]


def style_sheet(measuring: Measuring) -> str:
    """The path of the board's."""
    html = httpx.get(measuring.contenders[0].stack.url + PAGE).text
    return re.search(r'/static/[^"]+\.css', html)[0]


def request(visitor: Visitor, number: int) -> bytes:
    """A POST as the board's page sends it, with a message's number in its text."""
    body = urlencode({"text": f"#{number:09d} Good morning", "key": str(uuid4())})
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    return (
        f"POST {PAGE}messages HTTP/1.1\r\nHost: {visitor.url.removeprefix('http://')}\r\n"
        f"Origin: {visitor.url}\r\nX-CSRFToken: {visitor.token}\r\nCookie: {cookies}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def post(measuring: Measuring) -> list[Row]:
    """From a POST's start to each socket's having its message, one at a time. No peer has both halves."""
    count = measuring.size.sockets
    title = f"POST to screen, {count:,} screens"
    rows = [Row("post-p50", f"{title}, p50, ms", "less"), Row("post-p99", f"{title}, p99, ms", "less")]
    measuring = measuring.among(one for one in measuring.contenders if one.name == "ours")
    for ours in measuring.rounds(*rows):
        with measuring.attempt(ours, *rows), Visitor(ours.stack.url) as visitor:
            # The first post makes the visitor's session. Its message has no number, so nobody counts it.
            visitor.post("Hello")
            ours.fill(count)
            latencies = posts(ours, visitor, measuring.size.posts)
            for row, part in zip(rows, (0.5, 0.99), strict=True):
                row.add("ours", percentile(latencies, part))
    return rows


def posts(ours: Contender, visitor: Visitor, count: int) -> list[float]:
    """Milliseconds from the start of each post to each delivery of its message, sorted."""
    [fleet] = ours.fleets
    statuses: list[int] = []
    latencies: list[float] = []
    connection = Connection(ours.loop, Target(fleet.port, PAGE), statuses.append)
    try:
        for _ in range(count):
            message = request(visitor, ours.published)
            ours.published += 1
            fleet.record()
            started = time.monotonic_ns()
            connection.ask(message)
            ours.loop.until(
                "a post on all sockets", lambda: len(fleet.times) == len(fleet) and not connection.waiting, 10
            )
            fleet.next = ours.published
            latencies += [(at - started) / 1e6 for at in fleet.times]
    finally:
        fleet.recording = False
        connection.close()
    if set(statuses) != {201}:
        raise Failed(f"a post was answered {set(statuses)}")
    return sorted(latencies)
