"""Attachments are kept encrypted, each person's apart, and go for good with the person."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.ids import SeededEntropy
from services.registry import attachments
from services.registry.attachments import (
    ATTACHMENT_BYTES_MAX,
    DOCX,
    JPEG,
    MEDIA_TYPES,
    OVERHEAD_BYTES,
    PDF,
    PNG,
    TEXT,
    XLSX,
    AttachmentMissing,
    AttachmentRefused,
    Attachments,
    AttachmentUnreadable,
    media_type_of,
)
from tests.support import files_with

REF, OTHER = "p" + "1" * 26, "p" + "2" * 26
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOTE = "虚构人物一号的培训记录\n第一行".encode()
NOTE_DIGEST = hashlib.sha256(NOTE).hexdigest()


def office_file(*parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part in parts:
            archive.writestr(part, "<x/>")
    return made.getvalue()


GOOD = {
    PDF: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    PNG: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    JPEG: b"\xff\xd8\xff\xe0\x00\x10JFIF",
    DOCX: office_file("[Content_Types].xml", "word/document.xml"),
    XLSX: office_file("[Content_Types].xml", "xl/workbook.xml"),
    TEXT: NOTE,
}


@pytest.fixture
def store(tmp_path: Path) -> Attachments:
    return Attachments(tmp_path / "attachments", SeededEntropy(5))


# --- keeping ----------------------------------------------------------------------------------------------------------


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["C"]), min_size=1))
def test_what_was_put_is_what_comes_back(tmp_path: Path, text: str) -> None:
    """Any text, under the digest of its plain bytes, with its size and type."""
    store, data = Attachments(tmp_path, SeededEntropy(5)), text.encode()
    attachment, _ = store.put(REF, KEY, data, TEXT)
    assert (attachment.sha256, attachment.size, attachment.media_type) == (hashlib.sha256(data).hexdigest(), len(data), TEXT)
    assert store.get(REF, KEY, attachment.sha256) == data


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_every_type_that_is_kept_is_known_by_its_bytes(store: Attachments, media_type: str) -> None:
    """And is taken as that type, and as no other."""
    assert media_type_of(GOOD[media_type]) == media_type
    assert store.put(REF, KEY, GOOD[media_type], media_type)[1]
    for other in set(MEDIA_TYPES) - {media_type}:
        with pytest.raises(AttachmentRefused, match="is not what"):
            store.put(REF, KEY, GOOD[media_type], other)


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\x00\x03",
        b"\x00" * 20,
        "中文".encode("gb18030"),
        b"line\x1b[31m",
        office_file("word/document.xml"),
        office_file("[Content_Types].xml", "ppt/presentation.xml"),
        office_file("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        b"PK\x03\x04 no archive at all",
    ],
    ids=["program", "zeros", "not-utf8", "escape", "no-types", "slides", "macros", "broken"],
)
def test_other_files_are_not_kept(store: Attachments, tmp_path: Path, data: bytes) -> None:
    """Programs, macros, other archives, text in another encoding or with control characters: refused under any name."""
    assert media_type_of(data) is None
    for media_type in (*MEDIA_TYPES, "application/zip"):
        with pytest.raises(AttachmentRefused):
            store.put(REF, KEY, data, media_type)
    assert not (tmp_path / "attachments").exists()


def test_an_empty_file_and_one_above_the_limit_are_refused(store: Attachments) -> None:
    """The limit itself is kept."""
    with pytest.raises(AttachmentRefused, match="empty"):
        store.put(REF, KEY, b"", TEXT)
    with pytest.raises(AttachmentRefused, match="20 MiB"):
        store.put(REF, KEY, b"x" * (ATTACHMENT_BYTES_MAX + 1), TEXT)
    largest, _ = store.put(REF, KEY, b"x" * ATTACHMENT_BYTES_MAX, TEXT)
    assert len(store.get(REF, KEY, largest.sha256)) == ATTACHMENT_BYTES_MAX


def test_a_person_has_a_limit_over_all_attachments(store: Attachments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the last byte; what is there already does not count twice; another person has their own."""
    monkeypatch.setattr(attachments, "ATTACHMENTS_PER_PERSON_BYTES_MAX", 10)
    store.put(REF, KEY, b"12345", TEXT)
    store.put(REF, KEY, b"67890", TEXT)
    assert not store.put(REF, KEY, b"12345", TEXT)[1]
    assert store.bytes_of(REF) == 10
    with pytest.raises(AttachmentRefused, match="together"):
        store.put(REF, KEY, b"x", TEXT)
    assert store.put(OTHER, OTHER_KEY, b"x", TEXT)[1]


def test_putting_the_same_bytes_again_changes_nothing(store: Attachments, tmp_path: Path) -> None:
    """The file stays as it is, byte for byte, and the second time it is not new."""
    assert store.put(REF, KEY, NOTE, TEXT)[1]
    path = tmp_path / "attachments" / REF / NOTE_DIGEST
    before = path.read_bytes()
    assert not store.put(REF, KEY, NOTE, TEXT)[1]
    assert path.read_bytes() == before
    assert len(before) == len(NOTE) + OVERHEAD_BYTES


def test_a_damaged_file_is_mended_by_putting_it_again(store: Attachments, tmp_path: Path) -> None:
    """It does not count as being there."""
    store.put(REF, KEY, NOTE, TEXT)
    (tmp_path / "attachments" / REF / NOTE_DIGEST).write_bytes(b"half")
    assert store.put(REF, KEY, NOTE, TEXT)[1]
    assert store.get(REF, KEY, NOTE_DIGEST) == NOTE


