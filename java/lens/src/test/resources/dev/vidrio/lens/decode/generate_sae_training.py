#!/usr/bin/env python3
"""Writes steps of training of sparse autoencoders by SAELens.

Needs torch, safetensors and sae-lens. Usage: generate_sae_training.py
"""

from pathlib import Path

import sae_lens
import torch
from safetensors.torch import save_file
from sae_lens.config import SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer

HERE = Path(__file__).resolve().parent / "sae" / "training"
D, FEATURES, BATCH, STEPS, DEAD_AFTER, RATE = 6, 10, 8, 12, 3, 0.01
JUMP = {"l0_coefficient": 0.5, "jumprelu_bandwidth": 0.8, "l0_warm_up_steps": 4}

# The architecture in SAELens, its settings, and the number of features that begin dead.
KINDS = {
    "standard": ("Standard", {"l1_coefficient": 0.3, "l1_warm_up_steps": 4}, 0),
    "topk": ("TopK", {"k": 3}, 3),
    "abstopk": ("AbsTopK", {"k": 3}, 3),
    "matching-pursuit": ("MatchingPursuit", {"max_iterations": 4, "residual_threshold": 0.8}, 0),
    "batchtopk": ("BatchTopK", {"k": 3}, 4),
    "matryoshka": ("MatryoshkaBatchTopK", {"k": 3, "matryoshka_widths": [2, 5, 10]}, 3),
    "gated": ("Gated", {"l1_coefficient": 0.3, "l1_warm_up_steps": 4}, 0),
    "jumprelu-step": ("JumpReLU", JUMP, 0),
    "jumprelu-tanh": (
        "JumpReLU",
        JUMP
        | {
            "jumprelu_sparsity_loss_mode": "tanh",
            "jumprelu_tanh_scale": 2.0,
            "pre_act_loss_coefficient": 0.1,
            "jumprelu_ste_to_input": True,
        },
        3,
    ),
    "jumprelu-quadratic": (
        "JumpReLU",
        JUMP | {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 2.0},
        0,
    ),
}


def initialize(sae, dead: int, signed: bool):
    """Draws weights that let all parts of the losses take part."""
    for name, values in sae.named_parameters():
        drawn = torch.randn(values.shape) / 3
        if name == "threshold":
            drawn = drawn.abs()
        if signed and name in ("b_enc", "W_enc"):
            drawn[..., :dead] /= 100
        elif name in ("b_enc", "b_gate"):
            drawn[:dead] -= 4
        values.data.copy_(drawn)


def weights(sae, prefix: str) -> dict[str, torch.Tensor]:
    tensors = {}
    for name, values in sae.named_parameters():
        values = values.detach().clone()
        tensors[prefix + name] = (values.T if name == "W_enc" else values).contiguous()
    return tensors


def train(name: str, architecture: str, settings: dict, dead: int):
    torch.manual_seed(7)
    config = getattr(sae_lens, f"{architecture}TrainingSAEConfig")
    sae = getattr(sae_lens, f"{architecture}TrainingSAE")(config(d_in=D, d_sae=FEATURES, **settings))
    initialize(sae, dead, architecture == "AbsTopK")
    tensors = weights(sae, "")
    rows = torch.randn(STEPS, BATCH, D)
    trainer = SAETrainer(
        SAETrainerConfig(
            total_training_samples=STEPS * BATCH,
            train_batch_size_samples=BATCH,
            lr=RATE,
            lr_end=RATE,
            lr_decay_steps=STEPS // 5,
            dead_feature_window=DEAD_AFTER - 1,
        ),
        sae,
        iter(rows),
    )
    losses, counts, deads, thresholds = [], [], [], []
    for x in rows:
        step = trainer.step(x)
        trainer.n_training_steps += 1
        losses.append((step.losses["mse_loss"] * BATCH / x.pow(2).sum()).item())
        counts.append((step.feature_acts != 0).sum().item() / BATCH)
        deads.append(trainer.dead_neurons.sum().item())
        thresholds.append(float(getattr(sae, "topk_threshold", 0)))
    assert not dead or max(deads) > 0
    if hasattr(sae, "threshold"):
        sae.threshold.data.clamp_(min=0)  # as before the next step
    tensors |= weights(sae, "trained.")
    tensors |= {"rows": rows.flatten(0, 1)}
    # SAELens begins the mean of thresholds with 0.
    first = thresholds[0] / 0.01
    tensors["topk_threshold"] = torch.tensor([thresholds[-1] + 0.99**STEPS * first])
    tensors |= {"loss": torch.tensor(losses), "l0": torch.tensor(counts)}
    tensors["dead"] = torch.tensor(deads, dtype=torch.float32)
    save_file(tensors, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for name, (architecture, settings, dead) in KINDS.items():
        train(name, architecture, settings, dead)
