"""Attachments of the dossier: bytes that are kept outside the log, which holds their SHA-256, media type and size only.

A file is ``<folder>/<person_ref>/<SHA-256 of the plain bytes>``. It holds a nonce (12 bytes) and AES-256-GCM of the bytes
under the person's dossier key, with ``<person_ref>/attachment/<SHA-256>`` as associated data, so that it can be read neither in
another place nor after the key was deleted. Each person has a folder, so two people who attach one document share nothing, and
erasing one leaves the other's. One shot a file: the limit on its size is what makes that possible.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import zipfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.registry import Attachment
from eventlog.ids import Entropy, random_token

__all__ = [
    "ATTACHMENTS_PER_PERSON_BYTES_MAX",
    "ATTACHMENT_BYTES_MAX",
    "MEDIA_TYPES",
    "AttachmentMissing",
    "AttachmentRefused",
    "AttachmentUnreadable",
    "Attachments",
    "media_type_of",
]

ATTACHMENT_BYTES_MAX = 20 * 1024 * 1024
"""Bytes of one attachment. It is held in memory, plain and encrypted."""
ATTACHMENTS_PER_PERSON_BYTES_MAX = 200 * 1024 * 1024
"""Plain bytes of all attachments of one person."""
NONCE_BYTES = 12
OVERHEAD_BYTES = NONCE_BYTES + 16
"""What a file has more than the plain bytes: nonce and tag."""
PARTS_MAX = 10_000
"""Files inside one DOCX or XLSX."""

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEXT = "text/plain"
MEDIA_TYPES = (PDF, PNG, JPEG, DOCX, XLSX, TEXT)

_MAGIC = ((PDF, b"%PDF-"), (PNG, b"\x89PNG\r\n\x1a\n"), (JPEG, b"\xff\xd8\xff"))
_ZIP = b"PK\x03\x04"
_MAIN_PARTS = ((DOCX, "word/document.xml"), (XLSX, "xl/workbook.xml"))
_MACROS = "vbaproject.bin"

_PERSON = re.compile(r"p[0-9a-z]{26}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class AttachmentRefused(ValueError):
    """The bytes cannot be kept. The text says why and what to do, and repeats nothing of them."""


class AttachmentMissing(LookupError):
    """There is no such attachment of this person here."""


class AttachmentUnreadable(ValueError):
    """The file is damaged, is another's, or the key is not the one that it was written with."""


