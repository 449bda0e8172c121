"""A site with TLS=acme on empty volumes, and a certbot that says and leaves what a test wants."""

from collections.abc import Callable
from pathlib import Path

import pytest

from certs import acme, settings
from tests.unit.certs.pairs import NAMES, blocks


@pytest.fixture
def configured(tmp_path: Path) -> settings.Settings:
    for volume in ("acme", "certificates", "challenges"):
        (tmp_path / volume).mkdir()
    return settings.read({"DOMAIN": ",".join(NAMES)}, tmp_path)


@pytest.fixture
def certbot(configured: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """certbot(said, left): what it says, None when it ends well, and the PEM of the pair that it leaves."""

    def certbot(said: str | None, left: bytes = b"") -> None:
        def ask(_: settings.Settings) -> str | None:
            if left:
                for part in ("archive/site", "live/site", "renewal"):
                    (configured.acme / part).mkdir(parents=True, exist_ok=True)
                (configured.acme / "renewal/site.conf").write_text("[renewalparams]\n")
                for file, kind in (("fullchain", "CERTIFICATE"), ("privkey", "PRIVATE KEY")):
                    (configured.acme / f"live/site/{file}.pem").write_bytes(b"".join(blocks(left, kind)))
            return said

        monkeypatch.setattr(acme, "ask", ask)

    configured.acme.mkdir()
    return certbot
