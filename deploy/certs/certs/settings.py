"""What the environment says: for which names, from where, asked of whom."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Names that nobody can own (RFC 6761, 6762, 8375; ICANN's .internal). A CA of one's own may know them.
PRIVATE = (".local", ".internal", ".test", ".example", ".invalid", ".onion", ".home.arpa")


class WrongSetting(Exception):
    """A setting that can't be right; its text says in a sentence what to write instead."""


@dataclass(frozen=True)
class Settings:
    """`names` are DOMAIN's, the site's own first; `tls` is acme, files or off; `server` an ACME directory."""

    names: tuple[str, ...] = ()
    tls: str = "off"
    server: str = SERVERS["letsencrypt"]
    email: str = ""
    root: Path = Path("/")

    @property
    def certificates(self) -> Path:
        """The volume that nginx reads."""
        return self.root / "certificates"

    @property
    def challenges(self) -> Path:
        """The volume that nginx answers the CA from."""
        return self.root / "challenges"

    @property
    def acme(self) -> Path:
        """What certbot keeps for this CA: a folder for each, so that a new one is asked for everything."""
        word = next((word for word, url in SERVERS.items() if url == self.server), None)
        return self.root / "acme" / (word or re.sub(r"[^a-z0-9.]+", "-", self.server.lower()).strip("-"))


def read(environment: Mapping[str, str], root: Path = Path("/")) -> Settings:
    """The settings in `environment`. Raises WrongSetting."""
    value = {
        name: environment.get(name, "").strip() for name in ("DOMAIN", "TLS", "ACME_SERVER", "ACME_EMAIL")
    }
    names = tuple(dict.fromkeys(name.strip().lower() for name in value["DOMAIN"].split(",") if name.strip()))
    tls = value["TLS"] or ("acme" if names else "off")
    server = SERVERS.get(value["ACME_SERVER"] or "letsencrypt", value["ACME_SERVER"])

    if tls not in ("acme", "files", "off"):
        raise WrongSetting(f"TLS must be acme, files or off; it is {tls!r}.")
    if tls != "off" and not names:
        raise WrongSetting(f"TLS={tls} needs a name for its certificate: set DOMAIN.")
    for name in names:
        if not HOST_NAME.fullmatch(name):
            raise WrongSetting(
                f"DOMAIN must be a host name such as example.com, or several with commas between them, "
                f"without scheme, port or path; it is {name!r}."
            )
        if tls == "acme" and not is_certifiable(name, server):
            raise WrongSetting(
                f"No public authority gives a certificate for {name}: set TLS=files and bring your own, "
                f"set TLS=off, or take it out of DOMAIN."
            )
    if tls == "acme" and not re.fullmatch(r"https://[^\s/]+\S*", server):
        raise WrongSetting(f"ACME_SERVER must be letsencrypt, staging or an https:// URL; it is {server!r}.")
    if value["ACME_EMAIL"] and not re.fullmatch(r"[^\s,@]+@[^\s,@]+", value["ACME_EMAIL"]):
        raise WrongSetting(f"ACME_EMAIL must be one e-mail address; it is {value['ACME_EMAIL']!r}.")
    return Settings(names, tls, server, value["ACME_EMAIL"], root)


def is_certifiable(name: str, server: str) -> bool:
    """Whether the CA may give a certificate for a name by HTTP challenge (CA/B Forum BR, 4.2.2)."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and not name.endswith(
            (".localhost", *(PRIVATE if server in SERVERS.values() else ()))
        )
    return False
