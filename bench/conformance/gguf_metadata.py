"""Writes copies of a GGUF file with other metadata."""

import hashlib
import struct

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY, UINT32 = 8, 9, 4


def value_end(data, kind, at):
    """Returns the end of a value of a type at an offset."""
    if kind == STRING:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    if kind != ARRAY:
        return at + SIZES[kind]
    element, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if element != STRING:
        return at + count * SIZES[element]
    for _ in range(count):
        at = value_end(data, STRING, at)
    return at


def encoded(value):
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    text = value.encode()
    return struct.pack("<IQ", STRING, len(text)) + text


def write(source, directory, fields):
    """Adds string and integer fields that the source does not have. Returns the new file."""
    name = hashlib.sha256(repr((source.name, sorted(fields.items()))).encode()).hexdigest()[:16]
    target = directory / f"{name}.gguf"
    if target.exists():
        return target
    data = source.read_bytes()
    _, version, tensors, count = struct.unpack_from("<IIQQ", data, 0)
    at = 24
    for _ in range(count):
        at = value_end(data, STRING, at)
        at = value_end(data, struct.unpack_from("<I", data, at)[0], at + 4)
    fields_end = at
    for _ in range(tensors):
        at = value_end(data, STRING, at)
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 12
    aligned = -(-at // 32) * 32
    head = data[:16] + struct.pack("<Q", count + len(fields)) + data[24:fields_end]
    for key, value in fields.items():
        head += struct.pack("<Q", len(key)) + key.encode() + encoded(value)
    head += data[fields_end:at]
    directory.mkdir(parents=True, exist_ok=True)
    target.write_bytes(head + bytes(-len(head) % 32) + data[aligned:])
    return target
