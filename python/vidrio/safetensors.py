"""Reads and writes tensors in the format of safetensors."""

import json
from collections.abc import Mapping

import numpy as np

_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_NAMES = {np.dtype(of): name for name, of in _TYPES.items()}


def read(data: bytes) -> dict[str, np.ndarray]:
    """Returns the tensors of a file: read-only views of its bytes, but BF16 as float32."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    body = memoryview(data)[8 + size :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = body[begin:end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        elif entry["dtype"] in _TYPES:
            values = np.frombuffer(raw, _TYPES[entry["dtype"]])
        else:
            raise ValueError(f"tensor {name}: type {entry['dtype']} is not supported")
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def write(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Returns the bytes of a file with tensors."""
    header, body, offset = {}, [], 0
    for name, tensor in tensors.items():
        array = np.ascontiguousarray(tensor)
        if array.dtype not in _NAMES:
            raise ValueError(f"tensor {name}: type {array.dtype} is not supported")
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(np.shape(tensor)),
            "data_offsets": [offset, offset + array.nbytes],
        }
        body.append(array.tobytes())
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *body])
