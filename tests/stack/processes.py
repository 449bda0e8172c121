"""The stack as plain processes: the same commands, settings and nginx templates, without Docker."""

import os
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import httpx

from tests.machine import free_port, program, wait_for
from tests.stack import nginx

APP = Path(__file__).parents[2] / "app"
REDIS = ["redis-server", "--bind", "127.0.0.1", "--save", ""]


class Processes:
    """PostgreSQL, Redis, Gunicorn, Daphne and nginx on free ports of this machine's loopback.

    `ws` names the WebSocket servers: as many as there are names. `settings` are what .env would say.
    """

    name = "processes"

    def __init__(self, ws: tuple[str, ...] = ("ws",), **settings: str) -> None:
        self.ws = ws
        self.services = ("db", "redis", "web", *ws, "nginx")
        self.folder = Path(tempfile.mkdtemp(prefix="stack-"))
        # PostgreSQL doesn't run as root, and must get at its folder.
        self.folder.chmod(0o755)
        self.root = os.geteuid() == 0
        self.ports = {service: free_port() for service in (*self.services, "probe")}
        name = settings.get("DOMAIN", "localhost").partition(",")[0]
        self.url = f"http://{name}:{self.ports['nginx']}"
        self.running: dict[str, subprocess.Popen] = {}
        self.settings = {"HTTP_PORT": str(self.ports["nginx"])} | nginx.CROWD | settings
        self.environment = os.environ | {
            "DEBUG": "off",
            "LOG_LEVEL": "INFO",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": f"postgres://app@127.0.0.1:{self.ports['db']}/app",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "WEB_BIND": f"127.0.0.1:{self.ports['web']}",
            "PYTHONUNBUFFERED": "1",
        }
        self.environment |= self.settings

        # For the servers, which inherit it, and for thousands of clients. Containers set their own.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.commands = self.configure()

    def configure(self) -> dict[str, list]:
        """Write nginx's configuration; returns each service's command."""
        conf = nginx.render(
            self.folder / "nginx",
            port=self.ports["nginx"],
            probe=self.ports["probe"],
            web=self.ports["web"],
            ws=[self.ports[name] for name in self.ws],
            **self.settings,
        )
        user = " user root;" if self.root else ""
        postgres = [self.postgres("postgres"), "-D", self.folder / "db/data", "-k", self.folder / "db"]
        ws = [sys.executable, "-m", "realtime.server"]
        return {
            "db": [*postgres, "-p", str(self.ports["db"]), "-c", "listen_addresses=127.0.0.1"],
            "redis": [*REDIS, "--port", str(self.ports["redis"])],
            "web": [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi"],
            **dict.fromkeys(self.ws, ws),
            "nginx": [program("nginx", "/usr/sbin"), "-c", conf, "-e", "stderr", "-g", f"daemon off;{user}"],
        }

    def up(self) -> None:
        """Start everything and wait until the site answers."""
        self.create_database()
        self.start("db", "redis")
        self.manage("collectstatic", "--no-input", "--verbosity", "0")
        self.manage("prepare")
        self.start("web", *self.ws, "nginx")
        wait_for("the site answers", lambda: self.answers("/board/lobby/"))
        for name in self.ws:
            wait_for(f"{name} answers", partial(self.answers, "/healthz", self.ports[name]))

    def answers(self, path: str, port: int | None = None) -> bool:
        try:
            return httpx.get(f"http://localhost:{port or self.ports['nginx']}{path}").status_code == 200
        except httpx.TransportError:
            return False

    def postgres(self, name: str) -> str:
        return program(name, "/usr/lib/postgresql/*/bin") or name

    def create_database(self) -> None:
        (self.folder / "db").mkdir()
        if self.root:
            subprocess.run(["chown", "nobody", self.folder / "db"], check=True)
        initdb = [self.postgres("initdb"), "-D", "data", "-U", "app", "--auth=trust", "--no-sync"]
        self.run(initdb)
        # A fresh cluster has only `postgres`; `app` is made in single-user mode, before it listens.
        single = [self.postgres("postgres"), "--single", "-D", "data", "postgres"]
        self.run(single, stdin="CREATE DATABASE app;\n")

    def run(self, command: list, stdin: str | None = None) -> None:
        user = {"user": "nobody"} if self.root else {}
        cwd = self.folder / "db"
        subprocess.run(command, cwd=cwd, input=stdin, check=True, capture_output=True, text=True, **user)

    def start(self, *services: str) -> None:
        for service in services:
            user = {"user": "nobody"} if self.root and service == "db" else {}
            with open(self.folder / f"{service}.log", "ab") as log:
                self.running[service] = subprocess.Popen(
                    self.commands[service],
                    cwd=self.folder / "db" if service == "db" else APP,
                    env=self.environment | self.role(service),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    **user,
                )

    def role(self, service: str) -> dict[str, str]:
        """The settings in which the services differ."""
        if service in self.ws:
            return {"SERVER_ROLE": "ws", "INSTANCE": service, "WS_BIND": f"127.0.0.1:{self.ports[service]}"}
        return {"SERVER_ROLE": "web" if service == "web" else "manage"}

    def stop(self, *services: str, kill: bool = False) -> None:
        """Stop as an operator does, or as the kernel does when memory runs out."""
        gentle = {"db": signal.SIGINT, "nginx": signal.SIGQUIT}
        for service in services:
            process = self.running.pop(service)
            if kill:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.send_signal(gentle.get(service, signal.SIGTERM))
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            if not kill:
                assert process.returncode == 0, f"{service} exited with {process.returncode}"

    def manage(self, *arguments: str) -> str:
        """Run a management command; returns what it printed."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=APP,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        ).stdout

    def maintain(self, on: bool) -> None:
        """Close the site, or open it again."""
        switch = self.folder / "nginx/maintenance/on"
        switch.touch() if on else switch.unlink(missing_ok=True)

    def logs(self, service: str) -> list[str]:
        path = self.folder / f"{service}.log"
        return path.read_text(errors="replace").splitlines() if path.exists() else []

    def down(self) -> None:
        for service in reversed(self.services):
            if service in self.running:
                self.stop(service, kill=True)
        subprocess.run(["rm", "-r", self.folder], check=False)
