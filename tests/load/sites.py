"""Who answers visitors of pages and files, and how fast: the product, its peers, and parts of it alone."""

import os
from collections.abc import Mapping

from tests.load.contenders import Contender, nginx_command
from tests.load.measuring import Measuring
from tests.load.table import Row
from tests.load.visits import Target, rate
from tests.machine import free_port
from tests.stack.processes import APP

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
CONNECTIONS = 16


class Site(Contender):
    """Who is asked for `path` in the place of a contender; `target` is known when it has started."""

    target: Target

    def __init__(self, contender: Contender, path: str):
        super().__init__(contender.name, contender.loop, contender.publisher, contender.stack)
        self.path = path


class Product(Site):
    def start(self) -> None:
        self.target = Target(self.stack.ports["nginx"], self.path)


class Gunicorn(Site):
    """The product's own, without nginx in front of it."""

    def start(self) -> None:
        self.target = Target(self.stack.ports["web"], self.path)


class Peer(Site):
    def start(self) -> None:
        port, entrance = free_port(), free_port()
        self.target = Target(entrance, self.path)
        if command := self.installed(COMMANDS[self.name].format(port=port)):
            self.spawn(command, APP, SERVER_ROLE="web")
            self.spawn(self.nginx(entrance, web=port), APP)
            self.await_ports(port, entrance)


class BareNginx(Site):
    def start(self) -> None:
        self.target = Target(free_port(), self.path)
        folder = self.stack.folder / "nginx-bare"
        folder.mkdir()
        conf = folder / "nginx.conf"
        conf.write_text(BARE_NGINX.format(folder=folder, port=self.target.port, static=APP / "static"))
        self.spawn(nginx_command(conf, self.stack), APP)
        self.await_ports(self.target.port)


def requests(measuring: Measuring, kinds: Mapping[str, type[Site]], row: Row, path: str, ahead: int) -> None:
    """Measure one path on sites that stand for the contenders named in `kinds`, and stop them."""
    sites = [kinds[one.name](one, path) for one in measuring.contenders if one.name in kinds]
    try:
        for site in sites:
            site.start()
        visit(measuring, sites, row, ahead)
    finally:
        for site in sites:
            site.stop()


def visit(measuring: Measuring, sites: list[Site], row: Row, ahead: int) -> None:
    """GET each site's target in rounds, on each connection `ahead` requests at a time."""
    loop, seconds = measuring.contenders[0].loop, measuring.size.seconds
    measuring = measuring.among(sites)
    for site in measuring.each(row):
        with measuring.attempt(site, row):
            rate(loop, site.target, CONNECTIONS, ahead, seconds / 4)
    for site in measuring.rounds(row):
        with measuring.attempt(site, row):
            row.add(site.name, rate(loop, site.target, CONNECTIONS, ahead, seconds))
        # Hundreds of megabytes of access log: writing them to the disk would be measured next.
        for log in site.stack.folder.glob("*.log"):
            os.truncate(log, 0)
