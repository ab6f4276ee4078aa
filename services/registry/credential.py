"""A certificate as a file that proves itself: a W3C Verifiable Credential 2.0, and a signed list of what became of such files.

The formats, and nothing beside them: Verifiable Credentials Data Model v2.0; secured as ``application/vc+jwt`` by Securing
Verifiable Credentials using JOSE and COSE (compact JWS, RFC 7515); signed with Ed25519 (RFC 8037, under the name that RFC 9864
gives it); status by Bitstring Status List v1.0. Whoever has a credential, the list's file and the issuer's public key needs no
network. A reader of the standards that knows nothing of this registry comes to the same answer, valid or not.

Status. A certificate at index n of a list has three bits, from position 3n on, each a standard entry of one bit:
``revocation``, set when it is revoked; ``revocation`` again, set when it is superseded (the entry's ``statusMessage`` says
which is which); and ``suspension``. Expiry needs no bit: it stands in the credential. To the standard a revocation is not
reversible, and a credential never changes: when a certificate is downgraded, or a revocation turns out to be wrong, the old
index is left superseded or revoked, and a new credential is issued at a new index.

Personal data: the subject is an identifier made from the certificate; the holder's name is in only if the caller passes it.
Pure: times and keys are arguments, and the same arguments give the same bytes.
"""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, Any, Final, Literal

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OKPKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts.base import DivisionCode, Grade, Key
from contracts.certificate_life import CertificateState
from contracts.resident_id import looks_like_resident_id

__all__ = [
    "ALGORITHM",
    "CERTIFICATES_PER_LIST_MAX",
    "CREDENTIAL_BYTES_MAX",
    "CURVE",
    "STATUS_LIST_BITS_MAX",
    "STATUS_LIST_BITS_MIN",
    "CertificateFacts",
    "CredentialError",
    "StatusBit",
    "StatusEntry",
    "StatusFound",
    "Verified",
    "compress_bits",
    "expand_bits",
    "issue",
    "status_list",
    "status_of",
    "verify",
]

ALGORITHM = "Ed25519"
CURVE: Final = "Ed25519"
TYPE_HEADER, CONTENT_HEADER = "vc+jwt", "vc"

CREDENTIAL_BYTES_MAX = 16 * 1024
"""Bytes of a credential as a compact JWS."""
STATUS_LIST_BYTES_MAX = 256 * 1024
"""Bytes of a status list as a compact JWS, of the longest bitstring and at its worst to compress."""
STATUS_LIST_BITS_MIN = 131_072
"""16 KB, the least that the standard allows, so that an index tells little."""
STATUS_LIST_BITS_MAX = 1_048_576
BITS_PER_CERTIFICATE = 3
CERTIFICATES_PER_LIST_MAX = STATUS_LIST_BITS_MAX // BITS_PER_CERTIFICATE
"""Certificates of one list; further ones go into a list of another URL."""
HOLDER_NAME_CHARACTERS_MAX = 200
URL_CHARACTERS_MAX = 500

_BASE_CONTEXT = "https://www.w3.org/ns/credentials/v2"
_FURTHER_TERMS_CONTEXT = "https://www.w3.org/ns/credentials/undefined-terms/v2"
_CREDENTIAL, _CERTIFICATE = "VerifiableCredential", "PartyAffairsWorkerCertificate"
_LIST_CREDENTIAL, _LIST, _ENTRY = "BitstringStatusListCredential", "BitstringStatusList", "BitstringStatusListEntry"
_TITLES = (
    {"@value": "党务工作者资格证书", "@language": "zh"},
    {"@value": "Qualification certificate of a party-affairs worker", "@language": "en"},
)
_SHANGHAI = timezone(timedelta(hours=8))

