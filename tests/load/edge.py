"""What it costs that a file comes from nginx's cache: beside the same nginx with the same file on disk."""

import os
import secrets
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

from tests.load.contenders import SETTINGS, Contender, nginx_command
from tests.load.measuring import Measuring
from tests.load.pages import style_sheet
from tests.load.sites import Site, visit
from tests.load.table import Row
from tests.load.visits import Target
from tests.machine import free_port, missing
from tests.stack import nginx
from tests.stack.processes import APP
from tests.stack.tls import NAME, Authority

STATIC = APP / "static"
# The same server, log and headers. WhiteNoise's compressed files lie beside the others.
DISK = f"location /disk/ {{ alias {STATIC}/; expires max; gzip_static on; }}\n"
# As browsers do.
HEADERS = "Accept-Encoding: gzip\r\n"


class Edge(Contender):
    """An nginx with the product's configuration, and each static file on its disk too, below /disk/."""

    title = "cached static file/s"

    def start(self) -> None:
        self.target = Target(free_port(), "/", headers=HEADERS)
        self.spawn(nginx_command(self.configure(port=self.target.port), self.stack), APP)
        self.await_ports(self.target.port)

    def configure(self, **settings: str | int) -> Path:
        """Write the configuration; returns the path of its nginx.conf."""
        folder = self.stack.folder / self.name
        ports = {"probe": free_port(), "web": self.stack.ports["web"], "ws": [self.stack.ports["ws"]]}
        conf = nginx.render(folder, **ports, **SETTINGS, **settings)
        (folder / "run/locations/disk.conf").write_text(DISK)
        return conf


class EdgeTLS(Edge):
    """The same with TLS 1.3, in the product's image: an nginx before 1.25 can't read sites/https.conf."""

    title = "cached static file/s, TLS 1.3"
    container = ""

    def start(self) -> None:
        if reason := missing("containers"):
            self.reason = f"is out: {reason}"
            return
        authority = Authority(self.stack.folder)
        authority.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.target = Target(free_port(), "/", NAME, authority.tls, HEADERS)
        conf = self.configure(port=free_port(), tls=self.target.port, DOMAIN=NAME, TLS="files")
        folder = conf.parent / "certificates/site"
        folder.mkdir()
        pair = authority.issue(NAME)
        for name in ("fullchain.pem", "privkey.pem"):
            (folder / name).write_bytes(pair)
        build = ["docker", "build", "--quiet", nginx.NGINX]
        done = subprocess.run(build, check=False, capture_output=True, text=True)
        if done.returncode:
            self.reason = f"is out: {done.stderr.splitlines()[-1]}"
            return
        self.container = f"bench-{secrets.token_hex(4)}"
        log = self.stack.folder / f"{self.name}.log"
        run = ["docker", "run", "--rm", f"--name={self.container}", "--network=host", "--entrypoint=sh"]
        run += [f"--user={os.geteuid()}:{os.getegid()}"]
        run += [f"--volume={path}:{path}" for path in (conf.parent, STATIC, log)]
        # To a file, as the log of plain processes: Docker would take more than nginx to write it.
        script = ["-c", f'exec nginx "$@" >>{log} 2>&1', "sh", *nginx_command(conf, self.stack)[1:]]
        self.spawn([*run, done.stdout.strip(), *script], APP)
        self.await_ports(self.target.port)

    def stop(self) -> None:
        if self.container:
            subprocess.run(["docker", "rm", "--force", self.container], check=False, capture_output=True)
        super().stop()


class File(Site):
    """One of the two paths under which an Edge has a file."""

    def __init__(self, contender: Contender, path: str, edge: Edge):
        super().__init__(contender, path)
        self.reason = edge.reason
        if not self.reason:
            self.target = replace(edge.target, path=path)


def edge(measuring: Measuring) -> list[Row]:
    """A hashed style sheet, as a browser asks for it: from the cache, and from the disk."""
    path = style_sheet(measuring)
    paths = {"ours": path, "bare": path.replace("/static/", "/disk/")}
    contenders = [each for each in measuring.contenders if each.name in paths]
    rows = []
    one = measuring.contenders[0]
    for name, kind in {"edge": Edge, "edge-tls": EdgeTLS}.items():
        row = Row(name, kind.title, "more")
        if any(each.name == "bare" for each in contenders):
            row.notes["bare"] = "is here the same nginx with the file on disk"
        server = kind(name, one.loop, one.publisher, one.stack)
        try:
            server.start()
            visit(measuring, [File(each, paths[each.name], server) for each in contenders], row, 1)
        finally:
            server.stop()
        rows.append(row)
    return rows
