"""A certificate authority of the stack's own, made at its first start, and the broker's certificate for the loopback address.

Private keys never leave the stack's home and are readable by its owner only. What ends within a month is made anew at the
next start: clients read the authority's file when they connect.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.ports import HOST
from deploy.local.state import State, write_private

AUTHORITY_DAYS = 3650
BROKER_DAYS = 397
RENEW_DAYS = 30

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Files:
    """`authority`: what clients trust. `broker`: private key and chain in one file, as Kafka takes them."""

    authority: Path
    broker: Path


def files(state: State) -> Files:
    """Where they are, made or not."""
    folder = state.home / "tls"
    return Files(folder / "ca.crt", folder / "broker.pem")


def ensure(state: State, now: datetime | None = None, names: tuple[str, ...] = (HOST, "localhost")) -> Files:
    """Make what is missing or ends soon."""
    now = now or datetime.now(UTC)
    found = files(state)
    kept = found.authority.with_suffix(".key")
    if not (kept.exists() and _lasts(found.authority, now)):
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(kept, _private(key))
        write_private(found.authority, _public(_authority(key, now)))
        found.broker.unlink(missing_ok=True)
    if not _lasts(found.broker, now):
        key = ec.generate_private_key(ec.SECP256R1())
        authority_key = serialization.load_pem_private_key(kept.read_bytes(), None)
        assert isinstance(authority_key, Key)
        authority = x509.load_pem_x509_certificate(found.authority.read_bytes())
        certificate = _broker(key, authority_key, authority, now, names)
        write_private(found.broker, _private(key) + _public(certificate) + _public(authority))
    return found


def _lasts(file: Path, now: datetime) -> bool:
    if not file.exists():
        return False
    found = x509.load_pem_x509_certificates(file.read_bytes())
    return all(one.not_valid_after_utc - now > timedelta(days=RENEW_DAYS) for one in found)


def _authority(key: Key, now: datetime) -> x509.Certificate:
    name = _name("hemis-bus local CA")
    signing = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _begun(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signing, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _broker(
    key: Key, authority_key: Key, authority: x509.Certificate, now: datetime, names: tuple[str, ...]
) -> x509.Certificate:
    return (
        _begun(_name(names[0]), authority.subject, key, now, BROKER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        # The broker is its own client too, between its listeners.
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begun(subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour of grace for clocks that differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
