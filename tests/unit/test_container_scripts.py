"""What runs inside the containers beside the application."""

import os
import stat
import subprocess
import sys
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.machine import free_port

CONTAINER = Path(__file__).parents[2] / "deploy/container"
sys.path.insert(0, str(CONTAINER))
import make_secrets  # noqa: E402  it lies in the image, outside of any package


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in ("app", "db", "redis"):
        (tmp_path / name).mkdir()
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_random_long_and_not_for_everybody(volumes: Path):
    make_secrets.main(volumes)
    for path in volumes.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o440
    found = contents(volumes)
    assert len(found["app/secret_key"]) >= 50
    assert found["app/database_password"] in found["db/app.sql"]
    assert sha256(found["app/redis_password"].encode()).hexdigest() in found["redis/users.acl"]
    assert found["app/redis_password"] not in found["redis/users.acl"]


def test_a_second_run_changes_nothing_and_keeps_a_file_of_ones_own(volumes: Path):
    (volumes / "app/redis_password").write_text("mine\n")
    make_secrets.main(volumes)
    first = contents(volumes)
    assert sha256(b"mine").hexdigest() in first["redis/users.acl"]
    make_secrets.main(volumes)
    assert contents(volumes) == first


def test_a_run_that_was_cut_off_leaves_no_half_a_secret(volumes: Path):
    (volumes / "app/.secret_key").write_text("ha")
    make_secrets.main(volumes)
    assert len(contents(volumes)["app/secret_key"]) >= 50
    assert not (volumes / "app/.secret_key").exists()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1), (404, 1)])
def test_the_health_probe_tells_200_from_everything_else(status: int, code: int):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.handle_request, daemon=True).start()
    assert probe(server.server_port).returncode == code
    server.server_close()


def test_the_health_probe_fails_where_nobody_listens():
    done = probe(free_port())
    assert done.returncode == 1
    assert "refused" in done.stderr


def probe(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, CONTAINER / "healthcheck.py", f"http://127.0.0.1:{port}/healthz"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
