"""A certificate proves itself: in the published formats, without a network, and nobody can change a letter of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from typer import Typer
from typer.testing import CliRunner

from console.deployment import Deployment
from console.keys import create_keys, new_credential_key, register
from console.signing import new_signing_key, public_half
from contracts.certificate_life import CertificateState
from services.registry.credential import (
    CERTIFICATES_PER_LIST_MAX,
    CREDENTIAL_BYTES_MAX,
    STATUS_LIST_BITS_MAX,
    STATUS_LIST_BITS_MIN,
    CertificateFacts,
    CredentialError,
    StatusEntry,
    compress_bits,
    expand_bits,
    issue,
    status_list,
    status_of,
    verify,
)
from services.registry.vault import KeyRing

# RFC 8037 appendix A.1: the published example key, so that all here is the same in every run.
KEY = OKPKey.import_key(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
)
PUBLIC = KEY.as_dict(private=False)
OTHER = OKPKey.generate_key("Ed25519")

ISSUER, LIST_URL = "https://registry.example/issuers/320000", "https://registry.example/status/1"
FACTS = CertificateFacts("320100-2026-000123-3", "senior", "320100", date(2026, 3, 1), date(2031, 2, 28))
SIGNED_AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MADE_AT = datetime(2026, 6, 1, tzinfo=UTC)
UNTIL = MADE_AT + timedelta(days=7)
NAME = "虚构人物1号"
INDEX = 31_189
"""Of the certificate in its list, far from both ends."""

# Bitstring Status List v1.0, example 3: 131,072 zeros.
STANDARD_LIST = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
# From the tests of the standard's editors' own implementation: 100,000 bits, all unset but that at index 50,000.
EDITORS_LIST = "uH4sIAAAAAAAAA-3OMQ0AAAgDsElHOh72EJJWQRMAAAAAAIDWXAcAAAAAAIDHFvRitn7UMAAA"
# Likewise: eight bits, set at the indexes 1 and 4.
EDITORS_BYTE = "uH4sIAAAAAAAAA_MAAC8mBaoBAAAA"


app = Typer()
register(app)


def credential(**changes: Any) -> str:
    given: dict[str, Any] = {"certificate": FACTS, "issued_at": SIGNED_AT, "status": StatusEntry(LIST_URL, INDEX)}
    return issue(KEY, ISSUER, **{**given, **changes})


def listed(states: Mapping[int, CertificateState], **changes: Any) -> str:
    given: dict[str, Any] = {"key": KEY, "issuer_id": ISSUER, "url": LIST_URL, "made_at": MADE_AT, "valid_until": UNTIL}
    return status_list(states=states, **{**given, **changes})


def state_by(states: Mapping[int, CertificateState], at: datetime = MADE_AT, **changes: Any) -> CertificateState:
    return status_of(verify(credential(**changes), PUBLIC), listed(states), PUBLIC, at).state


def part(jwt: str, number: int) -> Any:
    text = jwt.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def signed(claims: Any, header: Mapping[str, Any] | None = None, key: OKPKey = KEY) -> str:
    """Any claims under a right signature: what a careless issuer might hand out."""
    full = {"alg": "Ed25519", "typ": "vc+jwt", **(header or {})}
    return jws.serialize_compact(full, json.dumps(claims), key, algorithms=["Ed25519"])


def refused(call: Callable[[], object]) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        call()
    return caught.value


# --- the published formats ------------------------------------------------------------------------------------------------


def test_the_envelope_is_that_of_vc_jose_cose() -> None:
    """A compact JWS whose payload is the credential itself: no ``vc`` claim, no ``proof``."""
    jwt = credential()
    assert part(jwt, 0) == {"alg": "Ed25519", "typ": "vc+jwt", "cty": "vc", "kid": KEY.thumbprint()}
    claims = part(jwt, 1)
    assert not {"vc", "vp", "proof"} & claims.keys()
    assert claims["iat"] == int(SIGNED_AT.timestamp())


def test_the_signature_is_ed25519_over_the_first_two_parts() -> None:
    """Checked by another library than the one that made it."""
    signing_input, _, signature = credential().rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{PUBLIC['x']}="))
    public.verify(base64.urlsafe_b64decode(signature + "=="), signing_input.encode())


def test_a_credential_has_what_the_data_model_asks_for() -> None:
    """Verifiable Credentials Data Model 2.0: contexts in their order, types, issuer, validity with a zone, subject, status."""
    claims = part(credential(), 1)
    assert claims["@context"] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
    ]
    assert claims["type"][0] == "VerifiableCredential"
    assert claims["issuer"] == ISSUER
    assert (claims["validFrom"], claims["validUntil"]) == ("2026-03-01T00:00:00+08:00", "2031-03-01T00:00:00+08:00")
    assert claims["credentialSubject"]["id"].startswith("urn:uuid:")
    assert claims["credentialSubject"]["certificateNumber"] == FACTS.number


def test_the_status_entries_are_those_of_the_standard() -> None:
    """One bit each, so that every reader of the standard can read them; two cancel for ever, one can be undone."""
    entries = part(credential(), 1)["credentialStatus"]
    assert [(e["statusPurpose"], e["statusListIndex"]) for e in entries] == [
        ("revocation", str(3 * INDEX)),
        ("revocation", str(3 * INDEX + 1)),
        ("suspension", str(3 * INDEX + 2)),
    ]
    assert {e["type"] for e in entries} == {"BitstringStatusListEntry"}
    assert {e["statusListCredential"] for e in entries} == {LIST_URL}
    for entry in entries:
        assert [message["status"] for message in entry["statusMessage"]] == ["0x0", "0x1"]


def test_a_status_list_is_a_credential_of_the_standard() -> None:
    """BitstringStatusListCredential, secured in the same way."""
    jwt = listed({})
    claims = part(jwt, 1)
    assert part(jwt, 0)["typ"] == "vc+jwt"
    assert claims["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert claims["id"] == LIST_URL
    assert (claims["validFrom"], claims["validUntil"]) == ("2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z")
    assert claims["credentialSubject"]["type"] == "BitstringStatusList"
    assert claims["credentialSubject"]["statusPurpose"] == ["revocation", "suspension"]


def test_the_standards_example_list_expands_to_its_zeros() -> None:
    """And ours of no revocations is read as the same bits."""
    assert expand_bits(STANDARD_LIST) == bytes(STATUS_LIST_BITS_MIN // 8)
    ours = part(listed({}), 1)["credentialSubject"]["encodedList"]
    assert expand_bits(ours) == expand_bits(STANDARD_LIST)
    # Gzip without a time and without a name: its first ten bytes are the standard's.
    assert ours[:14] == STANDARD_LIST[:14]


def test_the_first_index_is_the_left_most_bit() -> None:
    """As in what the standard's editors published: others find our bits where we put them."""
    bits = expand_bits(EDITORS_LIST)
    assert [place for place, byte in enumerate(bits) if byte] == [50_000 // 8]
    assert bits[50_000 // 8] == 0x80 >> 50_000 % 8
    assert expand_bits(EDITORS_BYTE) == bytes([0b01001000])
    ours = expand_bits(part(listed({0: "superseded", 2: "revoked"}), 1)["credentialSubject"]["encodedList"])
    assert ours[0] == 0b01000010


def test_a_reader_who_knows_only_the_standard_comes_to_the_same_answer() -> None:
    """Its Validate Algorithm, written out: any set bit of any entry makes the credential invalid."""
    for state in get_args(CertificateState):
        entries = part(credential(), 1)["credentialStatus"]
        subject = part(listed({INDEX: state}), 1)["credentialSubject"]
        bits = f"{int.from_bytes(expand_bits(subject['encodedList']), 'big'):0{STATUS_LIST_BITS_MIN}b}"
        invalid = [e["statusPurpose"] for e in entries if bits[int(e["statusListIndex"])] == "1"]
        cancelled = {"revoked": ["revocation"], "superseded": ["revocation"], "suspended": ["suspension"]}
        assert invalid == cancelled.get(state, [])


# --- what it says ---------------------------------------------------------------------------------------------------------


def test_what_was_issued_is_what_is_verified() -> None:
    """With nothing but the text and the public key."""
    found = verify(credential(holder_name=NAME), PUBLIC)
    assert found.certificate == FACTS
    assert (found.issuer, found.holder_name, found.signed_at) == (ISSUER, NAME, SIGNED_AT)
    assert found.status_url == LIST_URL
    shanghai = timezone(timedelta(hours=8))
    assert found.valid_from == datetime(2026, 3, 1, tzinfo=shanghai)
    assert found.valid_until == datetime(2031, 3, 1, tzinfo=shanghai)


def test_a_certificate_without_an_end_has_a_credential_without_one() -> None:
    """It is never expired."""
    facts = replace(FACTS, expires_on=None)
    assert verify(credential(certificate=facts), PUBLIC).certificate == facts
    assert "validUntil" not in part(credential(certificate=facts), 1)


def test_the_name_is_in_only_if_it_was_given() -> None:
    """And the subject's identifier is made from issuer and number alone."""
    without, with_name = part(credential(), 1)["credentialSubject"], part(credential(holder_name=NAME), 1)["credentialSubject"]
    assert set(without) == {"id", "certificateNumber", "grade", "issuingDivision", "issuedOn", "expiresOn"}
    assert with_name == {**without, "name": NAME}
    another = part(credential(certificate=replace(FACTS, number="320100-2026-000124-1")), 1)["credentialSubject"]["id"]
    assert another != without["id"]


def test_the_same_arguments_give_the_same_bytes() -> None:
    """No clock, no randomness: a file can be made again."""
    assert credential() == credential()
    assert listed({3: "revoked"}) == listed({3: "revoked"})


def test_a_credential_fits_into_a_qr_code() -> None:
    """At most 2,953 bytes (ISO/IEC 18004, version 40, level L), with a long name too."""
    longest = CertificateFacts("320100-2026-000123-3", "g" * 32, "320100", date(2026, 3, 1), date(2031, 2, 28))
    assert len(credential(certificate=longest, holder_name="虚" * 30)) <= 2_953


@given(
    number=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", fullmatch=True).filter(lambda n: not n.isdigit()),
    issued=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    years=st.none() | st.integers(0, 50),
    name=st.none() | st.text(min_size=1, max_size=200),
    index=st.integers(0, CERTIFICATES_PER_LIST_MAX - 1),
)
def test_any_certificate_goes_through(number: str, issued: date, years: int | None, name: str | None, index: int) -> None:
    """What stands in a credential is neither changed nor lost."""
    facts = CertificateFacts(
        number, "junior", "320102", issued, None if years is None else issued + timedelta(days=365 * years)
    )
    found = verify(issue(KEY, ISSUER, facts, SIGNED_AT, StatusEntry(LIST_URL, index), name), PUBLIC)
    assert (found.certificate, found.holder_name) == (facts, name)
    assert [bit.position for bit in found.bits] == [3 * index, 3 * index + 1, 3 * index + 2]


# --- status ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["valid", "suspended", "revoked", "superseded"])
def test_the_list_tells_each_state_apart(state: CertificateState) -> None:
    """And says nothing of a neighbour."""
    assert state_by({INDEX: state}) == state
    assert state_by({INDEX - 1: state, INDEX + 1: state}) == "valid"


def test_expiry_stands_in_the_credential_and_not_in_the_list() -> None:
    """The last day is valid to its end, in Shanghai."""
    facts = replace(FACTS, expires_on=date(2026, 6, 3))
    end = datetime(2026, 6, 3, 16, 0, tzinfo=UTC)
    for said in ("valid", "expired"):
        states: dict[int, CertificateState] = {INDEX: "valid" if said == "valid" else "expired"}
        assert state_by(states, end - timedelta(seconds=1), certificate=facts) == "valid"
        assert state_by(states, end, certificate=facts) == "expired"


def test_the_last_day_of_the_calendar_is_without_end() -> None:
    """There is no day after it from which the certificate could be expired."""
    found = verify(credential(certificate=replace(FACTS, expires_on=date.max)), PUBLIC)
    assert (None, date.max) == (found.valid_until, found.certificate.expires_on)


def test_what_is_revoked_or_superseded_stays_so_after_its_expiry() -> None:
    """What was suspended is then expired: the order of ``contracts.certificate_life``."""
    facts = replace(FACTS, expires_on=date(2026, 6, 1))
    after = datetime(2026, 6, 3, tzinfo=UTC)
    assert state_by({INDEX: "revoked"}, after, certificate=facts) == "revoked"
    assert state_by({INDEX: "superseded"}, after, certificate=facts) == "superseded"
    assert state_by({INDEX: "suspended"}, after, certificate=facts) == "expired"


def test_a_certificate_is_not_yet_valid_before_its_day() -> None:
    """Even if the list knows nothing of it."""
    assert state_by({}, certificate=replace(FACTS, issued_on=date(2026, 6, 2))) == "not-yet"


def test_a_reinstated_certificate_is_valid_in_the_next_list() -> None:
    """A suspension can be undone."""
    found = verify(credential(), PUBLIC)
    first, second = listed({INDEX: "suspended"}), listed({INDEX: "valid"}, made_at=MADE_AT + timedelta(days=1))
    later = MADE_AT + timedelta(days=2)
    assert [status_of(found, each, PUBLIC, later).state for each in (first, second)] == ["suspended", "valid"]


@given(
    states=st.dictionaries(
        st.integers(0, CERTIFICATES_PER_LIST_MAX - 1),
        st.sampled_from(["valid", "suspended", "revoked", "superseded"]),
        max_size=20,
    )
)
def test_every_certificate_of_a_list_has_the_state_that_was_said(states: dict[int, CertificateState]) -> None:
    """Wherever it stands; the list is as long as the standard asks at least, and longer only if it has to be."""
    jwt = listed(states)
    length = len(expand_bits(part(jwt, 1)["credentialSubject"]["encodedList"])) * 8
    assert STATUS_LIST_BITS_MIN <= length <= STATUS_LIST_BITS_MAX
    assert length == STATUS_LIST_BITS_MIN or length < 2 * 3 * (max(states) + 1)
    base = verify(credential(), PUBLIC)
    for index, state in states.items():
        moved = tuple(replace(bit, position=3 * index + offset) for offset, bit in enumerate(base.bits))
        assert status_of(replace(base, bits=moved), jwt, PUBLIC, MADE_AT).state == state


def test_the_longest_list_at_its_worst_can_still_be_read() -> None:
    """Every certificate in another state than its neighbour; the file stays under its limit."""
    kinds: tuple[CertificateState, ...] = ("valid", "suspended", "revoked", "superseded")
    states = {index: kinds[(index * index // 7) % 4] for index in range(CERTIFICATES_PER_LIST_MAX)}
    found = verify(credential(status=StatusEntry(LIST_URL, CERTIFICATES_PER_LIST_MAX - 1)), PUBLIC)
    assert status_of(found, listed(states), PUBLIC, MADE_AT).state == states[CERTIFICATES_PER_LIST_MAX - 1]


def test_a_list_is_believed_only_while_it_holds() -> None:
    """An old list would hide a later revocation."""
    found, jwt = verify(credential(), PUBLIC), listed({})
    assert status_of(found, jwt, PUBLIC, UNTIL - timedelta(seconds=1)).valid_until == UNTIL
    assert refused(lambda: status_of(found, jwt, PUBLIC, UNTIL)).code == "list-outdated"
    assert refused(lambda: status_of(found, jwt, PUBLIC, MADE_AT - timedelta(seconds=1))).code == "list-not-yet"


def test_another_list_is_refused() -> None:
    """One of another URL or another issuer says nothing of this certificate, however well it is signed."""
    found = verify(credential(), PUBLIC)
    for jwt in (listed({}, url=LIST_URL + "0"), listed({}, issuer_id=ISSUER + "0")):
        assert refused(lambda jwt=jwt: status_of(found, jwt, PUBLIC, MADE_AT)).code == "another-list"  # type: ignore[misc]


def test_a_list_that_another_signed_is_refused() -> None:
    """Its key is named, and with no key named the signature does not fit."""
    found, forged = verify(credential(), PUBLIC), listed({}, key=OTHER)
    assert refused(lambda: status_of(found, forged, PUBLIC, MADE_AT)).code == "signed-by-another"
    unnamed = signed(part(forged, 1), key=OTHER)
    assert refused(lambda: status_of(found, unnamed, PUBLIC, MADE_AT)).code == "signature-wrong"


def test_a_credential_is_no_list_and_a_list_no_credential() -> None:
    """Both are signed by the same key: the type decides."""
    found = verify(credential(), PUBLIC)
    assert refused(lambda: status_of(found, credential(), PUBLIC, MADE_AT)).code == "form-wrong"
    assert refused(lambda: verify(listed({}), PUBLIC)).code == "form-wrong"
    for types in (["VerifiableCredential"], ["BitstringStatusListCredential"]):
        jwt = signed({**part(listed({}), 1), "type": types})
        assert refused(lambda jwt=jwt: status_of(found, jwt, PUBLIC, MADE_AT)).code == "form-wrong"  # type: ignore[misc]


def test_a_place_beyond_the_list_is_refused() -> None:
    """It is not taken for unset: a list of the least length has no place for this certificate."""
    far = verify(credential(status=StatusEntry(LIST_URL, STATUS_LIST_BITS_MIN // 3 + 1)), PUBLIC)
    assert refused(lambda: status_of(far, listed({}), PUBLIC, MADE_AT)).code == "index-beyond"


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ({"encodedList": compress_bits(bytes(STATUS_LIST_BITS_MIN // 8 - 1))}, "list-too-short"),
        ({"encodedList": compress_bits(bytes(STATUS_LIST_BITS_MAX // 8 + 1))}, "form-wrong"),
        ({"encodedList": STANDARD_LIST[1:]}, "form-wrong"),
        ({"encodedList": STANDARD_LIST[:-8]}, "form-wrong"),
        ({"encodedList": STANDARD_LIST + "AAAA"}, "form-wrong"),
        ({"encodedList": "u" + base64.urlsafe_b64encode(b"no gzip").decode().rstrip("=")}, "form-wrong"),
        ({"encodedList": "u!"}, "form-wrong"),
        ({"statusPurpose": "revocation"}, "another-list"),
        ({"type": "StatusList2021"}, "form-wrong"),
    ],
)
def test_a_list_of_another_form_is_refused_though_it_is_signed(subject: dict[str, str], code: str) -> None:
    """Too short for the standard, packed otherwise, cut off, too long for us, or for fewer purposes than are asked."""
    claims = part(listed({}), 1)
    jwt = signed({**claims, "credentialSubject": {**claims["credentialSubject"], **subject}})
    assert refused(lambda: status_of(verify(credential(), PUBLIC), jwt, PUBLIC, MADE_AT)).code == code


# --- what is not believed --------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_no_letter_can_be_changed(data: st.DataObject) -> None:
    """Neither of the header, nor of the payload, nor of the signature: also not to another spelling of the same bytes."""
    jwt = credential(holder_name=NAME)
    place = data.draw(st.integers(0, len(jwt) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    if letter != jwt[place]:
        changed = jwt[:place] + letter + jwt[place + 1 :]
        assert NAME not in str(refused(lambda: verify(changed, PUBLIC)))


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    """The last letter of 86 has four bits that say nothing."""
    jwt = credential()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = jwt[:-1] + letters[letters.index(jwt[-1]) + 1]
    assert refused(lambda: verify(spelled, PUBLIC)).code == "not-a-credential"


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "EdDSA"}, {"alg": "HS256"}, {"alg": "ES256"}, {"typ": "JWT"}, {"typ": "vp+jwt"}, {"typ": None}],
)
def test_another_algorithm_or_kind_of_token_is_refused(header: dict[str, Any]) -> None:
    """Before the signature is looked at; ``none`` above all."""
    _, payload, signature = credential().split(".")
    text = json.dumps({"alg": "Ed25519", "typ": "vc+jwt", **header}).encode()
    forged = f"{base64.urlsafe_b64encode(text).decode().rstrip('=')}.{payload}.{signature}"
    assert refused(lambda: verify(forged, PUBLIC)).code == "not-a-credential"
    assert refused(lambda: verify(forged.rpartition(".")[0] + ".", PUBLIC)).code == "not-a-credential"


def test_a_header_that_must_be_understood_and_is_not_is_refused() -> None:
    """RFC 7515 section 4.1.11; also the unencoded payload of RFC 7797."""
    for header in ({"crit": ["x"], "x": 1}, {"crit": ["b64"], "b64": False}):
        text = json.dumps({"alg": "Ed25519", "typ": "vc+jwt", **header}).encode()
        _, payload, signature = credential().split(".")
        forged = f"{base64.urlsafe_b64encode(text).decode().rstrip('=')}.{payload}.{signature}"
        assert refused(lambda forged=forged: verify(forged, PUBLIC)).code in ("form-wrong", "signature-wrong")  # type: ignore[misc]


def test_a_credential_that_another_signed_is_refused() -> None:
    """With the other key's name, and without."""
    forged = issue(OTHER, ISSUER, FACTS, SIGNED_AT, StatusEntry(LIST_URL, INDEX))
    assert refused(lambda: verify(forged, PUBLIC)).code == "signed-by-another"
    assert refused(lambda: verify(signed(part(forged, 1), key=OTHER), PUBLIC)).code == "signature-wrong"
    assert verify(forged, OTHER.as_dict(private=False)).certificate == FACTS


@pytest.mark.parametrize(
    "change",
    [
        {"@context": ["https://www.w3.org/2018/credentials/v1"]},
        {"@context": []},
        {"type": ["VerifiableCredential"]},
        {"type": ["PartyAffairsWorkerCertificate"]},
        {"validFrom": "2026-03-01T00:00:00"},
        {"validFrom": None},
        {"iat": 10**18},
        {"issuer": None},
        {"credentialStatus": []},
        {"credentialStatus": None},
        {"credentialSubject": {"id": "urn:uuid:x"}},
    ],
)
def test_a_credential_of_another_form_is_refused_though_it_is_signed(change: dict[str, Any]) -> None:
    """What is missing is not made up; above all not a status."""
    assert refused(lambda: verify(signed({**part(credential(), 1), **change}), PUBLIC)).code == "form-wrong"


@pytest.mark.parametrize(
    "change",
    [
        {"statusListCredential": LIST_URL + "0"},
        {"statusListIndex": "-1"},
        {"statusListIndex": "01"},
        {"statusPurpose": "message"},
        {"statusPurpose": "suspension"},
        {"statusSize": 2},
        {"type": "StatusList2021Entry"},
        {"statusMessage": [{"status": "0x0", "message": "revoked"}, {"status": "0x1", "message": "not revoked"}]},
    ],
)
def test_a_status_entry_of_another_form_is_refused(change: dict[str, Any]) -> None:
    """It could hide a revocation: another list, another bit, another meaning."""
    claims = part(credential(), 1)
    first, *others = claims["credentialStatus"]
    jwt = signed({**claims, "credentialStatus": [{**first, **change}, *others]})
    assert refused(lambda: verify(jwt, PUBLIC)).code == "form-wrong"
    assert refused(lambda: verify(signed({**claims, "credentialStatus": others}), PUBLIC)).code == "form-wrong"


def test_members_that_are_not_understood_are_ignored() -> None:
    """As VC-JOSE-COSE demands: a later version may add some."""
    assert verify(signed({**part(credential(), 1), "later": 1}), PUBLIC).certificate == FACTS


@given(
    parts=st.lists(
        st.text(max_size=30) | st.binary(max_size=30).map(lambda b: base64.urlsafe_b64encode(b).decode()), max_size=4
    )
)
def test_no_text_at_all_makes_the_verifier_fail(parts: list[str]) -> None:
    """Whatever stands in a file, the answer is a refusal with a remedy."""
    error = refused(lambda: verify(".".join(parts), PUBLIC))
    assert error.code == "not-a-credential"
    assert error.remedy


def test_a_text_that_is_too_long_is_not_read() -> None:
    """A file of any length costs nothing, though it be signed."""
    long = signed({**part(credential(), 1), "later": "x" * CREDENTIAL_BYTES_MAX})
    assert refused(lambda: verify(long, PUBLIC)).code == "not-a-credential"


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "OKP"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "oct", "k": "c2VjcmV0"},
        KEY.as_dict(private=True),
        OKPKey.generate_key("X25519").as_dict(private=False),
        {"x": 1},
    ],
)
def test_a_wrong_key_is_named_as_such(jwk: dict[str, Any]) -> None:
    """A private one too: whoever verifies must not have it. It is not repeated."""
    error = refused(lambda: verify(credential(), jwk))
    assert error.code == "key-wrong"
    assert str(jwk.get("d", "nothing secret")) not in str(error)


# --- wrong use by the issuer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"certificate": replace(FACTS, number="990000199001010010")}, "resident ID"),
        ({"certificate": replace(FACTS, number="")}, "certificateNumber"),
        ({"certificate": replace(FACTS, issuer="32010")}, "issuingDivision"),
        ({"certificate": replace(FACTS, grade="高级")}, "grade"),
        ({"certificate": replace(FACTS, expires_on=date(2026, 2, 28))}, "expires_on"),
        ({"holder_name": ""}, "holder_name"),
        ({"holder_name": "虚" * 201}, "holder_name"),
        ({"issued_at": datetime(2026, 3, 2)}, "issued_at"),  # noqa: DTZ001 - that is the mistake
        ({"status": StatusEntry(LIST_URL, -1)}, "index"),
        ({"status": StatusEntry(LIST_URL, CERTIFICATES_PER_LIST_MAX)}, "another list"),
        ({"status": StatusEntry("status/1", 0)}, "URL"),
        ({"status": StatusEntry(LIST_URL + "#list", 0)}, "URL"),
        ({"status": StatusEntry("https://registry.example/" + "s" * 500, 0)}, "URL"),
    ],
)
def test_no_credential_is_issued_of_what_cannot_stand_in_one(changes: dict[str, Any], told: str) -> None:
    """The field is named; a resident ID in place of a number never leaves the registry."""
    with pytest.raises(ValueError, match=told) as caught:
        credential(**changes)
    assert "990000199001010010" not in str(caught.value)


def test_no_list_is_signed_for_an_index_beyond_it_or_a_time_gone_by() -> None:
    """Nor by a key of another curve, or half a key."""
    for index in (-1, CERTIFICATES_PER_LIST_MAX):
        with pytest.raises(ValueError, match="another list"):
            listed({index: "valid"})
    with pytest.raises(ValueError, match="valid_until"):
        listed({}, valid_until=MADE_AT)
    for key in (OKPKey.import_key(PUBLIC), OKPKey.generate_key("X25519")):
        with pytest.raises(ValueError, match="private Ed25519"):
            listed({}, key=key)


# --- the key -----------------------------------------------------------------------------------------------------------------


def test_the_key_that_the_command_makes_signs_what_its_public_half_verifies(tmp_path: Path) -> None:
    """``hongling keys create``: private for its owner alone."""
    create_keys(tmp_path / "keys")
    key = KeyRing.read(tmp_path / "keys").credential
    assert key is not None
    public = json.loads((tmp_path / "keys" / "credential-public.jwk").read_text())
    assert "d" not in public
    assert public["kid"] == key.thumbprint()
    assert verify(issue(key, ISSUER, FACTS, SIGNED_AT, StatusEntry(LIST_URL, 0)), public).certificate == FACTS
    assert (tmp_path / "keys" / "credential-private.jwk").stat().st_mode & 0o777 == 0o600


def test_an_older_folder_still_opens_and_gets_the_key_when_asked(tmp_path: Path) -> None:
    """Asked twice, it gets no second one; nothing else in the folder changes, and no secret is printed."""
    create_keys(tmp_path)
    for half in ("private", "public"):
        (tmp_path / f"credential-{half}.jwk").unlink()
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert KeyRing.read(tmp_path).credential is None
    told = CliRunner().invoke(app, ["keys", "credential", str(tmp_path)])
    assert told.exit_code == 0
    made = KeyRing.read(tmp_path).credential
    assert made is not None
    assert str(made.as_dict(private=True)["d"]) not in told.output
    assert new_credential_key(tmp_path) == []
    assert {name: (tmp_path / name).read_text() for name in before} == before


def test_a_lost_public_half_is_made_again_and_a_lost_private_one_is_not(tmp_path: Path) -> None:
    """A new pair would not verify what was issued."""
    create_keys(tmp_path)
    public, private = tmp_path / "credential-public.jwk", tmp_path / "credential-private.jwk"
    text = public.read_text()
    public.unlink()
    assert new_credential_key(tmp_path) == [public]
    assert public.read_text() == text
    private.unlink()
    assert CliRunner().invoke(app, ["keys", "credential", str(tmp_path)]).exit_code == 2
    assert not private.exists()


def test_a_folder_without_a_registrys_keys_gets_none(tmp_path: Path) -> None:
    """The command was given a wrong folder."""
    assert CliRunner().invoke(app, ["keys", "credential", str(tmp_path)]).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_an_embedded_deployment_makes_the_key_and_keeps_it(tmp_path: Path) -> None:
    """Also one that was made before there was such a key."""
    deployment = Deployment(tmp_path)
    deployment.create()
    (deployment.keys / "credential-private.jwk").unlink()
    (deployment.keys / "credential-public.jwk").unlink()
    deployment.create()
    text = (deployment.keys / "credential-private.jwk").read_text()
    deployment.create()
    assert (deployment.keys / "credential-private.jwk").read_text() == text
    assert KeyRing.read(deployment.keys).credential is not None


@pytest.mark.parametrize(
    "text", ["", "{}", '{"kty": "OKP"}', '{"kty": "oct", "k": "c2VjcmV0"}', public_half(new_signing_key())]
)
def test_a_wrong_signing_key_is_named_by_its_file(tmp_path: Path, text: str) -> None:
    """And its text is not repeated."""
    create_keys(tmp_path)
    (tmp_path / "credential-private.jwk").write_text(text)
    with pytest.raises(ValueError, match=r"credential-private\.jwk") as caught:
        KeyRing.read(tmp_path)
    assert "c2VjcmV0" not in str(caught.value)
    with pytest.raises(ValueError, match=r"credential-private\.jwk"):
        public_half(text)
