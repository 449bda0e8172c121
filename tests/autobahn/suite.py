"""The Autobahn test suite, a program for Python 2.7: found, installed once, run, and its report read."""

import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

LOCKED = Path(__file__).with_name("requirements.txt")
# One folder for each state of the locked file.
HOME = Path(__file__).parents[2] / ".venv-autobahn" / hashlib.sha256(LOCKED.read_bytes()).hexdigest()[:16]
# As the suite's own index has it: "non-strict" keeps to RFC 6455, "informational" has no wrong answer.
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


@cache
def python2() -> str:
    """The path of a Python 2.7 with pip. Raises FileNotFoundError."""
    # pyenv puts a python2.7 on PATH that only says which one to choose.
    for path in ("python2.7", *glob.glob(str(Path.home() / ".pyenv/versions/2.7*/bin/python2.7"))):
        if shutil.which(path) and subprocess.run([path, "-m", "pip"], capture_output=True).returncode == 0:
            return path
    raise FileNotFoundError("no Python 2.7 with pip is installed")


def missing() -> str:
    """Why the suite can't run here, or "" when it can."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "its packages are locked for Linux on x86-64"
    try:
        python2()
    except FileNotFoundError as error:
        return str(error)
    return ""


def module(home: Path, name: str, *arguments: str | Path, **options: Any) -> None:
    """`python2.7 -m name …` with `home` as its user site: packages of its own, without a virtualenv."""
    command = [python2(), "-W", "ignore", "-m", name, *arguments]
    subprocess.run(command, env=os.environ | {"PYTHONUSERBASE": str(home)}, check=True, **options)


def install() -> None:
    """Install the locked packages, unless they are."""
    if HOME.exists():
        return
    unfinished = HOME.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--user", "--ignore-installed", "--no-deps", "--require-hashes", "--requirement"]
    module(unfinished, "pip", "-qq", "install", *options, LOCKED, timeout=300)
    unfinished.rename(HOME)


def run(url: str, folder: Path, cases: list[str], seconds: float) -> dict[str, str]:
    """Run cases against a server; returns what came of each that was run: "OK", or what was wrong.

    `cases` are patterns such as "1.*". The report, one page a case, is left in `folder`. Raises
    TimeoutExpired after `seconds`.
    """
    spec = folder / "spec.json"
    report = folder / "report"
    servers = [{"agent": "echo", "url": url}]
    spec.write_text(json.dumps({"outdir": str(report), "servers": servers, "cases": cases}))
    mode = ["--mode", "fuzzingclient", "--spec", spec]
    module(HOME, "autobahntestsuite.wstest", *mode, stdout=subprocess.DEVNULL, timeout=seconds)
    index = json.loads((report / "index.json").read_text())["echo"]
    return {name: outcome(case) for name, case in index.items()}


def outcome(case: dict[str, str]) -> str:
    """One line of the suite's index: how the peer behaved, and how it closed."""
    behavior, closing = case["behavior"], case["behaviorClose"]
    if behavior in PASSED and closing in PASSED:
        return "OK"
    return f"{behavior}, close {closing} with {case['remoteCloseCode']}: {case['reportfile']}"