_Setting = Literal["revoked", "superseded", "suspended"]
_Purpose = Literal["revocation", "suspension"]
_BITS: tuple[tuple[_Setting, _Purpose], ...] = (
    ("revoked", "revocation"),
    ("superseded", "revocation"),
    ("suspended", "suspension"),
)
"""The bits of a certificate in their order: the state that sets each, and its purpose in the words of the standard."""
_GZIP_WINDOW = 31
"""Tells zlib to write and expect the gzip form (RFC 1952)."""
_UNSET, _SET = "0x0", "0x1"


class CredentialError(Exception):
    """A credential or a list that must not be believed. code: stable; problem and remedy: for people. No name is repeated."""

    def __init__(self, code: str, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.code, self.problem, self.remedy = code, problem, remedy


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a credential says of a certificate. issuer: the division. expires_on: the last day of validity, or None."""

    number: str
    grade: str
    issuer: str
    issued_on: date
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where the certificate's status stands. url: of the list. index: its place, 0 to ``CERTIFICATES_PER_LIST_MAX`` - 1.

    The caller gives out the index, each once, and not in an order that says something (the standard advises chance).
    """

    url: str
    index: int


@dataclass(frozen=True, slots=True)
class StatusBit:
    """An entry of a credential: the bit at this position of the list at ``url``, set when the certificate is in ``state``."""

    state: _Setting
    purpose: _Purpose
    url: str
    position: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A credential whose signature is right. issuer: the URL that signed it; subject: the identifier made from the certificate.

    valid_from, valid_until: valid from the one up to, not including, the other. Whether it is still valid, ``status_of`` says.
    """

    issuer: str
    subject: str
    certificate: CertificateFacts
    valid_from: datetime
    valid_until: datetime | None
    signed_at: datetime
    holder_name: str | None
    bits: tuple[StatusBit, ...]

    @property
    def status_url(self) -> str:
        """Where the list stands that knows the status."""
        return self.bits[0].url


@dataclass(frozen=True, slots=True)
class StatusFound:
    """state: at the asked time, as far as the list knew when it was made, and until when it may be relied on."""

    state: CertificateState
    made_at: datetime
    valid_until: datetime


# --- issuing ----------------------------------------------------------------------------------------------------------


def issue(
    key: OKPKey,
    issuer_id: str,
    certificate: CertificateFacts,
    issued_at: datetime,
    status: StatusEntry,
    holder_name: str | None = None,
) -> str:
    """Sign a certificate as a credential: a compact JWS (``application/vc+jwt``).

    key: private, Ed25519. issuer_id: a URL of the issuer. issued_at: of the signature. Raises ValueError for what cannot stand
    in a credential.
    """
    _check_key(key)
    _check_facts(certificate, holder_name)
    _check_url("issuer_id", issuer_id)
    _check_url("status.url", status.url)
    if not 0 <= status.index < CERTIFICATES_PER_LIST_MAX:
        raise ValueError(f"status.index must be 0 to {CERTIFICATES_PER_LIST_MAX - 1}; start another list")
    claims: dict[str, Any] = {
        "@context": [_BASE_CONTEXT, _FURTHER_TERMS_CONTEXT],
        "type": [_CREDENTIAL, _CERTIFICATE],
        "name": list(_TITLES),
        "issuer": issuer_id,
        "validFrom": _start_of(certificate.issued_on),
        "credentialSubject": _subject(issuer_id, certificate, holder_name),
        "credentialStatus": _entries(status),
        "iat": int(_aware("issued_at", issued_at).timestamp()),
    }
    # 9999-12-31 is how systems write "without end", and there is no day after it.
    if certificate.expires_on is not None and certificate.expires_on < date.max:
        claims["validUntil"] = _start_of(certificate.expires_on + timedelta(days=1))
    return _sign(claims, key, CREDENTIAL_BYTES_MAX)


def _subject(issuer_id: str, certificate: CertificateFacts, holder_name: str | None) -> dict[str, Any]:
    subject = {
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{issuer_id}#{certificate.number}").urn,
        "certificateNumber": certificate.number,
        "grade": certificate.grade,
        "issuingDivision": certificate.issuer,
        "issuedOn": certificate.issued_on.isoformat(),
    }
    if certificate.expires_on is not None:
        subject["expiresOn"] = certificate.expires_on.isoformat()
    if holder_name is not None:
        subject["name"] = holder_name
    return subject


def _entries(status: StatusEntry) -> list[dict[str, Any]]:
    return [
        {
            "type": _ENTRY,
            "statusPurpose": purpose,
            "statusListIndex": str(status.index * BITS_PER_CERTIFICATE + offset),
            "statusListCredential": status.url,
            "statusSize": 1,
            "statusMessage": [{"status": _UNSET, "message": f"not {state}"}, {"status": _SET, "message": state}],
        }
        for offset, (state, purpose) in enumerate(_BITS)
    ]


def status_list(
    key: OKPKey,
    issuer_id: str,
    url: str,
    states: Mapping[int, CertificateState],
    *,
    made_at: datetime,
    valid_until: datetime,
) -> str:
    """Sign the status of all certificates of a list: a BitstringStatusListCredential as a compact JWS.

    states: index → state on the day; indexes that are left out count as valid. valid_until: verifiers refuse the list from
    then on, so a next one has to be published before. Raises ValueError for an index beyond the list or a wrong order of times.
    """
    _check_key(key)
    _check_url("issuer_id", issuer_id)
    _check_url("url", url)
    made, until = _aware("made_at", made_at), _aware("valid_until", valid_until)
    if made >= until:
        raise ValueError("valid_until must be after made_at")
    subject = {
        "id": f"{url}#list",
        "type": _LIST,
        "statusPurpose": sorted({purpose for _, purpose in _BITS}),
        "encodedList": compress_bits(_bitstring(states)),
    }
    claims = {
        "@context": [_BASE_CONTEXT],
        "id": url,
        "type": [_CREDENTIAL, _LIST_CREDENTIAL],
        "issuer": issuer_id,
        "validFrom": _clock(made),
        "validUntil": _clock(until),
        "credentialSubject": subject,
    }
    return _sign(claims, key, STATUS_LIST_BYTES_MAX)


def _bitstring(states: Mapping[int, CertificateState]) -> bytes:
    """Bits of all certificates, the first one left-most; as long as the standard asks, doubled until all have their place."""
    last = max(states, default=0)
    if min(states, default=0) < 0 or last >= CERTIFICATES_PER_LIST_MAX:
        raise ValueError(f"an index of a list is 0 to {CERTIFICATES_PER_LIST_MAX - 1}; start another list")
    length = STATUS_LIST_BITS_MIN
    while length < (last + 1) * BITS_PER_CERTIFICATE:
        length *= 2
    bits = bytearray(length // 8)
    offsets = {state: offset for offset, (state, _) in enumerate(_BITS)}
    for index, state in states.items():
        if state in offsets:
            position = index * BITS_PER_CERTIFICATE + offsets[state]
            bits[position // 8] |= 0x80 >> position % 8
    return bytes(bits)


def compress_bits(bits: bytes) -> str:
    """The Bitstring Generation Algorithm's last step: gzip, then multibase base64url without padding."""
    packer = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _GZIP_WINDOW)
    packed = packer.compress(bits) + packer.flush()
    return "u" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def expand_bits(encoded: str) -> bytes:
    """The Bitstring Expansion Algorithm. Raises ValueError for another encoding, or for more than ``STATUS_LIST_BITS_MAX``."""
    if not encoded.startswith("u"):
        raise ValueError("the list is not in multibase base64url (u…)")
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        bits = unpacker.decompress(_from_base64(encoded[1:]), STATUS_LIST_BITS_MAX // 8 + 1)
    except zlib.error:
        raise ValueError("the list is not in gzip form (RFC 1952)") from None
    if len(bits) > STATUS_LIST_BITS_MAX // 8:
        raise ValueError(f"the list has more than {STATUS_LIST_BITS_MAX} bits")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the list ends too early, or too late")
    return bits


# --- verifying --------------------------------------------------------------------------------------------------------


class _Read(BaseModel):
    # Members that are not understood must be ignored (VC-JOSE-COSE, 3.1.3).
    model_config = ConfigDict(frozen=True, extra="ignore")


class _SubjectRead(_Read):
    id: str
    certificateNumber: Key
    grade: Grade
    issuingDivision: DivisionCode
    issuedOn: date
    expiresOn: date | None = None
    name: str | None = None


class _MessageRead(_Read):
    status: Literal["0x0", "0x1"]
    message: str


class _EntryRead(_Read):
    type: Literal["BitstringStatusListEntry"]
    statusPurpose: _Purpose
    statusListIndex: Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,9})$")]
    statusListCredential: str
    statusSize: Literal[1] = 1
    statusMessage: tuple[_MessageRead, _MessageRead]


