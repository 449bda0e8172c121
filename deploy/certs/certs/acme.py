"""certbot: how it is asked, and what stands in its answer."""

import shutil
import subprocess
from pathlib import Path

from certs import store
from certs.settings import Settings

# Longer than certbot waits for a CA that takes its time with everything.
TIMEOUT = 600


def command(settings: Settings) -> list[str]:
    """Ask for the certificate, or for the next one when it is time or the names have changed."""
    account = ["--email", settings.email, "--no-eff-email"]
    return [
        "certbot",
        "certonly",
        "--non-interactive",
        "--agree-tos",
        *(account if settings.email else ["--register-unsafely-without-email"]),
        *("--server", settings.server),
        *("--config-dir", str(settings.acme), "--work-dir", str(settings.acme / "work")),
        *("--logs-dir", str(settings.acme / "logs"), "--max-log-backups", "20"),
        *("--webroot", "--webroot-path", str(settings.challenges)),
        *("--cert-name", "site", "--domains", ",".join(settings.names)),
        "--keep-until-expiring",
        "--renew-with-new-domains",
        # nginx caches certificate and key apart: a renewed one must fit the key that it still has.
        "--reuse-key",
    ]


def ask(settings: Settings) -> str | None:
    """Run certbot. Returns None when the certificate is as it should be, else what certbot said."""
    arguments = command(settings)
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"certbot did not end within {TIMEOUT} s."
        except BaseException:
            # On SIGTERM certbot takes its challenges away and gives its lock back.
            process.terminate()
            raise
    return said if process.returncode else None


def live(settings: Settings) -> store.Pair:
    """The pair that certbot has. Raises store.Unusable."""
    return store.read(settings.acme / "live/site")


def clear_ruins(settings: Settings) -> bool:
    """Take away what a certbot that was killed while it wrote has left, which would stop every later one.

    The account stays. Returns whether there was anything.
    """
    parts = [settings.acme / part for part in ("renewal/site.conf", "live/site", "archive/site")]
    there = [part for part in parts if part.exists()]
    if not there or (len(there) == len(parts) and is_whole(settings, parts[0])):
        return False
    for part in there:
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    return True


def is_whole(settings: Settings, configuration: Path) -> bool:
    try:
        live(settings)
    except store.Unusable:
        return False
    return b"[renewalparams]" in configuration.read_bytes()
