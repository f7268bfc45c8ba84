"""Small files of each kind, made here, and how to tell that they arrived whole."""

import base64
import hashlib
import struct
import zlib


def _chunk(kind, content):
    checksum = zlib.crc32(kind + content) & 0xFFFFFFFF
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(seed, side=64):
    """A picture of noise that every decoder takes; another seed gives another one."""
    rows = b"".join(
        b"\0" + hashlib.shake_128(f"{seed}/{row}".encode()).digest(side) for row in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


OGG = b"OggS\0\x02" + bytes(20) + b"OpusHead" + bytes(200)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def media(name, content_type, content):
    """The same as the lab takes it."""
    return {"file_name": name, "content_type": content_type,
            "base64": base64.b64encode(content).decode()}


def digest(content):
    """SHA-256, as screens show it."""
    return hashlib.sha256(content).hexdigest()
