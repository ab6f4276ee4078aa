"""Identity is sealed so that only the registry reads it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey
from pydantic import ValidationError

from console.sealing import (
    DOSSIER_BYTES_MAX,
    IDENTITY_BYTES_MAX,
    KEY_FILE_BYTES_MAX,
    load_public_key,
    new_key_pair,
    public_key_of,
    seal,
    seal_dossier,
)
from contracts.intake import DossierContent, DossierEntryRecorded, Identity, Person
from contracts.names import normal_name

PRIVATE, PUBLIC = new_key_pair()
KEY = public_key_of(PUBLIC)


def _open(sealed: str, private: str = PRIVATE) -> dict[str, str]:
    found = jwe.decrypt_compact(sealed, OKPKey.import_key(json.loads(private)), algorithms=["ECDH-ES", "A256GCM"])
    assert found.plaintext is not None
    opened: dict[str, str] = json.loads(found.plaintext)
    return opened


@settings(max_examples=30)
@given(name=st.text(min_size=1, max_size=100).filter(lambda text: text.isprintable()))
def test_what_was_sealed_is_what_the_registry_reads(name: str) -> None:
    """Any name survives the way through the seal, as the contract has normalised it."""
    try:
        identity = Identity(name=name, resident_id="360426199101010071")
    except ValidationError:
        reject()
    assert _open(seal(identity, KEY)) == {"name": normal_name(name), "resident_id": "360426199101010071"}


def test_the_contract_takes_a_sealed_identity() -> None:
    """The text is a compact JWE within the contract's pattern and length, also the longest one that is sealed."""
    longest = {"name": "x" * (IDENTITY_BYTES_MAX - len('{"name":""}'))}
    for sealed in (seal({"resident_id": "360426199101010071"}, KEY), seal(longest, KEY)):
        assert Person(identity=sealed).identity == sealed


def test_the_header_says_how_it_is_sealed_and_to_which_key() -> None:
    """RFC 7518 section 4.6: direct key agreement, so the second part is empty."""
    head, encrypted_key, *_ = seal({"resident_id": "360426199101010071"}, KEY).split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert (header["alg"], header["enc"], header["kid"], encrypted_key) == (
        "ECDH-ES", "A256GCM", json.loads(PUBLIC)["kid"], "")  # fmt: skip


def test_two_seals_of_one_person_cannot_be_told_to_be_of_one_person() -> None:
    """Each seal has its own ephemeral key and nonce."""
    first, second = (seal({"resident_id": "360426199101010071"}, KEY) for _ in range(2))
    assert first.split(".")[1:] != second.split(".")[1:]
    assert first.split(".")[0] != second.split(".")[0]


def test_another_key_does_not_open_it() -> None:
    """A seal is to one key only."""
    other, _ = new_key_pair()
    with pytest.raises(Exception):  # noqa: B017 - whichever of the library's errors
        _open(seal({"resident_id": "360426199101010071"}, KEY), other)


def test_the_public_half_holds_no_secret_and_has_the_same_name() -> None:
    """The file that goes to every source must not open anything."""
    private, public = json.loads(PRIVATE), json.loads(PUBLIC)
    assert "d" in private
    assert "d" not in public
    assert private["kid"] == public["kid"]


def test_a_private_key_is_refused_for_sealing() -> None:
    """A source that held it could read what others sealed."""
    with pytest.raises(ValueError, match="private key") as caught:
        public_key_of(PRIVATE)
    assert json.loads(PRIVATE)["d"] not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"kty":"OKP","crv":"X25519","x":"AA"}',
     json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=False)),
     json.dumps(ECKey.generate_key("P-256").as_dict(private=False))],
    ids=["empty", "null", "array", "object", "short", "signing", "other-curve"],
)  # fmt: skip
def test_what_is_no_x25519_key_is_refused(text: str) -> None:
    """Signing keys, other curves and other files."""
    with pytest.raises(ValueError):
        public_key_of(text)


def test_a_field_that_is_no_identity_is_not_sealed() -> None:
    """What is sealed is an ``Identity``; the message names no value."""
    with pytest.raises(ValueError, match="has the fields") as caught:
        seal({"resident_id": "360426199101010071", "salary": "Zq7"}, KEY)
    assert "Zq7" not in str(caught.value)


def test_an_identity_longer_than_the_contract_takes_is_refused() -> None:
    """One byte above the limit."""
    with pytest.raises(ValueError, match=str(IDENTITY_BYTES_MAX)):
        seal({"name": "x" * (IDENTITY_BYTES_MAX - len('{"name":""}') + 1)}, KEY)


def test_an_entry_of_the_dossier_is_sealed_as_the_registry_reads_it() -> None:
    """What is not told is left out."""
    content = DossierContent(title="虚构培训", begins="2020-09")
    assert _open(seal_dossier(content, KEY)) == {"title": "虚构培训", "text": "", "begins": "2020-09"}


def test_the_contract_takes_every_entry_that_is_sealed() -> None:
    """The longest text in Chinese, and the longest plain JSON that is sealed; one byte more is refused and not repeated."""
    room = DOSSIER_BYTES_MAX - len('{"title":"","text":""}') - 4000
    chinese = DossierContent(title="标" * 200, text="文" * 4000, begins="2020-01-01", ends="2020-12-31")
    longest = DossierContent.model_construct(title="t" * room, text="x" * 4000)
    for content in (chinese, longest):
        data = {"person": {"source_key": "w-1"}, "entry": "e-1", "section": "basics", "content": seal_dossier(content, KEY)}
        DossierEntryRecorded.model_validate(data)
    with pytest.raises(ValueError, match=str(DOSSIER_BYTES_MAX)) as caught:
        seal_dossier(DossierContent.model_construct(title="t" * (room + 1), text="x" * 4000), KEY)
    assert "xxxx" not in str(caught.value)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    """And a file that cannot be a key is not read to its end."""
    file = tmp_path / "registry.jwk"
    file.write_text(PUBLIC)
    assert load_public_key(file).kid == KEY.kid
    file.write_bytes(b" " * (KEY_FILE_BYTES_MAX + 1))
    with pytest.raises(ValueError, match=str(KEY_FILE_BYTES_MAX)):
        load_public_key(file)
