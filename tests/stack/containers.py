"""The stack as users run it: docker-compose.prod.yml, under a project name and on ports of its own."""

import json
import os
import secrets
import subprocess
from functools import cache
from pathlib import Path

from tests.machine import free_port
from tests.stack.nginx import CROWD

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "docker-compose.prod.yml"
# A user's own .env has no say in the tests.
COMPOSE = ["docker", "compose", "--file", FILE, "--env-file", "/dev/null", "--ansi", "never"]
# Compose takes settings from the environment too: only what finds Docker and the images may pass.
OURS = {
    name: value
    for name, value in os.environ.items()
    if name in ("PATH", "HOME", "APP_IMAGE", "NGINX_IMAGE", "CERTS_IMAGE") or name.startswith("DOCKER_")
}


@cache
def build_images() -> None:
    """Once for all tests, and not at all when APP_IMAGE and its like name the images to test."""
    if "APP_IMAGE" not in os.environ:
        subprocess.run([*COMPOSE, "build"], env=OURS, check=True, capture_output=True)


class Containers:
    """One project of docker-compose.prod.yml. `settings` are what a user would write into .env."""

    name = "containers"
    services = ("secrets", "db", "redis", "migrate", "web", "ws", "nginx", "certs")
    # Compose files of the tests, over the one that users have.
    overrides: tuple[Path, ...] = ()

    def __init__(self, **settings: str) -> None:
        build_images()
        self.project = f"test-{secrets.token_hex(4)}"
        ports = {"HTTP_PORT": str(free_port()), "HTTPS_PORT": str(free_port())}
        self.settings = ports | CROWD | settings
        self.url = f"http://localhost:{self.settings['HTTP_PORT']}"

    def compose(
        self, *arguments: str, check: bool = True, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose …` on this project, with `given` on its stdin."""
        overrides = [f"--file={file}" for file in self.overrides]
        return subprocess.run(
            [*COMPOSE, *overrides, "--project-name", self.project, *arguments],
            env=OURS | self.settings,
            check=check,
            capture_output=True,
            text=True,
            input=given,
            timeout=300,
        )

    def up(self, *arguments: str) -> None:
        """Start everything and wait until it is healthy."""
        done = self.compose("up", "--detach", "--wait", "--no-build", *arguments, check=False)
        if done.returncode:
            raise RuntimeError(f"docker compose up failed:\n{done.stderr}")

    def start(self, *services: str) -> None:
        self.compose("start", *services)

    def stop(self, *services: str, kill: bool = False) -> None:
        """Stop as an operator does: it stays down until it is started."""
        self.compose("kill" if kill else "stop", *services)
        for service in () if kill else services:
            for container in self.containers(service):
                code = self.inspect(container)["State"]["ExitCode"]
                assert code == 0, f"{service} exited with {code}"

    def crash(self, service: str) -> None:
        """Kill the process itself. Docker takes `docker kill` for the operator's wish that it stays down."""
        for container in self.containers(service):
            sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
            pid = str(self.inspect(container)["State"]["Pid"])
            subprocess.run([*sudo, "kill", "-KILL", pid], check=True)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--all", "--quiet", service).stdout.split()

    def inspect(self, container: str) -> dict:
        done = subprocess.run(["docker", "inspect", container], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)[0]

    def manage(self, *arguments: str) -> str:
        """Run a management command in a container of its own; returns what it printed."""
        return self.compose("run", "--rm", "--no-deps", "migrate", "python", "manage.py", *arguments).stdout

    def execute(self, service: str, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return self.compose("exec", "--no-TTY", service, *command, check=False, given=given)

    def maintain(self, on: bool) -> None:
        """Close the site, or open it again."""
        self.execute("nginx", *(["touch"] if on else ["rm", "-f"]), "/maintenance/on")

    def logs(self, service: str) -> list[str]:
        """What all containers of a service printed."""
        lines: list[str] = []
        for container in self.containers(service):
            done = subprocess.run(
                ["docker", "logs", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            lines += done.stdout.splitlines()
        return lines

    def down(self) -> None:
        self.compose("down", "--volumes", "--timeout", "1", check=False)
