"""Makes blocks.txt with llama.cpp's gguf package: `python blocks.py` (gguf 0.19, numpy).

A line has a type, blocks in base 64, and the SHA-256 of the floats that gguf decodes them to. Bits
are random, but that blocks number every point of the type's grid.
"""

import base64
import hashlib
import pathlib

import gguf
import numpy as np

rng = np.random.default_rng(1)


def put(raw, byte, shift, bits, values):
    """Sets bits of a byte of each block."""
    mask = (1 << bits) - 1 << shift
    raw[:, byte] = raw[:, byte] & ~np.uint8(mask & 255) | (values << shift & mask).astype(np.uint8)


def number_points(name, raw):
    """Numbers grid points p, p + 1, p + 2 ... consecutively from block to block."""
    count = 64 if name.startswith("IQ3") else 32
    for i in range(count):
        p = np.arange(len(raw)) * count + i
        if name == "IQ2_XS":
            raw[:, 2 + 2 * i] = p & 255
            put(raw, 3 + 2 * i, 0, 1, p >> 8)
            continue
        low = {"IQ1_M": i, "IQ2_XXS": 2 + i // 4 * 8 + i % 4}.get(name, 2 + i)
        raw[:, low] = p & 255
        match name:
            case "IQ3_S":
                put(raw, 66 + i // 8, i % 8, 1, p >> 8)
            case "IQ2_S":
                put(raw, 66 + i // 4, i % 4 * 2, 2, p >> 8)
            case "IQ1_M":
                put(raw, 32 + i // 2, i % 2 * 4, 3, p >> 8)
            case "IQ1_S":
                for bit in range(3):
                    at = i % 4 * 3 + bit
                    put(raw, 34 + i // 4 * 2 + at // 8, at % 8, 1, p >> 8 + bit & 1)


def put_d(name, raw):
    """Returns half-precision numbers of both signs, denormals included."""
    d = (rng.standard_normal(len(raw)) * 0.01).astype(np.float16).view(np.uint16).astype(int)
    d[0] = 0x03FF
    if name == "IQ1_M":
        for i in range(4):
            put(raw, 49 + 2 * i, 4, 4, d >> 4 * i)
        return
    at = {"TQ1_0": 52, "TQ2_0": 64}.get(name, 0)
    raw[:, at], raw[:, at + 1] = d & 255, d >> 8


POINTS = dict(IQ3_S=512, IQ3_XXS=256, IQ2_S=1024, IQ2_XS=512, IQ2_XXS=256, IQ1_M=2048, IQ1_S=2048)

with open(pathlib.Path(__file__).with_name("blocks.txt"), "w") as out:
    for name in [*POINTS, "IQ4_XS", "TQ1_0", "TQ2_0"]:
        kind = gguf.GGMLQuantizationType[name]
        blocks = POINTS.get(name, 0) // (64 if name.startswith("IQ3") else 32) or 4
        raw = rng.integers(0, 256, (blocks, gguf.GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
        if name in POINTS:
            number_points(name, raw)
        put_d(name, raw)
        floats = gguf.quants.dequantize(raw, kind).astype("<f4").tobytes()
        print(name, base64.b64encode(raw).decode(), hashlib.sha256(floats).hexdigest(), file=out)
