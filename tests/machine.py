"""What this machine can run, and how to wait for something to come true."""

import glob
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from tests.autobahn import suite
from tests.grades import node

T = TypeVar("T")


def program(name: str, *folders: str) -> str | None:
    """The path of a program on PATH or in one of `folders` (globs)."""
    path = os.pathsep.join([os.environ["PATH"], *(match for f in folders for match in sorted(glob.glob(f)))])
    return shutil.which(name, path=path)


def chromium() -> str | None:
    return program("chromium") or program("google-chrome")


@cache
def missing(part: str) -> str:
    """Why this machine can't run a part of the tests, or "" when it can."""
    if part == "processes":
        needed = {
            "nginx": program("nginx", "/usr/sbin"),
            "redis-server": program("redis-server"),
            "postgresql": program("initdb", "/usr/lib/postgresql/*/bin"),
        }
        absent = [name for name, path in needed.items() if not path]
        return f"not installed: {', '.join(absent)}" if absent else ""
    if part == "containers":
        try:
            subprocess.run(["docker", "compose", "version"], check=True, capture_output=True)
            subprocess.run(["docker", "info"], check=True, capture_output=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            return "no Docker Engine with Compose v2 answers"
        return ""
    if part == "browser":
        return "" if chromium() else "no Chromium is installed"
    if part == "autobahn":
        return suite.missing()
    if part == "slowhttptest":
        return "" if program("slowhttptest") else "it is not installed"
    if part == "scanners":
        return node.missing()
    raise ValueError(part)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(what: str, condition: Callable[[], T], seconds: float = 30) -> T:
    """The first true value of `condition`, asked ten times a second. Raises TimeoutError with `what`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return value