def test_nothing_is_readable_by_others_and_nothing_stands_there_in_plain(store: Attachments, tmp_path: Path) -> None:
    """Folders and files are the owner's alone; no part of the text is found in any file."""
    store.put(REF, KEY, NOTE, TEXT)
    folder = tmp_path / "attachments"
    modes = {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert modes == {0o700, 0o600}
    assert files_with(folder, "虚构人物".encode()) == []


def test_a_write_that_fails_leaves_nothing(store: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file in its place nor a temporary one."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(REF, KEY, NOTE, TEXT)
    assert list((tmp_path / "attachments" / REF).iterdir()) == []


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_missing(store: Attachments) -> None:
    """Of this person, whatever others have."""
    store.put(OTHER, OTHER_KEY, NOTE, TEXT)
    with pytest.raises(AttachmentMissing):
        store.get(REF, KEY, NOTE_DIGEST)


def test_each_byte_of_a_file_counts(store: Attachments, tmp_path: Path) -> None:
    """One that was changed anywhere, cut or lengthened is not read."""
    store.put(REF, KEY, b"short", TEXT)
    (path,) = (tmp_path / "attachments" / REF).iterdir()
    good = path.read_bytes()
    forged = [bytes(byte ^ (place == at) for at, byte in enumerate(good)) for place in range(len(good))]
    for content in (*forged, good[:-1], good + b"x", b""):
        path.write_bytes(content)
        with pytest.raises(AttachmentUnreadable):
            store.get(REF, KEY, path.name)


def test_a_file_cannot_be_given_to_another_person_or_under_another_digest(store: Attachments, tmp_path: Path) -> None:
    """Person and digest are part of what is authenticated, also under the same key."""
    store.put(REF, KEY, NOTE, TEXT)
    store.put(OTHER, KEY, b"another", TEXT)
    folder = tmp_path / "attachments"
    raw = (folder / REF / NOTE_DIGEST).read_bytes()
    other = hashlib.sha256(b"another").hexdigest()
    (folder / OTHER / NOTE_DIGEST).write_bytes(raw)
    (folder / REF / other).write_bytes(raw)
    for person, digest in ((OTHER, NOTE_DIGEST), (REF, other)):
        with pytest.raises(AttachmentUnreadable):
            store.get(person, KEY, digest)


@pytest.mark.parametrize("name", ["../" + REF, "P" + "1" * 26, "", "p1", REF + "/x", REF + "\n"])
def test_no_name_leads_out_of_the_folder(store: Attachments, name: str) -> None:
    """A person is named by a person_ref and a file by its digest, in full."""
    with pytest.raises(ValueError, match="person_ref"):
        store.get(name, KEY, NOTE_DIGEST)
    with pytest.raises(ValueError, match="person_ref"):
        store.delete_of(name)
    with pytest.raises(ValueError, match="64 hex"):
        store.get(REF, KEY, "../" + NOTE_DIGEST)


# --- going ------------------------------------------------------------------------------------------------------------


def test_two_people_who_attach_the_same_file_share_nothing(store: Attachments, tmp_path: Path) -> None:
    """The files differ, and erasing one person leaves the other's."""
    store.put(REF, KEY, NOTE, TEXT)
    store.put(OTHER, OTHER_KEY, NOTE, TEXT)
    folder = tmp_path / "attachments"
    assert (folder / REF / NOTE_DIGEST).read_bytes() != (folder / OTHER / NOTE_DIGEST).read_bytes()
    assert store.delete_of(REF) == 1
    assert store.get(OTHER, OTHER_KEY, NOTE_DIGEST) == NOTE


def test_without_the_persons_key_nothing_can_be_read(store: Attachments) -> None:
    """A backup of the folder tells nothing once the key is deleted: a new key of the person opens nothing either."""
    store.put(REF, KEY, NOTE, TEXT)
    with pytest.raises(AttachmentUnreadable):
        store.get(REF, b"n" * 32, NOTE_DIGEST)


def test_erasing_deletes_every_file_of_the_person(store: Attachments, tmp_path: Path) -> None:
    """Temporary ones and what an interrupted erasure left too; doing it again deletes nothing more."""
    store.put(REF, KEY, NOTE, TEXT)
    store.put(REF, KEY, b"second", TEXT)
    folder = tmp_path / "attachments"
    (folder / REF / ".new-abc").write_bytes(b"of a process that was killed")
    (folder / f".gone-{REF}-x").mkdir()
    (folder / f".gone-{REF}-x" / NOTE_DIGEST).write_bytes(b"of an erasure that was killed")
    assert store.delete_of(REF) == 3
    assert store.delete_of(REF) == 0
    assert list(folder.iterdir()) == []


def test_a_write_under_way_while_the_person_is_erased_fails(
    store: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is taken away under it: it says so, and leaves nothing behind."""
    real = os.fsync
    erased: list[int] = []

    def erase_meanwhile(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", real)
        erased.append(store.delete_of(REF))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", erase_meanwhile)
    with pytest.raises(FileNotFoundError):
        store.put(REF, KEY, NOTE, TEXT)
    assert erased == [0]
    assert list((tmp_path / "attachments").iterdir()) == []


def test_one_attachment_can_be_taken_back(store: Attachments) -> None:
    """That of an entry which was refused; the others stay, and doing it again is fine."""
    store.put(REF, KEY, NOTE, TEXT)
    kept, _ = store.put(REF, KEY, b"kept", TEXT)
    for _ in range(2):
        store.discard(REF, NOTE_DIGEST)
    assert store.digests_of(REF) == [kept.sha256]
    store.discard(OTHER, NOTE_DIGEST)
    assert store.digests_of(OTHER) == []
