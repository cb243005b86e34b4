"""Trains and runs sparse autoencoders with SAELens, for training.py.

It runs in an environment of its own, since SAELens needs another TransformerLens. Arguments:
directories, each with settings.json, initial weights and rows in tensors.safetensors, and what
Vidrio trained in sae; results.safetensors is written. Needs sae-lens.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import sae_lens
import torch
from safetensors.torch import load_file, save_file
from sae_lens.config import SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer


def new_trainer(settings: dict, width: int, features: int, steps: int) -> SAETrainer:
    """Returns SAELens's trainer of a new autoencoder."""
    config = getattr(sae_lens, f"{settings['class']}TrainingSAEConfig")
    return SAETrainer(
        SAETrainerConfig(
            total_training_samples=steps * settings["batch"],
            train_batch_size_samples=settings["batch"],
            lr=settings["rate"],
            lr_end=settings["rate"],
            lr_decay_steps=steps // 5,
            dead_feature_window=settings["dead_after"] - 1,
        ),
        getattr(sae_lens, f"{settings['class']}TrainingSAE")(
            config(d_in=width, d_sae=features, **settings["config"])
        ),
        iter(()),
    )


def train(directory: Path):
    settings = json.loads((directory / "settings.json").read_text())
    tensors = load_file(directory / "tensors.safetensors")
    rows, batch = tensors.pop("rows"), settings["batch"]
    inputs = tensors.pop("inputs")
    trainer = new_trainer(settings, rows.shape[1], tensors["W_dec"].shape[0], len(rows) // batch)
    sae = trainer.sae
    for name, values in tensors.items():
        parameter = sae.get_parameter(name)
        parameter.data.copy_(values.reshape(parameter.shape))
    losses, dead = [], []
    for x in rows.split(batch):
        step = trainer.step(x)
        trainer.n_training_steps += 1
        losses.append((step.losses["mse_loss"] * len(x) / x.pow(2).sum()).item())
        dead.append(trainer.dead_neurons.sum().item())
    if hasattr(sae, "threshold"):
        sae.threshold.data.clamp_(min=0)  # as before the next step
    results = {name: values.detach().contiguous() for name, values in sae.named_parameters()}
    results |= {"losses": torch.tensor(losses), "dead": torch.tensor(dead)}
    opened = sae_lens.SAE.load_from_disk(directory / "sae")
    results["features"] = opened.encode(inputs).detach()
    save_file(results, directory / "results.safetensors", {"program": f"SAELens {version('sae-lens')}"})


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        train(Path(argument))
