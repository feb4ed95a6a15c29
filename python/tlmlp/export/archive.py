"""The entries of a model file: an uncompressed zip archive, read by the rules of csrc/core/src/zip.cpp.

Readers of zip archives differ in what they take from a file that holds more than one: those here take none. The table of
contents must lie where the end record says, directly before it, and the end record must be the end of the file.
"""

import struct
import zlib

from tlmlp.errors import TlmlpError

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_NONE32 = 0xFFFFFFFF


def stored_entry(archive: bytes, name: str) -> bytes:
    """Contents of the one uncompressed entry ``STEM/extra/NAME``, compared with its checksum.

    :raises TlmlpError: on anything that is not in order
    """
    begin, end, entries = _table(archive)
    suffix = f"/extra/{name}".encode()
    at, found = begin, None
    for _ in range(entries):
        path, fields, at = _entry(archive, at)
        if path.endswith(suffix):
            if found is not None:
                raise TlmlpError(f"it holds {name} more than once")
            found = fields
    if at != end:
        raise TlmlpError("it is damaged: its table of contents has another length than its end record says")
    if found is None:
        raise TlmlpError("it was not written by `tlmlp export`")
    flags, method, crc, packed, size, local = found
    if method != 0 or packed != size or flags & 1:
        raise TlmlpError(f"its {name} is compressed or encrypted")
    if _part(archive, local, 30)[:4] != _LOCAL:
        raise TlmlpError(f"it is damaged: its {name} is not where it should be")
    names = sum(struct.unpack_from("<HH", archive, local + 26))
    content = _part(archive, local + 30 + names, size)
    if zlib.crc32(content) != crc:
        raise TlmlpError(f"it is damaged: the checksum of {name} does not match")
    return content


def _part(archive: bytes, at: int, size: int) -> bytes:
    if at > len(archive) or size > len(archive) - at:
        raise TlmlpError("it is damaged or cut short: it points beyond its end")
    return archive[at : at + size]


def _table(archive: bytes) -> tuple[int, int, int]:
    """Begin and end of the table of contents, and the number of its entries."""
    end = len(archive) - 22
    if end < 0 or archive[end : end + 4] != _END:
        raise TlmlpError("it is no model, or damaged or cut short")
    entries, size, offset, comment = struct.unpack_from("<HIIH", archive, end + 10)
    if comment:
        raise TlmlpError("it is damaged, or more than one archive: its end record has a comment")
    if end >= 20 and archive[end - 20 : end - 16] == _LOCATOR64:
        (record,) = struct.unpack_from("<Q", archive, end - 12)
        if _part(archive, record, 56)[:4] != _END64 or record + 56 != end - 20:
            raise TlmlpError("it is damaged, or more than one archive: its end record is not where it should be")
        entries, size, offset = struct.unpack_from("<QQQ", archive, record + 32)
        end = record
    if offset + size != end:
        raise TlmlpError(
            "it is damaged, or more than one archive: its table of contents does not end at the end record"
        )
    return offset, end, entries


def _entry(archive: bytes, at: int) -> tuple[bytes, tuple[int, ...], int]:
    """Path of the entry at ``at``; flags, method, checksum, packed size, size and place; where the next one begins."""
    if _part(archive, at, 46)[:4] != _CENTRAL:
        raise TlmlpError("it is damaged: its table of contents is broken")
    flags, method = struct.unpack_from("<HH", archive, at + 8)
    crc, packed, size, path_size, extra_size, comment = struct.unpack_from("<IIIHHH", archive, at + 16)
    (local,) = struct.unpack_from("<I", archive, at + 42)
    path = _part(archive, at + 46, path_size)
    extra = at + 46 + path_size
    _part(archive, extra, extra_size)
    # zip64: the fields that are all ones follow in order in the extra field 1.
    values, place = {"size": size, "packed": packed, "local": local}, extra
    while place + 4 <= extra + extra_size:
        kind, length = struct.unpack_from("<HH", archive, place)
        field = place + 4
        for key in values if kind == 1 else ():
            if values[key] == _NONE32:
                values[key] = int.from_bytes(_part(archive, field, 8), "little")
                field += 8
        place += 4 + length
    fields = (flags, method, crc, values["packed"], values["size"], values["local"])
    return path, fields, extra + extra_size + comment
