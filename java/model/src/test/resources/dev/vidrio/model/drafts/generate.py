"""Writes tiny random models with a draft block, and EAGLE-3 heads, and what llama.cpp computes.

    python generate.py LLAMA_CPP LIBRARIES [NAME…]

LLAMA_CPP is the directory of llama.cpp's sources, LIBRARIES that of libllama.so. Each model is one
of the architecture tests (`../architecture`) and one more block, of the shapes of its last layer
with attention, all weights random. `NAME.gguf` is the file, `NAME.safetensors` has `tokens` int32
[n] and the results of `oracle.cpp`: `logits` float32 [n, V], `block_logits` [n, V] and `drafts`
[COUNT, V]. GLM-4.5 has an embedding and an unembedding of the block, the others share those of the
model.

`heads/NAME.gguf` is an EAGLE-3 head for the architecture test of this name; `block_logits`
[n - 1, V] begin with the second token, and are -infinity for tokens that the head lacks.

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
# The layers that heads read; a shape of their own with a vocabulary of their own, or that of the model.
HEADS = {"llama": ([0, 1, 1], False), "qwen3": ([1, 0, 1], True)}
OWN_WIDTH, OWN_FEED_FORWARD, OWN_TOKENS, HEAD_WIDTH = 64, 40, 20, 16
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
    finish(writer)


def write_head(name: str, file: Path, exact: bool) -> None:
    """Writes an EAGLE-3 head, in F32 if exact, else in BF16 of the same values."""
    layers, own = HEADS[name]
    width, vocabulary = embedding_shape(gguf.GGUFReader(MODELS / name / "model.gguf"))
    d = OWN_WIDTH if own else width
    heads, kv_heads = (6, 3) if own else (4, 2)
    writer = gguf.GGUFWriter(file, "eagle3")
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(vocabulary)
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(d)
    writer.add_feed_forward_length(OWN_FEED_FORWARD)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(HEAD_WIDTH)
    writer.add_value_length(HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_target_layers(layers)
    writer.add_target_hidden_size(width)
    writer.add_norm_before_residual(not own)
    random = np.random.default_rng(zlib.crc32(f"head of {name}".encode()))
    shapes = {
        "fc.weight": (d, len(layers) * width),
        "blk.0.attn_norm.weight": (d,),
        "blk.0.attn_norm_2.weight": (d,),
        "blk.0.attn_q.weight": (heads * HEAD_WIDTH, 2 * d),
        "blk.0.attn_k.weight": (kv_heads * HEAD_WIDTH, 2 * d),
        "blk.0.attn_v.weight": (kv_heads * HEAD_WIDTH, 2 * d),
        "blk.0.attn_output.weight": (d, heads * HEAD_WIDTH),
        "blk.0.ffn_norm.weight": (d,),
        "blk.0.ffn_gate.weight": (OWN_FEED_FORWARD, d),
        "blk.0.ffn_up.weight": (OWN_FEED_FORWARD, d),
        "blk.0.ffn_down.weight": (d, OWN_FEED_FORWARD),
        "output_norm.weight": (d,),
    }
    if own:
        shapes |= {
            "token_embd.weight": (vocabulary, d),
            "output.weight": (OWN_TOKENS, d),
            "rope_freqs.weight": (HEAD_WIDTH // 2,),
        }
    for tensor, shape in shapes.items():
        drawn = draw(random, tensor.replace("token_embd", "token_embed"), shape)
        add(writer, tensor, drawn, BF16 if len(shape) > 1 and not exact else F32)
    if own:
        tokens = np.sort(random.permutation(vocabulary)[:OWN_TOKENS]).astype(np.int64)
        writer.add_tensor("d2t", tokens, raw_dtype=gguf.GGMLQuantizationType.I64)
    finish(writer)


def finish(writer: gguf.GGUFWriter) -> None:
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
    save(oracle, file, "-", name, HERE / f"{name}.safetensors")


def generate_head(oracle: Path, name: str) -> None:
    write_head(name, HERE / f"heads/{name}.gguf", exact=False)
    file, head = oracle.with_name("exact.gguf"), oracle.with_name("head.gguf")
    write_exact(name, file)
    write_head(name, head, exact=True)
    save(oracle, file, head, name, HERE / f"heads/{name}.safetensors")


def write_exact(name: str, file: Path) -> None:
    """Writes a model in F32."""
    reader = gguf.GGUFReader(MODELS / name / "model.gguf")
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(file, architecture)
    copy_metadata(reader, writer, {f"{architecture}.vocab_size"})
    writer.add_vocab_size(embedding_shape(reader)[1])
    for tensor in reader.tensors:
        add(writer, tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type), F32)
    finish(writer)


def save(oracle: Path, file: Path, head: Path | str, name: str, results: Path) -> None:
    tokens = load_file(MODELS / name / "expected.safetensors")["tokens"]
    command = [oracle, file, head, str(COUNT), *map(str, tokens)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    n = len(tokens)
    of_block = n if head == "-" else n - 1
    rows = np.frombuffer(output, np.float32).reshape(n + of_block + COUNT, -1)
    parts = dict(logits=rows[:n], block_logits=rows[n : n + of_block], drafts=rows[n + of_block :])
    parts = {key: np.ascontiguousarray(values) for key, values in parts.items()}
    save_file({"tokens": tokens} | parts, results)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes tiny models with draft blocks.")
    parser.add_argument("llama_cpp", type=Path, help="directory of llama.cpp's sources")
    parser.add_argument("libraries", type=Path, help="directory of libllama.so")
    parser.add_argument("names", nargs="*", help="which models, without heads (default all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        oracle = Path(directory) / "oracle"
        build_oracle(arguments.llama_cpp, arguments.libraries.resolve(), oracle)
        for name in arguments.names or NAMES:
            generate(oracle, name)
        for name in () if arguments.names else HEADS:
            generate_head(oracle, name)


if __name__ == "__main__":
    main()
