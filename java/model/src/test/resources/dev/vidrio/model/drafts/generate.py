"""Writes tiny random models with a draft block, and what llama.cpp computes with it.

    python generate.py LLAMA_CPP LIBRARIES [NAME…]

LLAMA_CPP is the directory of llama.cpp's sources, LIBRARIES that of libllama.so. Each model is one
of the architecture tests (`../architecture`) and one more block, of the shapes of its last layer
with attention, all weights random. `NAME.gguf` is the file, `NAME.safetensors` has `tokens` int32
[n] and the results of `oracle.cpp`: `logits` float32 [n, V], `block_logits` [n, V] and `drafts`
[COUNT, V]. GLM-4.5 has an embedding and an unembedding of the block, the others share those of the
model.

Needs numpy, gguf and safetensors.
"""

import argparse
import math
import subprocess
import tempfile
import zlib
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
MODELS = HERE.parent / "architecture"
NAMES = ("deepseek3", "glm4-flash", "glm4moe", "hy_v3", "qwen3next", "qwen35", "qwen35moe")
OWN_EMBEDDINGS = ("glm4moe",)
COUNT = 4
BF16 = gguf.GGMLQuantizationType.BF16
F32 = gguf.GGMLQuantizationType.F32


def copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter, replaced: set[str]) -> None:
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in replaced | {"general.architecture"}:
            continue
        sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=sub_type)


def add(writer: gguf.GGUFWriter, name: str, values: np.ndarray, kind) -> None:
    if kind == BF16:
        writer.add_tensor(name, gguf.quants.quantize(values, BF16), raw_dtype=BF16)
    else:
        writer.add_tensor(name, values.astype(np.float32))


def draw(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draws a tensor as the generator of the architecture tests does, for BF16."""
    values = random.standard_normal(shape)
    if len(shape) > 1:
        scaled = values if "embed" in name else values * (1.25 / math.sqrt(shape[-1]))
    elif name.endswith(".weight"):
        scaled = 1 + values * 0.25
    else:
        scaled = values * 0.25
    bits = scaled.astype(np.float32).view(np.uint32)
    return (bits & 0xFFFF0000).view(np.float32)


def write(name: str, file: Path, exact: bool) -> None:
    """Writes a model with a block, in F32 if exact, else in BF16 of the same values."""
    reader = gguf.GGUFReader(MODELS / name / "model.gguf")
    architecture = reader.fields["general.architecture"].contents()
    key = f"{architecture}.block_count"
    layers = reader.fields[key].contents()
    writer = gguf.GGUFWriter(file, architecture)
    width, vocabulary = embedding_shape(reader)
    recurrent = f"{architecture}.attention.recurrent_layers"
    copy_metadata(reader, writer, {key, f"{architecture}.vocab_size", recurrent})
    if recurrent in reader.fields:
        writer.add_array(recurrent, [*reader.fields[recurrent].contents(), False])
    writer.add_vocab_size(vocabulary)  # needed without a tokenizer
    writer.add_uint32(key, layers + 1)
    writer.add_uint32(f"{architecture}.nextn_predict_layers", 1)
    if architecture == "deepseek2":  # llama.cpp's default depends on the number of layers
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    for tensor in reader.tensors:
        kind = F32 if exact else tensor.tensor_type
        add(writer, tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type), kind)
    like = max(
        int(tensor.name.split(".")[1]) for tensor in reader.tensors if ".attn_output." in tensor.name
    )
    prefix, block = f"blk.{like}.", f"blk.{layers}."
    for tensor in reader.tensors:
        if tensor.name.startswith(prefix):
            own = tensor.name.replace(prefix, block, 1)
            shape = tuple(int(n) for n in tensor.shape[::-1])
            kind = F32 if exact else tensor.tensor_type
            add(writer, own, draw(random, own, shape), kind)
    matrices = F32 if exact else BF16
    add(writer, block + "nextn.eh_proj.weight", draw(random, "eh", (width, 2 * width)), matrices)
    for norm in ("enorm", "hnorm", "shared_head_norm"):
        own = f"{block}nextn.{norm}.weight"
        add(writer, own, draw(random, own, (width,)), F32)
    if name in OWN_EMBEDDINGS:
        for matrix in ("embed_tokens", "shared_head_head"):
            own = f"{block}nextn.{matrix}.weight"
            add(writer, own, draw(random, own, (vocabulary, width)), matrices)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def embedding_shape(reader: gguf.GGUFReader) -> tuple[int, int]:
    """Returns the width and the number of rows of the embedding."""
    for tensor in reader.tensors:
        if tensor.name == "token_embd.weight":
            return int(tensor.shape[0]), int(tensor.shape[1])
    raise ValueError("no embedding")


def build_oracle(llama_cpp: Path, libraries: Path, program: Path) -> None:
    headers = [f"-I{llama_cpp / part}" for part in ("include", "ggml/include", "src")]
    links = [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lllama", "-lggml", "-lggml-base"]
    source = HERE / "oracle.cpp"
    subprocess.run(["c++", "-std=c++17", "-O1", *headers, source, "-o", program, *links], check=True)


def generate(oracle: Path, name: str) -> None:
    write(name, HERE / f"{name}.gguf", exact=False)
    # llama.cpp rounds activations to BF16 where weights are.
    file = oracle.with_name("exact.gguf")
    write(name, file, exact=True)
    tokens = load_file(MODELS / name / "expected.safetensors")["tokens"]
    command = [oracle, file, str(COUNT), *map(str, tokens)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    rows = np.frombuffer(output, np.float32).reshape(2 * len(tokens) + COUNT, -1)
    n = len(tokens)
    results = dict(logits=rows[:n], block_logits=rows[n : 2 * n], drafts=rows[2 * n :])
    results = {key: np.ascontiguousarray(values) for key, values in results.items()}
    save_file({"tokens": tokens} | results, HERE / f"{name}.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes tiny models with draft blocks.")
    parser.add_argument("llama_cpp", type=Path, help="directory of llama.cpp's sources")
    parser.add_argument("libraries", type=Path, help="directory of libllama.so")
    parser.add_argument("names", nargs="*", help="which models (default all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        oracle = Path(directory) / "oracle"
        build_oracle(arguments.llama_cpp, arguments.libraries.resolve(), oracle)
        for name in arguments.names or NAMES:
            generate(oracle, name)


if __name__ == "__main__":
    main()
