"""A certificate with its key: read, checked, and published where nginx looks for them."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


class Unusable(Exception):
    """A certificate that can't serve the site; its text says in a sentence why."""


@dataclass(frozen=True)
class Pair:
    """A private key and the chain of its certificate, the site's own first."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    @property
    def names(self) -> set[str]:
        try:
            found = self.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return set()
        return {name.lower() for name in found.value.get_values_for_type(x509.DNSName)}

    @property
    def begins(self) -> datetime:
        return self.chain[0].not_valid_before_utc

    @property
    def ends(self) -> datetime:
        return self.chain[0].not_valid_after_utc

    @property
    def issuer(self) -> str:
        named = self.chain[0].issuer
        for kind in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME):
            if found := named.get_attributes_for_oid(kind):
                return str(found[0].value)
        return named.rfc4514_string()

    @property
    def fingerprint(self) -> bytes:
        return self.chain[0].fingerprint(hashes.SHA256())

    def check(self, names: Sequence[str], now: datetime) -> None:
        """Raises Unusable unless it is valid now and for each of the names."""
        missing = [n for n in names if not {n, f"*.{n.partition('.')[2]}"} & self.names]
        if missing:
            has = ", ".join(sorted(self.names)) or "no name"
            raise Unusable(f"The certificate is not for {', '.join(missing)}: it has {has}.")
        if now >= self.ends:
            raise Unusable(f"The certificate expired at {self.ends:%Y-%m-%d %H:%M} UTC.")
        if now < self.begins:
            raise Unusable(f"The certificate is not valid before {self.begins:%Y-%m-%d %H:%M} UTC.")


def parse(pem: bytes) -> Pair:
    """The pair in PEM blocks of any order. Raises Unusable when it isn't exactly one key and its chain."""
    blocks = [(found[1].decode(), found[0]) for found in PEM.finditer(pem)]
    certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
    # One file with everything may stand for both.
    keys = list({block for kind, block in blocks if kind.endswith("PRIVATE KEY")})
    if not certificates:
        raise Unusable("There is no certificate: a PEM block BEGIN CERTIFICATE is missing.")
    if len(keys) != 1:
        raise Unusable(f"There must be one private key; there are {len(keys)} PEM blocks BEGIN PRIVATE KEY.")
    try:
        key = load_pem_private_key(keys[0], password=None)
        loaded = [x509.load_pem_x509_certificate(each) for each in certificates]
    except TypeError:
        raise Unusable("The key has a passphrase: take it off with `openssl pkey`.") from None
    except ValueError as error:
        raise Unusable(f"The PEM can't be read: {error}.") from None
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for leaf in loaded:
        if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public:
            return Pair(tuple(chain_of(leaf, loaded)), key)
    raise Unusable("The key does not belong to the certificate.")


def chain_of(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf, then each issuer that is among the others."""
    chain = [leaf]
    while issuer := next((c for c in others if c not in chain and issued(c, chain[-1])), None):
        chain.append(issuer)
    return chain


def issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def read(folder: Path) -> Pair:
    """The pair in a folder, under certbot's names. Raises Unusable, also when there is none."""
    try:
        return parse((folder / "fullchain.pem").read_bytes() + (folder / "privkey.pem").read_bytes())
    except FileNotFoundError:
        raise Unusable("There is no certificate yet.") from None
    except OSError as error:
        raise Unusable(f"The certificate can't be read: {error}.") from None


def publish(pair: Pair, folder: Path) -> None:
    """Make it the pair in use, in one step, so that nginx never sees half of it. Raises OSError."""
    new = Path(tempfile.mkdtemp(dir=folder, prefix=f"{pair.begins:%Y-%m-%d}-"))
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in pair.chain)
    write(new / "fullchain.pem", chain)
    write(new / "privkey.pem", pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    site = folder / "site"
    before = site.readlink().name if site.is_symlink() else ""
    link = folder / ".site"
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    os.replace(link, site)
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink() and each.name not in (new.name, before):
            shutil.rmtree(each, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    """For its owner alone, and on the disk before anything refers to it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
