#!/usr/bin/env python3
"""Writes the expected values of the tests of dev.vidrio.lens.decode, computed by other programs.

Needs numpy, scikit-learn, concept-erasure, torch, safetensors and sae-lens. Usage: generate.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from concept_erasure import LeaceFitter
from safetensors.numpy import load_file, save_file
from sae_lens import SAE, BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

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


def logistic(x, labels):
    return LogisticRegression(C=1 / 0.5, tol=1e-10, max_iter=100000).fit(x, labels)


def inlp(x, labels, rounds):
    """The algorithm of Ravfogel et al. (2020): projections to the intersection of nullspaces."""
    rowspaces, projection = [], np.eye(x.shape[1])
    for _ in range(rounds):
        weights = logistic(x @ projection, labels).coef_
        u, s, vt = np.linalg.svd(weights, full_matrices=False)
        basis = vt[s > 1e-6 * s[0]]
        rowspaces.append(basis.T @ basis)
        u, s, vt = np.linalg.svd(sum(rowspaces))
        basis = vt[s > 1e-6]
        projection = np.eye(x.shape[1]) - basis.T @ basis
    return projection


def online_code(x, labels, classes):
    """The code of Voita and Titov (2020), with predictions mixed with the uniform distribution."""
    n, begin, bits = len(x), 0, []
    for fraction in [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1]:
        end = int(fraction * n)
        if end - begin < 2 * classes:
            continue
        if begin == 0:
            own = end * np.log2(classes)
        else:
            probe = logistic(x[:begin], labels[:begin])
            p = np.zeros((end - begin, classes))
            p[:, probe.classes_] = probe.predict_proba(x[begin:end])
            p = (begin * p + 1 / classes) / (begin + 1)
            own = -np.log2(p[np.arange(end - begin), labels[begin:end]]).sum()
        bits.append(own)
        begin = end
    return np.array(bits)


def mlp_gradient(parameters, x, labels):
    """The gradient of the loss of five hidden units, near the parameters, by autograd."""
    p = torch.tensor(parameters, dtype=torch.float64)
    p += 0.3 * torch.sin(torch.arange(len(p), dtype=torch.float64))
    p.requires_grad_()
    w1, b1, w2, b2 = torch.split(p, [40, 5, 15, 3])
    hidden = torch.relu(torch.tensor(x) @ w1.reshape(5, 8).T + b1)
    scores = hidden @ w2.reshape(3, 5).T + b2
    loss = torch.nn.functional.cross_entropy(
        scores, torch.tensor(labels, dtype=torch.int64), reduction="sum"
    )
    (loss + 0.25 * (w1**2).sum() + 0.25 * (w2**2).sum()).backward()
    return p.grad.numpy()


def probing():
    """What other methods find in the examples of probes()."""
    file = load_file(HERE / "probe" / "probes.safetensors")
    x, labels = file["x"].astype(np.float64), file["labels"]
    train = slice(0, 105)
    tensors = {f"inlp_{rounds}": inlp(x[train], labels[train], rounds) for rounds in (1, 2)}
    tensors["online_code"] = online_code(x, labels, 3)
    held_out = logistic(x[train], labels[train]).predict_log_proba(x[105:]) / np.log(2)
    tensors["cross_entropy"] = np.array([-held_out[np.arange(45), labels[105:]].mean()])
    tensors["f_statistics"] = f_classif(x, labels)[0]
    best = np.argsort(-tensors["f_statistics"])[:3]
    sparse = logistic(x[:, best], labels)
    tensors["sparse_scores"] = sparse.decision_function(x[:, best])
    # The solver minimizes the mean of the loss, with alpha / n as penalty.
    scaled = StandardScaler().fit_transform(x)
    mlp = MLPClassifier((5,), solver="lbfgs", alpha=0.5, max_iter=100000, tol=1e-12, random_state=1)
    mlp.fit(scaled, labels)
    tensors["mlp_parameters"] = np.concatenate(
        [
            mlp.coefs_[0].T.ravel(),
            mlp.intercepts_[0],
            mlp.coefs_[1].T.ravel(),
            mlp.intercepts_[1],
        ]
    )
    tensors["mlp_gradient"] = mlp_gradient(
        tensors["mlp_parameters"].astype(np.float32), scaled, labels
    )
    tensors["mlp_loss"] = np.array([mlp.loss_ * len(x)])
    tensors["mlp_log_probabilities"] = mlp.predict_log_proba(scaled)
    own, others = x[labels == 1], x[labels == 0]
    pairs = min(len(own), len(others))
    differences = own[:pairs] - others[:pairs]
    tensors["pca"] = PCA(1).fit(np.concatenate([differences, -differences])).components_[0]
    clusters = KMeans(3, n_init=50, tol=0, random_state=1).fit(x)
    tensors["centroids"] = clusters.cluster_centers_
    tensors["inertia"] = np.array([clusters.inertia_])
    save_file(
        {name: np.ascontiguousarray(values, np.float32) for name, values in tensors.items()},
        HERE / "probe" / "probing.safetensors",
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
        "abstopk": common
        | {"architecture": "abstopk", "k": 5, "rescale_acts_by_decoder_norm": True},
        "matching-pursuit": common
        | {"architecture": "matching_pursuit", "max_iterations": 6, "residual_threshold": 3.0},
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


def temporal():
    """Two temporal autoencoders, which read a text of more rows than are computed at once."""
    common = {
        "architecture": "temporal",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "n_heads": 2,
        "bottleneck_factor": 4,
        "dtype": "float32",
        "device": "cpu",
        "metadata": {"hook_name": "blocks.1.hook_resid_post", "model_name": "test"},
    }
    configs = {
        "temporal": {
            "kval_topk": 5,
            "normalize_activations": "constant_scalar_rescale",
            "activation_normalization_factor": 3.5,
        },
        "temporal-untied": {
            "n_attn_layers": 2,
            "sae_diff_type": "relu",
            "tied_weights": False,
            "apply_b_dec_to_input": False,
            "normalize_activations": "layer_norm",
        },
    }
    for name, config in configs.items():
        torch.manual_seed(8)
        x = torch.randn(1, 80, D_IN) * 2 + 0.5
        sae = SAE.from_dict(common | config)
        with torch.no_grad():
            for values in sae.parameters():
                values.copy_(torch.randn_like(values))
        sae.save_model(HERE / "sae" / name)
        expected = {"x": x, "features": sae.encode(x), "output": sae(x)}
        save_file(
            {key: values[0].detach().numpy() for key, values in expected.items()},
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
    probing()
    autoencoders()
    temporal()
    batch_top_k()
