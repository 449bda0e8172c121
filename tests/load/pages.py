"""What is measured of HTTP: a post on its way to every screen, a page, a static file."""

import re
import time
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from tests.load.contenders import Contender, nginx_command
from tests.load.generator import Failed
from tests.load.measuring import Measuring
from tests.load.table import Row, percentile
from tests.load.visits import Connection, rate
from tests.machine import free_port
from tests.stack.processes import APP
from tests.stack.visitor import Visitor

PAGE = "/board/lobby/"
# The product's Django behind one server for everything, as Channels' tutorial has it. Two processes
# where a server can have them, as the product's Gunicorn has.
COMMANDS = {
    "daphne": "daphne --bind 127.0.0.1 --port {port} --proxy-headers config.asgi:application",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --workers 2 config.asgi:application",
    "granian": "granian --host 127.0.0.1 --port {port} --workers 2 --loop uvloop --interface asginl "
    "config.asgi:application",
}
# Its log is off: what nginx can do at most.
BARE_NGINX = """
worker_processes 2; pid {folder}/pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
    types {{ text/css css; }}
    access_log off; sendfile on; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; scgi_temp_path {folder}/scgi; uwsgi_temp_path {folder}/uwsgi;
    server {{ listen 127.0.0.1:{port}; location /static/ {{ alias {static}/; }} }}
}}
"""


class Site(Contender):
    """A site for pages: `entrance` is the port that its visitors come to."""

    def start(self) -> None:
        self.entrance = free_port()
        if self.name == "ours":
            self.entrance = self.stack.ports["nginx"]
        elif self.name in COMMANDS:
            port = free_port()
            if command := self.installed(COMMANDS[self.name].format(port=port)):
                self.spawn(command, APP, SERVER_ROLE="web")
                self.spawn(self.nginx(self.entrance, web=port), APP)
                self.await_ports(port, self.entrance)
        else:
            folder = self.stack.folder / "nginx-bare"
            folder.mkdir()
            conf = folder / "nginx.conf"
            conf.write_text(BARE_NGINX.format(folder=folder, port=self.entrance, static=APP / "static"))
            self.spawn(nginx_command(conf, self.stack), APP)
            self.await_ports(self.entrance)


def requests(measuring: Measuring, names: set[str], row: Row, path: str, ahead: int) -> list[Row]:
    """GET one path, on 8 connections of each of the sites `names`, in rounds."""
    loop, seconds = measuring.contenders[0].loop, measuring.size.seconds
    contenders = [one for one in measuring.contenders if one.name in names]
    sites = [Site(one.name, one.loop, one.publisher, one.stack) for one in contenders]
    try:
        for site in sites:
            site.start()
        measuring = measuring.among(sites)
        for site in measuring.each(row):
            with measuring.attempt(site, row):
                rate(loop, site.entrance, path, 8, ahead, seconds / 4)
        for site in measuring.rounds(row):
            with measuring.attempt(site, row):
                row.add(site.name, rate(loop, site.entrance, path, 8, ahead, seconds))
    finally:
        for site in sites:
            site.stop()
    return [row]


def page(measuring: Measuring) -> list[Row]:
    """The board's page: a few queries and a template."""
    row = Row("page", "dynamic page/s", "more")
    return requests(measuring, {"ours", *COMMANDS}, row, PAGE, 1)


def static(measuring: Measuring) -> list[Row]:
    """A hashed style sheet: ours from nginx's cache, which web filled, with a line in the log each."""
    stack = measuring.contenders[0].stack
    path = re.search(r'/static/[^"]+\.css', httpx.get(stack.url + PAGE).text)[0]
    row = Row("static", "static file/s", "more")
    if any(one.name == "bare" for one in measuring.contenders):
        row.notes["bare"] = "is here a bare nginx with the file on disk"
    # 16 requests ahead: or these visitors, not nginx, would be what is measured.
    return requests(measuring, {"ours", "bare"}, row, path, 16)


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
    connection = Connection(ours.loop, fleet.port, statuses.append)
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
