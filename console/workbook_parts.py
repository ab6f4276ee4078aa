"""A workbook's archive and its XML, opened with bounds: nothing that a file says makes this allocate or run without end.

XLSX is a ZIP archive of XML parts (ECMA-376, ISO/IEC 29500). The parts are read as streams by expat itself: a tree of a part,
or a library that fills the gaps between rows, takes gigabytes for a file of kilobytes. A part that declares a document type is
refused, so there are no entities, of this file or of any other address.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal
from xml.parsers import expat

__all__ = ["UNPACKED_BYTES_MAX", "Archive", "Attributes", "WorkbookError", "parsed"]

ENTRIES_MAX = 4_096
"""Entries of the archive."""
DIRECTORY_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of the archive's list of entries, which is held in memory."""
UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""Bytes of all parts when unpacked."""
INFLATION_MAX = 200
"""Bytes that one byte of the file may unpack to; sheets of offices come to about 20."""
INFLATION_FREE_BYTES = 16 * 1024 * 1024
"""Bytes that any file may unpack to, however small it is."""
CHUNK_BYTES = 64 * 1024
TOKEN_BYTES_MAX = 1024 * 1024
"""Bytes of one tag with its attributes, which expat holds in memory."""
DEPTH_MAX = 64
"""Elements inside each other."""
RELATIONSHIPS_MAX = 4_096

Attributes = dict[str, str]
Code = Literal["not-xlsx", "broken-xlsx", "unpacks-too-much"]

_END_OF_DIRECTORY = b"PK\x05\x06"
_END_BYTES_MAX = 22 + 65_535
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, expat.ExpatError, ValueError, LookupError)
"""What the archive, its unpacking and its XML raise when they are damaged."""


class WorkbookError(Exception):
    """The workbook cannot be read, or not from here on."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


class Archive:
    """The parts of an XLSX file, by name. Raises WorkbookError."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            packed = _check_directory(file)
            self._zip = zipfile.ZipFile(file)
        except _BROKEN:
            raise WorkbookError("not-xlsx") from None
        infos = self._zip.infolist()
        self._infos = {info.filename.casefold(): info for info in infos}
        unpacked = sum(info.file_size for info in infos)
        if unpacked > min(UNPACKED_BYTES_MAX, max(INFLATION_FREE_BYTES, INFLATION_MAX * packed)):
            raise WorkbookError("unpacks-too-much")
        if len(infos) > ENTRIES_MAX or len(self._infos) != len(
            infos
        ):  # Of two parts with one name, programs read different ones.
            raise WorkbookError("not-xlsx")

    def close(self) -> None:
        self._zip.close()

    def chunks(self, part: str) -> Iterator[bytes]:
        """The bytes of a part, unpacked as they are asked for. Raises WorkbookError, also halfway."""
        info = self._infos.get(part.casefold())
        # Other ways to pack are no part of the format, and some take as much memory as the archive asks for.
        if info is None or info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise WorkbookError("not-xlsx")
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
        except _BROKEN:
            raise WorkbookError("broken-xlsx") from None

    def relationships(self, part: str) -> dict[str, tuple[str, str]]:
        """Id → (last word of its type, part that it points to) of a part, "" for the package. Raises WorkbookError."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, given: Attributes) -> None:
            if name != "Relationship" or given.get("TargetMode") == "External":
                return
            if len(found) >= RELATIONSHIPS_MAX:
                raise WorkbookError("not-xlsx")
            target = posixpath.normpath(posixpath.join("/", folder, given.get("Target", ""))).lstrip("/")
            found[given.get("Id", "")] = (given.get("Type", "").rpartition("/")[2], target)

        for _ in parsed(self.chunks(posixpath.join(folder, "_rels", f"{name}.rels")), start):
            pass
        return found


def _check_directory(file: BinaryIO) -> int:
    """Look at the archive's end, before its list of entries is read. Returns the file's bytes. Raises WorkbookError."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES_MAX))
    tail = file.read()
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(tail) < at + 22:
        raise WorkbookError("not-xlsx")
    entries, directory_bytes = struct.unpack("<HI", tail[at + 10 : at + 16])
    if entries > ENTRIES_MAX or directory_bytes > DIRECTORY_BYTES_MAX:
        raise WorkbookError("not-xlsx")
    file.seek(0)
    return size


def parsed(
    chunks: Iterator[bytes],
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Parse a part chunk by chunk, and yield after each: what the handlers have gathered by then can be taken away.

    Names come without their prefixes, attributes with them. Raises WorkbookError for what is no XML, is cut off, declares a
    document type, or has a tag or a depth beyond the bounds; and what the handlers raise.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def opened(name: str, given: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise WorkbookError("broken-xlsx")
        start(name[name.find(":") + 1 :], given)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end is not None:
            end(name[name.find(":") + 1 :])

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.StartDoctypeDeclHandler = _refuse_document_type
    if text is not None:
        parser.CharacterDataHandler = text
    fed = 0
    try:
        for chunk in chunks:
            fed += len(chunk)
            parser.Parse(chunk, False)
            if fed - parser.CurrentByteIndex > TOKEN_BYTES_MAX:
                raise WorkbookError("broken-xlsx")
            yield
        parser.Parse(b"", True)
    except _BROKEN:
        raise WorkbookError("broken-xlsx") from None
    yield


def _refuse_document_type(*_: object) -> None:
    raise WorkbookError("broken-xlsx")
