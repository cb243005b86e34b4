"""Writes a GGUF file with the widths of a large model, few layers and random weights.

    python random_model.py MODEL.gguf OUT.gguf [--shape qwen2.5-7b] [--layers 8] [--sparse]

MODEL.gguf is of the architecture llama or qwen2 and of the type Q4_K_M or Q6_K; it gives the
vocabulary, the types of the matrices, and all fields but the widths, which come from a file of
bench/shapes. The result is a llama, without biases, since most engines support it. Engines take as
much time for the result as for a real model of these widths and layers; its text has no meaning.
With --sparse all weights are zeros that take no space on disk, so that the file may be larger than
disk and memory. Needs numpy and gguf.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter

SHAPES = Path(__file__).resolve().parent.parent / "shapes"
# Of each type: weights and bytes of a block, and its f16 fields by offset. Random codes with these
# scales are weights with a mean near 0 and a standard deviation of about 0.02.
BLOCKS = {
    Type.Q4_K: (256, 144, {0: 6.5e-5, 2: 4.9e-4}),
    Type.Q6_K: (256, 210, {208: 1.5e-5}),
}


def random_blocks(random: np.random.Generator, kind: Type, rows: int, columns: int) -> np.ndarray:
    weights, size, scales = BLOCKS[kind]
    blocks = random.integers(0, 256, (rows * columns // weights, size), dtype=np.uint8)
    for offset, scale in scales.items():
        blocks[:, offset : offset + 2] = np.array([scale], np.float16).view(np.uint8)
    return blocks.reshape(rows, columns // weights * size)


def matrices(shape: dict, vocabulary: int) -> dict[str, tuple[int, int]]:
    """Returns rows and columns by the part of the tensor's name before `.weight`."""
    width, queries, keys = shape["d"], shape["H"] * shape["d_h"], shape["H_kv"] * shape["d_h"]
    return {
        "token_embd": (vocabulary, width),
        "output": (vocabulary, width),
        "attn_q": (queries, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, queries),
        "ffn_gate": (shape["d_ffn"], width),
        "ffn_up": (shape["d_ffn"], width),
        "ffn_down": (width, shape["d_ffn"]),
    }


def templates(reader: GGUFReader, layers: int) -> list:
    """Returns names and tensors of the model to write: layers repeat those of the given model."""
    found = {tensor.name: tensor for tensor in reader.tensors}
    depth = 1 + max(int(name.split(".")[1]) for name in found if name.startswith("blk."))
    result = [(name, tensor) for name, tensor in found.items() if not name.startswith("blk.")]
    for layer in range(layers):
        prefix = f"blk.{layer % depth}."
        result += [
            (f"blk.{layer}.{name.removeprefix(prefix)}", tensor)
            for name, tensor in found.items()
            if name.startswith(prefix)
        ]
    return [(name, tensor) for name, tensor in result if not name.endswith(".bias")]


def write_holes(writer: GGUFWriter) -> None:
    """Extends the file to its size without writing the tensors."""
    writer.write_ti_data_to_file()
    out, alignment = writer.fout[0], writer.data_alignment
    size = writer.ggml_pad(out.tell(), alignment)
    for tensor in writer.tensors[0].values():
        size += writer.ggml_pad(tensor.nbytes, alignment)
    out.truncate(size)


def write(model: str, out: str, shape: dict, layers: int, sparse: bool) -> None:
    reader = GGUFReader(model)
    architecture = reader.fields["general.architecture"].contents()
    if architecture not in ("llama", "qwen2"):
        raise ValueError(f"{model}: architecture {architecture}, must be llama or qwen2")
    writer = GGUFWriter(out, "llama")
    widths = {
        "block_count": layers,
        "embedding_length": shape["d"],
        "feed_forward_length": shape["d_ffn"],
        "attention.head_count": shape["H"],
        "attention.head_count_kv": shape["H_kv"],
        "rope.dimension_count": shape["d_h"],
    }
    for field in reader.fields.values():
        name = field.name.removeprefix(f"{architecture}.")
        key = field.name if name == field.name else f"llama.{name}"
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = widths.get(name, field.contents())
        if field.name == "general.name":
            value = f"random weights, {layers} layers of width {shape['d']}"
        item = field.types[1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(key, value, field.types[0], item)
    random = np.random.default_rng(1)
    vocabulary = len(reader.fields["tokenizer.ggml.tokens"].data)
    sizes = matrices(shape, vocabulary)
    for name, tensor in templates(reader, layers):
        kind = tensor.tensor_type
        if kind in BLOCKS:
            rows, columns = sizes[name.split(".")[-2]]
            if sparse:
                size = columns // BLOCKS[kind][0] * BLOCKS[kind][1]
                writer.add_tensor_info(name, (rows, size), np.dtype(np.uint8), rows * size, kind)
            else:
                writer.add_tensor(name, random_blocks(random, kind, rows, columns), raw_dtype=kind)
        elif kind == Type.F32 and len(tensor.shape) == 1:
            if sparse:
                writer.add_tensor_info(name, (shape["d"],), np.dtype(np.float32), 4 * shape["d"])
            else:
                writer.add_tensor(name, np.ones(shape["d"], np.float32))
        else:
            raise ValueError(
                f"{model}: {tensor.name} is {kind.name}, must be Q4_K or Q6_K"
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if sparse:
        write_holes(writer)
    else:
        writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a GGUF file with random weights.")
    parser.add_argument("model", help="GGUF file of the vocabulary and the types")
    parser.add_argument("out", help="the file to write")
    parser.add_argument(
        "--shape", default="qwen2.5-7b", help="a file of bench/shapes (default qwen2.5-7b)"
    )
    parser.add_argument("--layers", type=int, default=8, help="layers (default 8)")
    parser.add_argument(
        "--sparse", action="store_true", help="zeros that take no space on disk"
    )
    arguments = parser.parse_args()
    try:
        shape = json.loads((SHAPES / f"{arguments.shape}.json").read_text())
        write(arguments.model, arguments.out, shape, arguments.layers, arguments.sparse)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