class _CredentialRead(_Read):
    context: Annotated[tuple[str, ...], Field(alias="@context", min_length=1)]
    type: tuple[str, ...]
    issuer: str
    validFrom: AwareDatetime
    validUntil: AwareDatetime | None = None
    iat: int
    credentialSubject: _SubjectRead
    credentialStatus: Annotated[tuple[_EntryRead, ...], Field(min_length=1)]


class _ListSubjectRead(_Read):
    type: Literal["BitstringStatusList"]
    statusPurpose: str | tuple[str, ...]
    encodedList: str


class _ListRead(_Read):
    context: Annotated[tuple[str, ...], Field(alias="@context", min_length=1)]
    id: str
    type: tuple[str, ...]
    issuer: str
    validFrom: AwareDatetime
    validUntil: AwareDatetime
    credentialSubject: _ListSubjectRead


def verify(jwt: str, public_jwk: Mapping[str, Any]) -> Verified:
    """Check a credential's signature and form. Raises CredentialError.

    public_jwk: of the issuer, got from the issuer, or the JWK Set of all its keys; nothing in the credential says whom to
    trust. Codes: ``key-wrong``, ``not-a-credential``, ``signed-by-another``, ``signature-wrong``, ``form-wrong``.
    """
    claims = _open(jwt, public_jwk, CREDENTIAL_BYTES_MAX)
    try:
        read = _CredentialRead.model_validate_json(claims)
        _demand(_CERTIFICATE in read.type and _CREDENTIAL in read.type, read.context)
        bits = tuple(_bit_of(entry) for entry in read.credentialStatus)
        if len({bit.url for bit in bits}) != 1 or {bit.state for bit in bits} != {state for state, _ in _BITS}:
            raise ValueError
        subject = read.credentialSubject
        facts = CertificateFacts(
            subject.certificateNumber, subject.grade, subject.issuingDivision, subject.issuedOn, subject.expiresOn
        )
        signed_at = datetime.fromtimestamp(read.iat, UTC)
    except (ValueError, OverflowError, OSError):
        raise _wrong_form("credential of a certificate") from None
    return Verified(read.issuer, subject.id, facts, read.validFrom, read.validUntil, signed_at, subject.name, bits)


