"""Certificates with their keys, for any time and names."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certs import store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NAMES = ("a.example.com", "b.example.com")


def pem(*names: str, begins: datetime = NOW, life: timedelta = 90 * DAY, passphrase: bytes = b"") -> bytes:
    """A self-signed certificate and its key, for the first of NAMES unless others are given."""
    names = names or NAMES[:1]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return certificate.public_bytes(serialization.Encoding.PEM) + written


def pair(*names: str, life: timedelta = 90 * DAY) -> store.Pair:
    return store.parse(pem(*names, life=life))


def fresh(*names: str) -> bytes:
    """In PEM, issued a minute ago."""
    return pem(*names, begins=datetime.now(UTC) - timedelta(minutes=1))


def blocks(given: bytes, kind: str = "") -> list[bytes]:
    """The PEM blocks of a kind, or all."""
    return [found[0] + b"\n" for found in store.PEM.finditer(given) if kind.encode() in found[1]]
