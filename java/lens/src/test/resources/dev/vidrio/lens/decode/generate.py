#!/usr/bin/env python3
"""Writes the expected values of the tests of dev.vidrio.lens.decode, computed by other programs.

Needs numpy, scikit-learn, concept-erasure, torch, safetensors and sae-lens. Usage: generate.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from concept_erasure import LeaceFitter
from safetensors.numpy import save_file
from sae_lens import SAE, BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sklearn.linear_model import LogisticRegression, RidgeClassifier

HERE = Path(__file__).resolve().parent
D_IN, D_SAE, D_OUT = 12, 40, 10


def probes():
    random = np.random.default_rng(7)
    n, d, classes = 150, 8, 3
    labels = random.integers(0, classes, n)
    means = random.normal(size=(classes, d))
    x = (means[labels] + random.normal(size=(n, d)) @ random.normal(size=(d, d)) / 2 + 3).astype(
        np.float32
    )
    few = labels < 2
    tensors = {"x": x, "labels": labels.astype(np.int32)}
    x = x.astype(np.float64)  # makes the programs compute in double
    logistic = LogisticRegression(C=1 / 0.5, tol=1e-10, max_iter=100000).fit(x, labels)
    tensors["logistic_weights"], tensors["logistic_biases"] = logistic.coef_, logistic.intercept_
    # For two classes scikit-learn has one vector. Its penalty equals that of our two half vectors.
    binary = LogisticRegression(C=2 / 0.5, tol=1e-10, max_iter=100000).fit(x[few], labels[few])
    tensors["binary_weights"], tensors["binary_bias"] = binary.coef_, binary.intercept_
    ridge = RidgeClassifier(alpha=2.0).fit(x, labels)
    tensors["ridge_weights"], tensors["ridge_biases"] = ridge.coef_, ridge.intercept_
    fitter = LeaceFitter(d, classes, dtype=torch.float64, shrinkage=False)
    fitter.update(torch.tensor(x, dtype=torch.float64), torch.nn.functional.one_hot(torch.tensor(labels)))
    tensors["leace_projection"] = fitter.eraser.P.numpy()
    tensors["leace_mean"] = fitter.eraser.bias.numpy()
    save_file(
        {
            name: values if values.dtype == np.int32 else np.ascontiguousarray(values, np.float32)
            for name, values in tensors.items()
        },
        HERE / "probe" / "probes.safetensors",
    )


def autoencoders():
    torch.manual_seed(5)
    x = torch.randn(9, D_IN) * 2 + 0.5
    common = {
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "float32",
        "device": "cpu",
        "metadata": {"hook_name": "blocks.1.hook_resid_post", "model_name": "test"},
    }
    transcoder = common | {"d_out": D_OUT, "apply_b_dec_to_input": False}
    configs = {
        "standard": common | {"architecture": "standard"},
        "standard-layer-norm": common
        | {
            "architecture": "standard",
            "normalize_activations": "layer_norm",
            "apply_b_dec_to_input": False,
        },
        "topk": common
        | {"architecture": "topk", "k": 5, "normalize_activations": "constant_norm_rescale"},
        "topk-rescaled": common
        | {"architecture": "topk", "k": 5, "rescale_acts_by_decoder_norm": True},
        "jumprelu": common | {"architecture": "jumprelu"},
        "gated": common | {"architecture": "gated"},
        "transcoder": transcoder | {"architecture": "transcoder"},
        "skip-transcoder": transcoder | {"architecture": "skip_transcoder"},
        "jumprelu-transcoder": transcoder | {"architecture": "jumprelu_transcoder"},
    }
    for name, config in configs.items():
        sae = SAE.from_dict(config)
        with torch.no_grad():
            for parameter, values in sae.named_parameters():
                values.copy_(torch.randn_like(values) / 3)
                if parameter == "threshold":
                    values.abs_()
        sae.save_model(HERE / "sae" / name)
        features = sae.encode(x)
        # Transcoders with a skip connection add it outside of decode.
        output = sae(x) if "skip" in name else sae.decode(features)
        save_file(
            {
                "x": x.numpy(),
                "features": features.detach().numpy(),
                "output": output.detach().numpy(),
            },
            HERE / "sae" / name / "expected.safetensors",
        )


def batch_top_k():
    """Trains an SAE with a learned threshold and returns its form saved for inference."""
    torch.manual_seed(6)
    sae = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(d_in=D_IN, d_sae=D_SAE, k=5))
    with torch.no_grad():
        for values in sae.parameters():
            values.copy_(torch.randn_like(values) / 3)
        sae.topk_threshold.fill_(0.7)
    directory = HERE / "sae" / "batchtopk"
    sae.save_model(directory)
    with TemporaryDirectory() as inference:
        sae.save_inference_model(inference)
        inferring = SAE.load_from_disk(inference)
    x = torch.randn(9, D_IN) * 2 + 0.5
    features = inferring.encode(x)
    save_file(
        {
            "x": x.numpy(),
            "features": features.detach().numpy(),
            "output": inferring.decode(features).detach().numpy(),
        },
        directory / "expected.safetensors",
    )


if __name__ == "__main__":
    probes()
    autoencoders()
    batch_top_k()
