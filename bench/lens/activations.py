"""Activations at hook points against those of TransformerLens under the same names."""

import tempfile
from pathlib import Path

import torch
from row import Row, cosine, error, program
from safetensors.numpy import load_file

TEXT = "The capital of France is Paris. The capital of Spain is"
SITES = (
    "hook_embed hook_resid_pre hook_resid_mid hook_resid_post attn.hook_q attn.hook_k attn.hook_v"
    " attn.hook_rot_q attn.hook_rot_k attn.hook_pattern attn.hook_z hook_attn_out mlp.hook_pre"
    " mlp.hook_post hook_mlp_out"
).split()


def as_transformers(site: str, values):
    """Returns queries or keys in the order of transformers: GGUF interleaves the rotated pairs."""
    if site.split("_")[-1] not in ("q", "k"):
        return values
    tokens, heads, width = values.shape
    return values.reshape(tokens, heads, width // 2, 2).swapaxes(2, 3).reshape(values.shape)


def check(model) -> list[Row]:
    hooks = ",".join("*." + site if "." in site else "*" + site for site in SITES)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cache.safetensors"
        model.run("lens", "cache", "-p", TEXT, "--hooks", hooks, "-o", str(path))
        ours = load_file(path)
    tokens = torch.tensor(ours["tokens"].astype("int64"))[None]
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(tokens)
    rows = []
    for site in SITES:
        names = [name for name in ours if name.endswith(site)]
        theirs = {name: cache[name][0].numpy() for name in names}
        pairs = [(as_transformers(site, ours[name]), theirs[name]) for name in names]
        errors = [error(*pair) for pair in pairs]
        cosines = [cosine(*pair) for pair in pairs]
        rows.append(
            Row(
                f"activations, `{site}`",
                "lens cache",
                program("transformer-lens", "TransformerLens"),
                f"relative error, maximum of {len(names)} (minimum cosine {min(cosines):.8f})",
                max(errors),
                1e-3,
            )
        )
    return rows
