"""The containers with real certificate authorities: Pebble, and the DNS that it asks."""

import json
import socket
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509

from tests.machine import free_port, wait_for
from tests.stack.authority import Authority
from tests.stack.containers import Containers
from tests.stack.tls import NAME, OTHER_NAME

# Short enough to see a certificate's life in a test, and long enough for nginx to hear of the next one.
LIVES = {"pebble": timedelta(days=90), "shortlived": timedelta(seconds=26)}
IMAGE = "ghcr.io/letsencrypt/{}:2.10.0"


class PebbleSite(Containers):
    """The production stack with TLS=acme, as https://site.test on a free port."""

    services = (*Containers.services, *LIVES, "challtestsrv")
    overrides = (Path(__file__).with_name("pebble.yml"),)

    def __init__(self, folder: Path, **settings: str) -> None:
        names = {"DOMAIN": f"{NAME},{OTHER_NAME}", "ACME_SERVER": "https://pebble:14000/dir"}
        ports = {f"{name.upper()}_PORT": str(free_port()) for name in (*LIVES, "challtestsrv")}
        super().__init__(**names | ports | programs() | {"PEBBLE_FOLDER": str(folder)} | settings)
        self.port = int(self.settings["HTTPS_PORT"])
        self.url = f"https://{NAME}:{self.port}"
        self.own = Authority(folder)
        prepare(folder, self.own)

    def up_but_for(self, *services: str, whole: bool = True) -> None:
        """Start it except for some services, with a DNS that leads to it; only the edge unless `whole`."""
        parts = {"challtestsrv", "nginx", *LIVES} - {*services}
        self.up(*([] if whole else ["--no-deps"]), *parts)
        self.lead(NAME, self.address("nginx"))
        self.lead(OTHER_NAME, self.address("nginx"))
        if "certs" not in services:
            self.up_detached("certs")

    def up_detached(self, *arguments: str) -> None:
        """Start services without waiting until they are healthy."""
        self.compose("up", "--detach", "--no-build", "--no-deps", *arguments)

    def address(self, service: str) -> str:
        container = self.inspect(self.containers(service)[0])
        return container["NetworkSettings"]["Networks"][f"{self.project}_edge"]["IPAddress"]

    def lead(self, name: str, address: str | None) -> None:
        """Give a name an address in the DNS, or none."""
        url = f"http://127.0.0.1:{self.settings['CHALLTESTSRV_PORT']}"
        httpx.post(f"{url}/clear-a", json={"host": name}).raise_for_status()
        if address:
            httpx.post(f"{url}/add-a", json={"host": name, "addresses": [address]}).raise_for_status()

    def connect(self, authority: str, connected: bool = True) -> None:
        """Take an authority off the network or put it back: it would forget its accounts if it stopped."""
        verb = ["connect", "--alias", authority] if connected else ["disconnect"]
        command = ["docker", "network", *verb, f"{self.project}_edge", self.containers(authority)[0]]
        subprocess.run(command, check=True, capture_output=True)

    def trust(self, *authorities: str) -> ssl.SSLContext:
        """For clients that trust the certificates of these authorities, and nothing else."""
        urls = [f"https://localhost:{self.settings[f'{each.upper()}_PORT']}/roots/0" for each in authorities]
        return ssl.create_default_context(
            cadata="".join(httpx.get(url, verify=self.own.tls).text for url in urls)
        )

    def certificate(self) -> x509.Certificate | None:
        """What a new connection gets, whoever issued it; None while there is nothing to get."""
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection,
                anyone.wrap_socket(connection, server_hostname=NAME) as secured,
            ):
                return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
        except OSError:
            return None

    def published(self) -> str:
        """The folder of the pair that nginx is to use."""
        return self.execute("certs", "readlink", "/certificates/site").stdout

    def complaint(self) -> str:
        """What the health check says, "" when all is well."""
        done = self.execute("certs", "python3", "-m", "certs", "health")
        assert bool(done.stdout) == bool(done.returncode), done
        return done.stdout.strip()

    def said(self, words: str, seconds: float = 30) -> dict[str, Any]:
        """The last line of `certs` with these words in it, awaited."""

        def found() -> dict[str, Any] | None:
            lines = [json.loads(line) for line in self.logs("certs") if words in line]
            return lines[-1] if lines else None

        return wait_for(f"certs says {words!r}", found, seconds)


def programs() -> dict[str, str]:
    """What is run in which image: Pebble's have one program each, as their entrypoint."""
    found = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Config.Entrypoint}}", IMAGE.format("pebble")],
        check=False,
        capture_output=True,
        text=True,
    )
    if found.stdout.strip() == "[]":
        both = {"PEBBLE_PROGRAM": "pebble", "CHALLTESTSRV_PROGRAM": "pebble-challtestsrv"}
        return both | {"CHALLTESTSRV_IMAGE": IMAGE.format("pebble")}
    both = {"PEBBLE_PROGRAM": "/app", "CHALLTESTSRV_PROGRAM": "/app"}
    return both | {"CHALLTESTSRV_IMAGE": IMAGE.format("pebble-challtestsrv")}


def prepare(folder: Path, own: Authority) -> None:
    """Write the configurations of the authorities, and certificates for their own HTTPS."""
    folder.chmod(0o755)
    (folder / "server.pem").write_bytes(own.issue("localhost", *LIVES))
    for authority, life in LIVES.items():
        configuration = {
            "listenAddress": "0.0.0.0:14000",
            "managementListenAddress": "0.0.0.0:15000",
            "certificate": "/pebble/server.pem",
            "privateKey": "/pebble/server.pem",
            # Where nginx listens in its container; a CA outside asks at the published port 80.
            "httpPort": 8080,
            "profiles": {"default": {"description": authority, "validityPeriod": int(life.total_seconds())}},
        }
        (folder / f"{authority}.json").write_text(json.dumps({"pebble": configuration}))
