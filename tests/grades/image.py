"""The scanners of tests/grades/Dockerfile: testssl.sh and sslyze, each asking the site as a stranger does."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.stack.tls import NAME, HttpsSite

TESTSSL = (
    "testssl --quiet --color 0 --warnings off --nodns none --ip 127.0.0.1 "
    "--add-ca ca.pem --jsonfile-pretty found.json https://$SITE >&2; cat found.json"
)


@cache
def build() -> str:
    """The image's id."""
    command = ["docker", "build", "--quiet", "--tag", "django-channels-scanners", Path(__file__).parent]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()


def shell(site: HttpsSite, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the image, on the host's network. ca.pem is the authority, $SITE name and port."""
    command = ["docker", "run", "--rm", "--interactive", "--network=host", f"--add-host={NAME}:127.0.0.1"]
    return subprocess.run(
        [*command, f"--env=SITE={NAME}:{site.port}", build(), "bash", "-c", f"cat >ca.pem; {script}"],
        input=site.ca.read_text(),
        capture_output=True,
        text=True,
        timeout=300,
    )


def testssl(site: HttpsSite) -> dict[str, list[dict[str, str]]]:
    """All that testssl.sh found, by chapter: id, severity and sentence."""
    done = shell(site, TESTSSL)
    try:
        chapters: dict[str, Any] = json.loads(done.stdout)["scanResult"][0]
    except (ValueError, LookupError):
        raise RuntimeError(f"testssl.sh failed:\n{done.stdout}{done.stderr}") from None
    return {name: found for name, found in chapters.items() if isinstance(found, list)}


def sslyze(site: HttpsSite, profile: str) -> str:
    """What sslyze prints of the site and of its keeping to a profile, which is an option."""
    done = shell(site, f"sslyze --certinfo_ca_file=ca.pem {profile} $SITE")
    return done.stdout + done.stderr
