"""Makes plain.gguf, weighted.gguf, imatrix.gguf and mixes.txt with llama.cpp's llama-quantize:

    python make.py PATH_OF_LLAMA_QUANTIZE      (needs numpy and llama.cpp's gguf)

plain.gguf and weighted.gguf hold one matrix as F32 and in every type, the second with the importance
of imatrix.gguf. mixes.txt has the types of tensors in order of layers, for each file type and model, 3xQ6_K for three
of one.
"""

import pathlib
import subprocess
import sys
import tempfile
from itertools import groupby

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
TYPES = "F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K_S Q4_K_S Q5_K_S Q6_K IQ4_NL IQ4_XS MXFP4_MOE".split()
SEARCHED = "Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K_S Q4_K_S Q5_K_S Q6_K IQ4_NL IQ4_XS".split()
FILE_TYPES = TYPES + "Q3_K_M Q3_K_L Q4_K_M Q5_K_M".split()
ROWS = "attn_q attn_k attn_v attn_qkv attn_output ffn_gate ffn_up ffn_down".split()
rng = np.random.default_rng(20)


def matrix():
    """Returns rows of several kinds: Gaussian, heavy-tailed, positive, sparse, constant, tiny."""
    x = rng.standard_normal((6, 512)) * 0.05
    x[1] = rng.standard_t(3, 512) * 0.02
    x[2] = abs(x[2])
    x[3, :300] = 0
    x[4, :256] = 0.25
    x[5] *= 1e-6
    return x.astype(np.float32)


def write(path, architecture, keys, tensors):
    w = gguf.GGUFWriter(path, architecture)
    for key, value in dict(context_length=64, embedding_length=512, feed_forward_length=512).items():
        w.add_uint32(f"{architecture}.{key}", value)
    for key, value in keys.items():
        w.add_uint32(f"{architecture}.{key}", value)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_layer_norm_eps(1e-5)
    w.add_vocab_size(4)
    w.add_tokenizer_model("gpt2")
    w.add_token_list(["a", "b", "c", "d"])
    for name, data in tensors.items():
        w.add_tensor(name, data)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def quantize(source, target, file_type, *options):
    subprocess.run(
        [sys.argv[1], *options, source, target, file_type, "1"], check=True, capture_output=True
    )
    return gguf.GGUFReader(target).tensors


def importance(path, sums):
    w = gguf.GGUFWriter(path, "")
    w.add_type("imatrix")
    w.add_array("imatrix.datasets", ["none"])
    w.add_uint32("imatrix.chunk_count", 1)
    w.add_uint32("imatrix.chunk_size", 512)
    for name, data in sums.items():
        w.add_tensor(name + ".in_sum2", data)
        w.add_tensor(name + ".counts", np.array([[37]], np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def blocks(directory):
    name = "blk.0.ffn_up.weight"
    keys = {"block_count": 1, "attention.head_count": 4, "attention.head_count_kv": 4}
    x = matrix()
    write(directory / "source.gguf", "llama", keys, {name: x, "output.weight": x})
    sums = (np.exp(rng.standard_normal((1, 512)) * 1.5) * 100).astype(np.float32)
    importance(HERE / "imatrix.gguf", {name: sums, "output.weight": sums})
    for out, types, options in [
        ("plain.gguf", TYPES, []),
        ("weighted.gguf", SEARCHED, ["--imatrix", HERE / "imatrix.gguf"]),
    ]:
        w = gguf.GGUFWriter(HERE / out, "blocks")
        w.add_tensor("F32", x)
        for file_type in types:
            for tensor in quantize(
                directory / "source.gguf", directory / "q.gguf", file_type, "--pure", *options
            ):
                if tensor.name == name:
                    data = np.array(tensor.data).view(np.uint8).reshape(6, -1)
                    w.add_tensor(tensor.tensor_type.name, data, raw_dtype=tensor.tensor_type)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()


def mixes(directory):
    importance(directory / "other.gguf", {"other": np.ones((1, 32), np.float32)})
    models = {
        "plain": ("llama", 16, 2, 0, 512, True),
        "grouped": ("llama", 24, 4, 0, 256, False),
        "experts": ("llama", 16, 4, 8, 256, True),
        "narrow": ("llama", 30, 3, 0, 288, False),
        "odd": ("llama", 8, 1, 0, 48, True),
        "fused": ("gpt2", 12, 1, 0, 256, False),
    }
    with open(HERE / "mixes.txt", "w") as out:
        for model, (architecture, layers, group, experts, k, untied) in models.items():
            tensors = {"token_embd.weight": np.ones((2, k), np.float32)}
            if untied:
                tensors["output.weight"] = np.ones((2, k), np.float32)
            if architecture == "gpt2":
                tensors["position_embd.weight"] = np.ones((2, k), np.float32)
            for layer in range(layers):
                for role in ROWS:
                    if (role == "attn_qkv") != (architecture == "gpt2") and "attn_" in role:
                        if role != "attn_output":
                            continue
                    stack = experts > 0 and role.startswith("ffn")
                    shape = (experts, 2, k) if stack else (2, k)
                    suffix = "_exps" if stack else ""
                    tensors[f"blk.{layer}.{role}{suffix}.weight"] = np.ones(shape, np.float32)
            keys = {"block_count": layers, "attention.head_count": 12}
            keys["attention.head_count_kv"] = 12 // group
            if experts > 0:
                keys |= {"expert_count": experts, "expert_used_count": 2}
            write(directory / "mix.gguf", architecture, keys, tensors)
            for weighted in (False, True):
                options = []
                if weighted:
                    options = ["--imatrix", directory / "other.gguf"]
                for file_type in FILE_TYPES:
                    found = quantize(directory / "mix.gguf", directory / "m.gguf", file_type, *options)
                    types = {t.name: t.tensor_type.name for t in found}
                    for role in ["token_embd", "output", "position_embd", *ROWS]:
                        row = [types[n] for n in tensors if f".{role}" in "." + n.split("_exps")[0]
                               and n.replace("_exps", "").endswith(role + ".weight")]
                        if row:
                            label = "weighted" if weighted else "plain"
                            runs = [f"{len(list(run))}x{name}" for name, run in groupby(row)]
                            print(model, label, file_type, role, *runs, file=out)


with tempfile.TemporaryDirectory() as name:
    blocks(pathlib.Path(name))
    mixes(pathlib.Path(name))
