"""Information flow routes against the program of the method's authors.

The program is a checkout of https://github.com/facebookresearch/llm-transparency-tool. Its functions
compute the shares of all edges from activations that `lens cache` writes and the output matrices of
the file. The program adds small constants to distances and clips proximities at another, which a
share of the formula does not have: they are set to 0 here.
"""

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import gguf
import numpy as np
import torch
import typeguard
from row import Row
from safetensors.torch import load_file

TEXT = "The capital of France is Paris. The capital of Spain is"
HOOKS = ["pattern", "v", "resid_pre", "resid_mid", "resid_post", "mlp_out"]


def outputs(path: str, layers: int) -> list[torch.Tensor]:
    """Returns W_O of each layer, [K, d]."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    names = [f"blk.{layer}.attn_output.weight" for layer in range(layers)]
    return [
        torch.tensor(gguf.dequantize(tensors[name].data, tensors[name].tensor_type)).T.double()
        for name in names
    ]


def theirs(program, cache: dict, outputs: list[torch.Tensor]) -> dict:
    """Returns the program's shares by layer, block, source, stream and token."""
    shares = {}
    for layer, output in enumerate(outputs):
        point = f"blocks.{layer}."
        stream = {
            name: cache[f"{point}hook_{name}"].double()
            for name in ["resid_pre", "resid_mid", "resid_post", "mlp_out"]
        }
        pattern = cache[f"{point}attn.hook_pattern"].double()
        heads, tokens, _ = pattern.shape
        v = cache[f"{point}attn.hook_v"].double()
        v = v.repeat_interleave(heads // v.shape[1], dim=1)
        added = torch.einsum("jhk,hkd->jhd", v, output.reshape(heads, -1, output.shape[1]))
        parts = torch.einsum("hij,jhd->ijhd", pattern, added)
        head, before = program.get_attention_contributions(
            stream["resid_pre"][None], stream["resid_mid"][None], parts[None]
        )
        mlp, middle = program.get_mlp_contributions(
            stream["resid_mid"][None], stream["resid_post"][None], stream["mlp_out"][None]
        )
        for i in range(tokens):
            own = [("residual", "mid", before), ("residual", "post", middle), ("mlp", "post", mlp)]
            for block, into, share in own:
                key = (f"L{layer}.{block}", i, f"hook_resid_{into}", i)
                shares[key] = share[0, i].item()
            for h in range(heads):
                for j in range(i + 1):
                    key = (f"L{layer}.H{h}", j, "hook_resid_mid", i)
                    shares[key] = head[0, i, j, h].item()
    return shares


def stream(edge: tuple) -> tuple:
    """Returns the stream that an edge adds to."""
    block, _, into, token = edge
    return block.split(".")[0], into, token


@contextmanager
def without_constants():
    """Sets the constants of distances and clipped proximities to 0 while the block runs."""
    distance, clip = torch.nn.functional.pairwise_distance, torch.Tensor.clip
    torch.nn.functional.pairwise_distance = lambda a, b, p: distance(a, b, p=p, eps=0)
    torch.Tensor.clip = lambda x, min: clip(x, min=0)
    try:
        yield
    finally:
        torch.nn.functional.pairwise_distance, torch.Tensor.clip = distance, clip


def check(model, program: str) -> list[Row]:
    sys.path.insert(0, program)
    # New versions of typeguard reject the annotations of the program.
    typeguard.typechecked = lambda function: function
    from llm_transparency_tool.routes import contributions

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cache.safetensors"
        hooks = ",".join(f"*.hook_{name}" for name in HOOKS)
        model.run("lens", "cache", "-p", TEXT, "--hooks", hooks, "-o", str(path))
        cache = load_file(path)
    routes = model.vidrio("lens", "routes", "-p", TEXT, "--threshold", "0")
    ours = {(e["block"], e["from"], e["into"], e["to"]): e["share"] for e in routes["edges"]}
    reached = {stream(key) for key in ours}
    matrices = outputs(model.path, sum(name.endswith("hook_pattern") for name in cache))
    with without_constants():
        pairs = [
            (ours.get(key, 0), share)
            for key, share in theirs(contributions, cache, matrices).items()
            if stream(key) in reached
        ]
    return [
        Row(
            "information flow routes",
            "lens routes",
            "LLM Transparency Tool",
            f"maximum difference of {len(pairs)} shares",
            float(np.abs(np.subtract(*zip(*pairs, strict=True))).max()),
            1e-5,
        )
    ]
