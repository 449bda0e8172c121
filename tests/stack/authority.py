"""A certificate authority of the tests' own, with all that RFC 5280 asks for: strict clients refuse less."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = timedelta(hours=1)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def usage(*allowed: str) -> x509.KeyUsage:
    """A KeyUsage with nothing but what is named."""
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    every += ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{each: each in allowed for each in every})


class Signer:
    """A key and its certificate, which sign others. Without an `issuer` it signs itself."""

    def __init__(self, common_name: str, issuer: "Signer | None" = None) -> None:
        self.name = name(common_name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (issuer or self).sign(
            *(self.name, self.key.public_key(), timedelta(days=90)),
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (usage("key_cert_sign", "crl_sign"), True),
        )

    def sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        life: timedelta,
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> x509.Certificate:
        """A certificate valid from an hour ago; each extension comes with whether it is critical."""
        begins = datetime.now(UTC) - HOUR
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, SHA256())


class Authority:
    """Issues certificates that only those trust who are given `ca`, a PEM file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.root = Signer("Root of the tests")
        self.intermediate = Signer("Intermediate of the tests", self.root)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        self.tls = ssl.create_default_context(cafile=self.ca)

    def issue(self, *names: str, days: float = 90) -> bytes:
        """A certificate for host names, the intermediate's, and the private key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self.intermediate.sign(
            *(name(names[0]), key.public_key(), timedelta(days=days)),
            (x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False),
            (usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (crl("http://crl.test/intermediate.crl"), False),
        )
        chain = (leaf, self.intermediate.certificate)
        pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
        return pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def crl(address: str) -> x509.CRLDistributionPoints:
    """Where a list of revoked certificates would be; nobody asks for it."""
    place = x509.UniformResourceIdentifier(address)
    return x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])
