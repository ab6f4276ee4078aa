"""A certificate authority of one's own, and the certificates of a deployment: broker, databases, and everybody who connects.

    ca/ca.key, ca/ca.crt                   the authority; whoever has its key is everybody. Needed to make certificates only
    <holder>/tls.crt, tls.key, ca.crt      what a holder shows, and whom it trusts; beside the nkey seed of a principal

Keys are ECDSA on P-256, which nats-server (Go) and libpq (OpenSSL) both take. A certificate says what its holder is: a client's
cannot be shown as a server's. Who somebody is on the broker says the nkey; the certificate only lets a stranger not even ask.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from console.principals import AUTHORITY, BROKER, database_holder, write_secret
from console.topology import SERVICES

__all__ = ["Authority", "Issued", "server_names"]

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397
RENEW_DAYS = 30
"""A certificate is due for renewal when fewer days are left."""
CLOCK_SKEW = timedelta(minutes=5)
HERE = ("localhost", "127.0.0.1", "::1")


def server_names(more: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Under which names each server is reached in compose, and on its own machine. more: ``HOST``, ``HOLDER=HOST``.

    Raises ValueError for a holder that is no server, or a name that cannot stand in a certificate.
    """
    found: dict[str, tuple[str, ...]] = {BROKER: ("nats", "nats-2", "nats-3", *HERE)}
    found |= {database_holder(service): (database_holder(service), *HERE) for service in SERVICES}
    for each in more:
        holder, named, host = each.rpartition("=")
        holder = holder if named else BROKER
        if holder not in found:
            raise ValueError(f"{holder} is no server of a deployment; known: {', '.join(found)}")
        _general_name(host)
        found[holder] = tuple(dict.fromkeys((*found[holder], host)))
    return found


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate. names: under which a server is reached; none: it is a client's."""

    holder: str
    names: tuple[str, ...]
    ends: datetime


class Authority:
    """The folder. Safe to call again: who has a good certificate keeps it. group: that may read the databases' keys."""

    def __init__(self, folder: Path, now: datetime | None = None, group: int | None = None) -> None:
        self._folder = folder
        self._now = now or datetime.now(UTC)
        self._group = group

    def make(self, clients: Sequence[str], servers: Mapping[str, Sequence[str]], renew: Sequence[str] = ()) -> list[Issued]:
        """Give each holder a certificate that lacks a good one, and those in renew another in any case; return the new ones.

        Good: of this authority, fitting its key, not ending within ``RENEW_DAYS``, and, for a server, with all its names. The
        names that a server had before stay.
        """
        key, certificate = self._authority()
        made = []
        for holder, names in {**dict.fromkeys(clients, ()), **servers}.items():
            before = self._before(holder)
            known = () if before is None else _about(holder, before).names
            wanted = tuple(dict.fromkeys((*names, *known)))
            if before is None or holder in renew or set(known) != set(wanted) or not self._good(holder, before, certificate):
                made.append(self._issue(holder, wanted, key, certificate))
        return made

    def issued(self) -> list[Issued]:
        """Every certificate in the folder, also one that is good no more; the authority's first."""
        found = sorted(self._folder.glob(f"*/{_CRT}")) if self._folder.is_dir() else []
        return [_about(path.parent.name, x509.load_pem_x509_certificate(path.read_bytes())) for path in [*self._own(), *found]]

    def due(self, issued: Issued) -> bool:
        return issued.ends - self._now < timedelta(days=RENEW_DAYS)

    def _own(self) -> list[Path]:
        path = self._folder / AUTHORITY / _CA_CRT
        return [path] if path.exists() else []

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """Make the authority, or read it. Raises ValueError if half of it is gone: nobody would trust another."""
        folder = self._folder / AUTHORITY
        key_file, certificate_file = folder / "ca.key", folder / _CA_CRT
        if not key_file.exists() and not certificate_file.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _named("Hongling CA")
            builder = self._builder(name, name, key, AUTHORITY_DAYS)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
            certificate = builder.sign(key, hashes.SHA256())
            self._own_folder(folder, None)
            write_secret(certificate_file, _pem(certificate))
            write_secret(key_file, _key_pem(key))
            return key, certificate
        if not key_file.exists():
            raise ValueError(
                f"{key_file} is not there: bring it back to make certificates, or move {folder} away for a new one"
            )
        key = _private_key(key_file)
        if certificate_file.exists():
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            if _fits(certificate, key):
                return key, certificate
        raise ValueError(f"{certificate_file} does not fit {key_file}; move {folder} away for a new authority")

    def _before(self, holder: str) -> x509.Certificate | None:
        try:
            return x509.load_pem_x509_certificate((self._folder / holder / _CRT).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def _good(self, holder: str, certificate: x509.Certificate, authority: x509.Certificate) -> bool:
        folder = self._folder / holder
        try:
            certificate.verify_directly_issued_by(authority)
            trusted = x509.load_pem_x509_certificate((folder / _CA_CRT).read_bytes())
            fits = trusted == authority and _fits(certificate, _private_key(folder / _KEY))
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
            return False
        return fits and not self.due(_about(holder, certificate))

    def _issue(
        self, holder: str, names: Sequence[str], signer: ec.EllipticCurvePrivateKey, authority: x509.Certificate
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(holder), authority.subject, key, CERTIFICATE_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(holder, names)), critical=False)
        builder = builder.add_extension(_issued_by(authority), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
        certificate = builder.sign(signer, hashes.SHA256())
        group = self._group if holder in {database_holder(service) for service in SERVICES} else None
        folder = self._folder / holder
        self._own_folder(folder, group)
        # The certificate last: what is cut off in between does not fit, and is made again.
        for name, text in ((_CA_CRT, _pem(authority)), (_KEY, _key_pem(key)), (_CRT, _pem(certificate))):
            write_secret(folder / name, text, group)
        return _about(holder, certificate)

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - CLOCK_SKEW)
            .not_valid_after(self._now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _own_folder(self, folder: Path, group: int | None) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if group is not None:
            os.chown(folder, -1, group)
            folder.chmod(0o750)


_CRT, _KEY, _CA_CRT = "tls.crt", "tls.key", "ca.crt"


def _purposes(holder: str, names: Sequence[str]) -> list[x509.ObjectIdentifier]:
    """A server of a cluster is the other servers' client too."""
    if not names:
        return [ExtendedKeyUsageOID.CLIENT_AUTH]
    return [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if holder == BROKER else [])]


def _issued_by(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    """Raises ValueError for what is neither an address nor a name in ASCII."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not host or set(host) - set("abcdefghijklmnopqrstuvwxyz0123456789-."):
            raise ValueError(
                f"{host!r} is no host: an address, or a name of lower-case letters, digits, hyphens, dots"
            ) from None
        return x509.DNSName(host)


def _about(holder: str, certificate: x509.Certificate) -> Issued:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(each.value) for each in found)
    except x509.ExtensionNotFound:
        names = ()
    return Issued(holder, names, certificate.not_valid_after_utc)


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is no key of an elliptic curve")
    return key


def _fits(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
