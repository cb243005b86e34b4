#!/usr/bin/env python3
"""Writes steps of training of crosscoders and cross-layer transcoders by PyTorch's gradients.

Needs torch and safetensors. The loss is written down as in the papers, in double precision.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent / "sae" / "cross"
D, FEATURES, BATCH, STEPS, DEAD_AFTER, RATE = 6, 10, 8, 12, 3, 0.01


def norms(decoder: torch.Tensor) -> torch.Tensor:
    """Sum of the norms of each feature's decoders, [F] of [F, outputs, d]."""
    return decoder.norm(dim=2).sum(dim=1)


def train(name: str, groups: list, inputs: int, outputs: int, same: bool, k: int, penalty: float):
    torch.manual_seed(5)
    rows = torch.randn(STEPS, BATCH, inputs if same else inputs + outputs, D, dtype=torch.float64)
    rows = rows.float().double()
    weights = {"output_bias": torch.randn(outputs, D) / 4}
    for g, (read_from, read_to, write_from, write_to) in enumerate(groups):
        weights[f"encoder.{g}"] = torch.randn(FEATURES, read_to - read_from, D) / 3
        weights[f"decoder.{g}"] = torch.randn(FEATURES, write_to - write_from, D) / 3
        weights[f"bias.{g}"] = torch.randn(FEATURES) / 4
        # Some features are not active at first.
        weights[f"bias.{g}"][:3] -= 4
    tensors = {name: values.flatten(1) if values.dim() > 2 else values for name, values in weights.items()}
    tensors = {name: values.clone() for name, values in tensors.items()}
    weights = {name: values.double().requires_grad_() for name, values in weights.items()}
    adam = torch.optim.Adam(weights.values(), lr=RATE)
    decay = max(1, STEPS // 5)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda i: min(1, (STEPS - i) / decay))
    idle = [torch.zeros(FEATURES, dtype=torch.int) for _ in groups]
    losses, counts, deads = [], [], []
    threshold = 0.0
    for step in range(STEPS):
        x = rows[step, :, :inputs]
        y = rows[step, :, -outputs:]
        pre = [
            torch.einsum("bsd,fsd->bf", x[:, r0:r1], weights[f"encoder.{g}"]) + weights[f"bias.{g}"]
            for g, (r0, r1, _, _) in enumerate(groups)
        ]
        sizes = [norms(weights[f"decoder.{g}"]) for g in range(len(groups))]
        scaled = torch.cat([p.relu() * s for p, s in zip(pre, sizes)], dim=1).detach()
        least = scaled.flatten().sort(descending=True).values[k * BATCH - 1].item() if k else 0.0
        threshold = least if step == 0 else 0.99 * threshold + 0.01 * least
        active = [p.relu() * (p * s >= least).detach() for p, s in zip(pre, sizes)]
        out = weights["output_bias"].expand(BATCH, outputs, D).clone()
        for g, (_, _, w0, w1) in enumerate(groups):
            out[:, w0:w1] = out[:, w0:w1] + torch.einsum("bf,fsd->bsd", active[g], weights[f"decoder.{g}"])
        error = out - y
        loss = error.pow(2).sum() / BATCH
        for h, s in zip(active, sizes):
            loss = loss + penalty * (h * s).sum() / BATCH
        dead_count = 0
        for g, (_, _, w0, w1) in enumerate(groups):
            idle[g] += 1
            idle[g][(active[g] > 0).any(dim=0)] = 0
            dead = idle[g] >= DEAD_AFTER
            dead_count += int(dead.sum())
            count = min(int(dead.sum()), max(1, D // 2))
            if count:
                top = pre[g].masked_fill(~dead, -torch.inf).topk(count, dim=1)
                h = torch.zeros_like(pre[g]).scatter(1, top.indices, top.values)
                rest = torch.einsum("bf,fsd->bsd", h, weights[f"decoder.{g}"])
                loss = loss + (rest + error[:, w0:w1].detach()).pow(2).sum() / BATCH / 32
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        losses.append((error.pow(2).sum() / y.pow(2).sum()).item())
        counts.append(sum((h > 0).sum().item() for h in active) / BATCH)
        deads.append(dead_count)
    assert max(deads) > 0
    for each, values in weights.items():
        values = values.detach().float()
        tensors["trained." + each] = values.flatten(1) if values.dim() > 2 else values
    tensors["rows"] = rows.flatten(2).flatten(0, 1).float()
    tensors["loss"] = torch.tensor(losses)
    tensors["l0"] = torch.tensor(counts)
    tensors["dead"] = torch.tensor(deads, dtype=torch.float32)
    tensors["threshold"] = torch.tensor([threshold])
    tensors = {name: values.contiguous() for name, values in tensors.items()}
    save_file(tensors, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    everything = [(0, 2, 0, 2)]
    layers = [(0, 1, 0, 3), (1, 2, 1, 3), (2, 3, 2, 3)]
    train("crosscoder-topk", everything, 2, 2, True, 3, 0)
    train("crosscoder-penalty", everything, 2, 2, True, 0, 0.2)
    train("cross-layer-topk", layers, 3, 3, False, 5, 0)
    train("cross-layer-penalty", layers, 3, 3, False, 0, 0.2)
