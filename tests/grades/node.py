"""The scanners that are programs for Node.js: found, installed once, locked, and run."""

import hashlib
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
OLDEST = 20


@cache
def missing() -> str:
    """Why these scanners can't run here, or "" when they can."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no Node.js with npm is installed"
    done = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
    version = done.stdout.strip().removeprefix("v")
    if int(version.split(".")[0]) < OLDEST:
        return f"Node.js {OLDEST} is needed, and {version} is installed"
    return ""


def install() -> None:
    """Install the locked packages, without running any script of theirs, unless they are."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = MODULES / f".{hashlib.sha256(lock).hexdigest()[:16]}"
    if stamp.exists():
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(command, cwd=HERE, check=True, timeout=300, **quiet)
    # One of the scripts would have downloaded it. No name of a test is on the list of preloaded domains.
    (MODULES / "@mdn/mdn-http-observatory/conf/hsts-preload.json").write_text("{}")
    stamp.touch()


def run(*arguments: str, **environment: str) -> Any:
    """`node …` with nothing but the loopback to connect to; returns the JSON that it prints.

    Raises RuntimeError with what it printed when it fails, and TimeoutExpired after three minutes.
    """
    install()
    done = subprocess.run(
        ["node", "--import", "./loopback.js", *arguments],
        cwd=HERE,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)