def _bit_of(entry: _EntryRead) -> StatusBit:
    by_status: dict[str, str] = {message.status: message.message for message in entry.statusMessage}
    for state, purpose in _BITS:
        if by_status.get(_SET) == state and entry.statusPurpose == purpose:
            return StatusBit(state, purpose, entry.statusListCredential, int(entry.statusListIndex))
    raise ValueError


def status_of(verified: Verified, list_jwt: str, public_jwk: Mapping[str, Any], at: datetime) -> StatusFound:
    """The state of a verified credential at a time, by the Validate Algorithm of the standard (3.2). Raises CredentialError.

    Revoked and superseded are for ever, also after the expiry; a certificate that expired while suspended is expired. Codes:
    those of ``verify``, now about the list, and ``another-list``, ``list-not-yet``, ``list-outdated``, ``list-too-short``,
    ``index-beyond``.
    """
    _aware("at", at)
    claims = _open(list_jwt, public_jwk, STATUS_LIST_BYTES_MAX)
    try:
        read = _ListRead.model_validate_json(claims)
        _demand(_LIST_CREDENTIAL in read.type and _CREDENTIAL in read.type, read.context)
        bits = expand_bits(read.credentialSubject.encodedList)
    except ValueError:
        raise _wrong_form("status list") from None
    _check_list(read, verified, at)
    if len(bits) * 8 < STATUS_LIST_BITS_MIN:
        raise CredentialError(
            "list-too-short", f"the status list has fewer than {STATUS_LIST_BITS_MIN} bits", "ask its issuer for a whole one"
        )
    found = {bit.state for bit in verified.bits if _is_set(bits, bit)}
    return StatusFound(_state(found, verified, at), read.validFrom, read.validUntil)