def media_type_of(data: bytes) -> str | None:
    """What the bytes are, of the types that are kept; None for anything else. A DOCX or XLSX with macros is neither."""
    for media_type, magic in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data.startswith(_ZIP):
        return _office_type_of(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Nothing that a terminal or a printer would obey but line ends, tabs and form feeds.
    return TEXT if text and not re.search("[\x00-\x08\x0b\x0e-\x1f\x7f]", text) else None


def _office_type_of(data: bytes) -> str | None:
    """DOCX or XLSX by the list of its parts (ECMA-376 part 2); nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    if len(names) > PARTS_MAX or "[Content_Types].xml" not in names:
        return None
    if any(name.casefold().endswith(_MACROS) for name in names):
        return None
    return next((media_type for media_type, part in _MAIN_PARTS if part in names), None)


class Attachments:
    """The store. folder: made when the first attachment comes. entropy: nonces and names of temporary files."""

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy

    def put(self, person_ref: str, key: bytes, data: bytes, media_type: str) -> tuple[Attachment, bool]:
        """Keep an attachment; return it, and whether it is new here. Putting the same bytes again changes nothing.

        key: the person's dossier key. Returns after the file is on disk. Raises AttachmentRefused, OSError.
        """
        _check(data, media_type)
        digest = hashlib.sha256(data).hexdigest()
        attachment = Attachment(sha256=digest, media_type=media_type, size=len(data))
        path = self._path(person_ref, digest)
        if self._holds(person_ref, key, digest):
            return attachment, False
        others = self.bytes_of(person_ref) - self._size(path)
        if others + len(data) > ATTACHMENTS_PER_PERSON_BYTES_MAX:
            limit = ATTACHMENTS_PER_PERSON_BYTES_MAX // (1024 * 1024)
            raise AttachmentRefused(f"the person's attachments would have more than {limit} MiB together; attach less")
        nonce = self._entropy.bytes(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, data, _bound_to(person_ref, digest))
        self._write(path, nonce + sealed)
        return attachment, True

    def get(self, person_ref: str, key: bytes, sha256: str) -> bytes:
        """The plain bytes. Raises AttachmentMissing, AttachmentUnreadable, OSError."""
        path = self._path(person_ref, sha256)
        try:
            with path.open("rb") as file:
                raw = file.read(ATTACHMENT_BYTES_MAX + OVERHEAD_BYTES + 1)
        except FileNotFoundError:
            raise AttachmentMissing("this attachment is not in the store; see `hongling registry dossier`") from None
        try:
            data = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(person_ref, sha256))
        except (InvalidTag, ValueError):
            data = None
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise AttachmentUnreadable("the attachment is damaged, or its key is another; restore the store from its backup")
        return data

    def digests_of(self, person_ref: str) -> list[str]:
        """The SHA-256 of every attachment of a person that is here."""
        folder = self._of(person_ref)
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if _DIGEST.fullmatch(path.name))

    def bytes_of(self, person_ref: str) -> int:
        """Plain bytes of all attachments of a person that are here."""
        return sum(self._size(self._path(person_ref, digest)) for digest in self.digests_of(person_ref))

    def discard(self, person_ref: str, sha256: str) -> None:
        """Delete one attachment: of an entry that came to nothing. One that is gone already is fine."""
        path = self._path(person_ref, sha256)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            _sync(path.parent)

    def delete_of(self, person_ref: str) -> int:
        """Delete every file of a person; return how many attachments that were. Safe to repeat after any failure.

        The folder is taken out of its place first: whoever is writing into it at this moment fails, and leaves nothing.
        """
        folder = self._of(person_ref)
        deleted = 0
        if folder.is_dir():
            folder.rename(self._folder / f"{_GONE}{person_ref}-{random_token(self._entropy)}")
        if self._folder.is_dir():
            for leftover in self._folder.glob(f"{_GONE}{person_ref}-*"):
                deleted += sum(1 for path in leftover.iterdir() if _DIGEST.fullmatch(path.name))
                shutil.rmtree(leftover)
            _sync(self._folder)
        return deleted

    # --- files ----------------------------------------------------------------------------------------------------------

    def _holds(self, person_ref: str, key: bytes, digest: str) -> bool:
        try:
            self.get(person_ref, key, digest)
        except (AttachmentMissing, AttachmentUnreadable):
            return False
        return True

    def _of(self, person_ref: str) -> Path:
        if not _PERSON.fullmatch(person_ref):
            raise ValueError("a person_ref is p and 26 letters and digits")
        return self._folder / person_ref

    def _path(self, person_ref: str, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a SHA-256 is 64 hex digits in lower case")
        return self._of(person_ref) / digest

    @staticmethod
    def _size(path: Path) -> int:
        try:
            return max(0, path.stat().st_size - OVERHEAD_BYTES)
        except FileNotFoundError:
            return 0

    def _write(self, path: Path, content: bytes) -> None:
        """Write as a whole or not at all, and return when it is on disk."""
        folder = path.parent
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        temporary = folder / f"{_NEW}{random_token(self._entropy)}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(folder)
        _sync(self._folder)


_NEW = ".new-"
_GONE = ".gone-"


def _check(data: bytes, media_type: str) -> None:
    """Raises AttachmentRefused for what is not kept."""
    if not data:
        raise AttachmentRefused("the file is empty; attach one with content")
    if len(data) > ATTACHMENT_BYTES_MAX:
        limit = ATTACHMENT_BYTES_MAX // (1024 * 1024)
        raise AttachmentRefused(f"the file has {len(data)} bytes, the limit is {limit} MiB; attach a smaller one")
    kept = f"attach one of: {', '.join(MEDIA_TYPES)} (text in UTF-8, no macros)"
    if media_type not in MEDIA_TYPES:
        raise AttachmentRefused(f"files of this type are not kept; {kept}")
    if media_type_of(data) != media_type:
        raise AttachmentRefused(f"the file is not what {media_type} should be; {kept}")


def _bound_to(person_ref: str, digest: str) -> bytes:
    return f"{person_ref}/attachment/{digest}".encode()


def _sync(folder: Path) -> None:
    """Make renames and deletions in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
