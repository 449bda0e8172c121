"""How certbot is run: one that a test writes, first on PATH."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from certs import acme, settings


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let certbot be a shell script."""

    def script(text: str) -> None:
        (tmp_path / "certbot").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "certbot").chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return script


def test_certbot_is_told_all_that_it_would_ask(configured: settings.Settings):
    given = acme.command(configured)
    for option in ("--non-interactive", "--agree-tos", "--keep-until-expiring", "--renew-with-new-domains"):
        assert option in given
    assert "--reuse-key" in given
    assert given[given.index("--domains") + 1] == "a.example.com,b.example.com"
    assert "--register-unsafely-without-email" in given
    named = settings.read(
        {"DOMAIN": "a.example.com", "ACME_EMAIL": "me@example.com", "ACME_SERVER": "staging"}
    )
    assert "me@example.com" in acme.command(named)
    assert "--register-unsafely-without-email" not in acme.command(named)


def test_what_certbot_says_counts_only_when_it_fails(configured: settings.Settings, script: Callable):
    script("echo all well")
    assert acme.ask(configured) is None
    script("echo one; echo two >&2; exit 1")
    assert acme.ask(configured) == "one\ntwo\n"


def test_a_certbot_that_does_not_end_is_ended(configured: settings.Settings, script: Callable, monkeypatch):
    monkeypatch.setattr(acme, "TIMEOUT", 0.2)
    script("exec sleep 30")
    begun = time.monotonic()
    assert acme.ask(configured) == "certbot did not end within 0.2 s."
    assert time.monotonic() - begun < 10


def test_a_stop_lets_certbot_tidy_up(configured: settings.Settings, script: Callable, tmp_path: Path):
    script(f"trap 'echo > {tmp_path}/tidy; kill $!; exit 1' TERM; echo > {tmp_path}/begun; sleep 30 & wait")
    before = signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(SystemExit):
            acme.ask(configured)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (tmp_path / "begun").exists()
    assert (tmp_path / "tidy").exists()