def _check_list(read: _ListRead, verified: Verified, at: datetime) -> None:
    """It is the list that the credential names, by the same issuer and for its purposes, and it may be relied on now."""
    purposes = read.credentialSubject.statusPurpose
    has = {purposes} if isinstance(purposes, str) else set(purposes)
    if read.id != verified.status_url or read.issuer != verified.issuer or not {bit.purpose for bit in verified.bits} <= has:
        raise CredentialError(
            "another-list", "this is not the status list that the credential names", f"get the list of {verified.status_url}"
        )
    if at < read.validFrom:
        raise CredentialError(
            "list-not-yet", f"the status list holds from {_clock(read.validFrom)} on", "ask about a later time"
        )
    if at >= read.validUntil:
        raise CredentialError("list-outdated", f"the status list held until {_clock(read.validUntil)}", "get the newest one")


def _is_set(bits: bytes, bit: StatusBit) -> bool:
    if bit.position >= len(bits) * 8:
        raise CredentialError(
            "index-beyond",
            "the credential's place is beyond the end of the status list",
            "get the newest list, or ask the issuer",
        )
    return bool(bits[bit.position // 8] & 0x80 >> bit.position % 8)


def _state(found: set[_Setting], verified: Verified, at: datetime) -> CertificateState:
    if "revoked" in found:
        return "revoked"
    if "superseded" in found:
        return "superseded"
    if verified.valid_until is not None and at >= verified.valid_until:
        return "expired"
    if at < verified.valid_from:
        return "not-yet"
    return "suspended" if "suspended" in found else "valid"


# --- the envelope -----------------------------------------------------------------------------------------------------


def _envelope(bytes_max: int) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=[ALGORITHM])
    registry.max_payload_length = bytes_max
    return registry


def _sign(claims: Mapping[str, Any], key: OKPKey, bytes_max: int) -> str:
    header = {"alg": ALGORITHM, "typ": TYPE_HEADER, "cty": CONTENT_HEADER, "kid": key.thumbprint()}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    jwt = jws.serialize_compact(header, payload, key, registry=_envelope(bytes_max))
    if len(jwt) > bytes_max:
        raise ValueError(f"the credential has {len(jwt)} bytes; at most {bytes_max} are allowed, shorten its URLs")
    return jwt


def _open(jwt: str, public_jwk: Mapping[str, Any], bytes_max: int) -> bytes:
    """The payload of a compact JWS that this key, or one of this set of keys, signed. Raises CredentialError."""
    keys = _public_keys(public_jwk)
    parts = jwt.split(".") if len(jwt) <= bytes_max else []
    try:
        header = json.loads(_from_base64(parts[0])) if len(parts) == 3 else None
        # Base64 that could be written in another way as well would let a file be changed without being noticed.
        whole = [_from_base64(part) for part in parts]
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("typ") != TYPE_HEADER or header.get("alg") != ALGORITHM:
        raise CredentialError(
            "not-a-credential",
            f"this is not a credential signed with {ALGORITHM} ({TYPE_HEADER})",
            "give the whole text of the file, as the issuer handed it out",
        )
    named = header.get("kid")
    key = next((each for each in keys if named is None or each.thumbprint() == named), None)
    if key is None:
        raise CredentialError(
            "signed-by-another",
            "it names another key than the one given",
            "get credential-public.jwks from the issuer: it has every key that the issuer ever signed with",
        )
    try:
        jws.deserialize_compact(jwt, key, registry=_envelope(bytes_max))
    except BadSignatureError:
        raise CredentialError(
            "signature-wrong", "the signature is not the issuer's, or the text was changed", "do not believe it; ask the issuer"
        ) from None
    except (JoseError, ValueError, TypeError):
        raise _wrong_form("compact JWS of this kind") from None
    return whole[1]


def _from_base64(text: str) -> bytes:
    """Base64url without padding, in its one canonical form. Raises ValueError."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("not canonical base64url")
    return raw


def _public_keys(public: Mapping[str, Any]) -> list[OKPKey]:
    """Of a JWK, or of a JWK Set (RFC 7517 section 5)."""
    found = public.get("keys") if "kty" not in public else None
    return [_public_key(each) for each in found] if isinstance(found, list) and found else [_public_key(public)]


def _public_key(public_jwk: Mapping[str, Any]) -> OKPKey:
    try:
        key = OKPKey.import_key(dict(public_jwk))
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        # Nothing of it is repeated, nor chained: it may be a private key.
        key = None
    if key is None or key.is_private or key.curve_name != CURVE:
        raise CredentialError(
            "key-wrong", f"this is not a public {CURVE} key (JWK, RFC 8037)", "get credential-public.jwk from the issuer"
        )
    return key


# --- small things -----------------------------------------------------------------------------------------------------


def _check_key(key: OKPKey) -> None:
    if not key.is_private or key.curve_name != CURVE:
        raise ValueError(f"credentials are signed with a private {CURVE} key")


def _check_facts(certificate: CertificateFacts, holder_name: str | None) -> None:
    if looks_like_resident_id(certificate.number):
        raise ValueError("the certificate's number holds a resident ID; it must not leave the registry")
    if certificate.expires_on is not None and certificate.expires_on < certificate.issued_on:
        raise ValueError("expires_on must not be before issued_on")
    if holder_name is not None and not 1 <= len(holder_name) <= HOLDER_NAME_CHARACTERS_MAX:
        raise ValueError(f"holder_name must have 1 to {HOLDER_NAME_CHARACTERS_MAX} characters")
    try:
        _SubjectRead.model_validate(_subject("", certificate, holder_name))
    except ValidationError as error:
        names = ", ".join(sorted({str(found["loc"][0]) for found in error.errors()}))
        raise ValueError(f"the certificate has a wrong {names}; see contracts.particulars.Certificate") from None


def _check_url(name: str, url: str) -> None:
    scheme, found, rest = url.partition(":")
    plain = url.isascii() and url.isprintable() and " " not in url and "#" not in url
    if not (found and rest and scheme.isalpha() and plain and len(url) <= URL_CHARACTERS_MAX):
        raise ValueError(f"{name} must be a URL without a fragment, of at most {URL_CHARACTERS_MAX} characters")


def _demand(right_type: bool, context: tuple[str, ...]) -> None:
    if not right_type or context[0] != _BASE_CONTEXT:
        raise ValueError


def _wrong_form(what: str) -> CredentialError:
    return CredentialError("form-wrong", f"this is no {what}", "ask the issuer for one")


def _aware(name: str, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{name} must be a time with its zone")
    return at


def _start_of(day: date) -> str:
    """The first moment of an Asia/Shanghai calendar date."""
    return datetime.combine(day, time(), _SHANGHAI).isoformat()


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
