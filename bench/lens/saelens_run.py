"""Trains a sparse autoencoder with SAELens from weights of its own, for sae_run.py.

It measures the result and that of Vidrio on activations that were held out. The argument is a
directory with settings.json, activations in tensors.safetensors, and what Vidrio trained in sae;
results are printed as JSON. Needs sae-lens.
"""

import json
import math
import sys
import time
from importlib.metadata import version
from pathlib import Path

import sae_lens
import torch
from safetensors.torch import load_file
from saelens_trainer import new_trainer


def shuffled(rows: torch.Tensor, batch: int, steps: int):
    """Gives batches of rows in random order, drawn anew for each pass."""
    left = steps
    while left > 0:
        for chosen in torch.randperm(len(rows)).split(batch)[: len(rows) // batch][:left]:
            yield rows[chosen]
            left -= 1


@torch.no_grad()
def measure(sae, rows: torch.Tensor, trained: torch.Tensor) -> dict:
    """Returns the squared error by the rows' own, L0, and the number of features never active."""
    features = sae.encode(rows)
    error = (sae.decode(features) - rows).pow(2).sum() / rows.pow(2).sum()
    active = torch.zeros(features.shape[1], dtype=torch.bool)
    for part in trained.split(4096):
        active |= (sae.encode(part) != 0).any(0)
    l0 = (features != 0).sum(1).float().mean()
    return {"error": error.item(), "l0": l0.item(), "dead": int((~active).sum())}


def main(directory: Path) -> None:
    settings = json.loads((directory / "settings.json").read_text())
    tensors = load_file(directory / "tensors.safetensors")
    rows, held_out = tensors["rows"], tensors["held_out"]
    ours = measure(sae_lens.SAE.load_from_disk(directory / "sae"), held_out, rows)
    scale = math.sqrt(rows.shape[1]) / rows.norm(dim=1).mean()
    steps = settings["steps"]
    torch.manual_seed(0)
    trainer = new_trainer(settings, rows.shape[1], settings["features"], steps)
    cpu, start = time.process_time(), time.perf_counter()
    for x in shuffled(rows * scale, settings["batch"], steps):
        trainer.step(x)
        trainer.n_training_steps += 1
    theirs = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    trainer.sae.save_inference_model(directory / "theirs")
    opened = sae_lens.SAE.load_from_disk(directory / "theirs")
    theirs |= measure(opened, held_out * scale, rows * scale)
    program = f"SAELens {version('sae-lens')}, PyTorch {torch.__version__.split('+')[0]}"
    print(json.dumps({"ours": ours, "theirs": theirs, "program": program}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
