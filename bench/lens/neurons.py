"""Findings on neurons: those that regulate confidence through the divisor of the final norm."""

import numpy as np
from finding import TEXT, Finding, Mean, Model, normalize

# Neurons of each kind, and chunks of text to ablate them on.
NEURONS, CHUNKS = 5, 2
# Outputs that count as large: of this share of the neurons.
LARGE = 0.25
DIVISOR = "ln_final.hook_scale"


def entropies(log: np.ndarray) -> np.ndarray:
    """Returns the entropy of each prediction in nats, given log-probabilities."""
    return -(np.exp(log) * log).sum(-1)


def entropy_neurons(model: Model) -> list[Finding]:
    """Entropy neurons (Gurnee et al. 2024, Stolfo et al. 2024): they change the confidence of
    predictions through the divisor of the final norm.

    Of the neurons of the last layer with a large output, those with the largest share of it in the
    null space of the unembedding are compared with random others of these. The size of an output is
    the norm of its weights times the deviation of the activation, since the weights of a gate may
    have the scale that those of the output lack. Each neuron is replaced by its mean over the text,
    once with the divisors of the whole run and once with those of the unchanged run. The share of
    the effect on the entropy that is missing in the second run went through the divisor.
    """
    neurons = model.json("lens", "corpus", "--units", "neurons", "-p", TEXT)["neurons"]
    last = max(neuron["layer"] for neuron in neurons)
    neurons = [neuron for neuron in neurons if neuron["layer"] == last]
    count = int(LARGE * len(neurons))
    large = sorted(neurons, key=lambda neuron: -neuron["norm"] * neuron["deviation"])[:count]
    ranked = sorted(large, key=lambda neuron: -neuron["null_fraction"])
    generator = np.random.default_rng(0)
    rest = [ranked[NEURONS + i] for i in generator.permutation(count - NEURONS)[:NEURONS]]
    kinds = [ranked[:NEURONS], rest]
    found = effects(model, last, [neuron["neuron"] for kind in kinds for neuron in kind])
    for neuron, changes in found.items():
        model.neurons[f"N{neuron}"] = [Mean.of(change) for change in changes]
    through, totals = [], []
    for kind in kinds:
        pairs = [found[neuron["neuron"]] for neuron in kind]
        total, direct = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
        through.append(through_divisor(total, direct))
        totals.append(Mean.of(total))
    each = [through_divisor(*found[neuron["neuron"]]) for neuron in kinds[0]]
    most = max(each, key=lambda share: share.mean)
    shares = [neuron["null_fraction"] for neuron in ranked[:NEURONS]]
    norms = np.array([neuron["norm"] for neuron in neurons])
    above = np.median([(norms > neuron["norm"]).mean() for neuron in ranked[:NEURONS]])
    typical = float(np.median([neuron["null_fraction"] for neuron in neurons]))
    names = ", ".join(f"L{last}.N{neuron['neuron']}" for neuron in ranked[:NEURONS])
    return [
        Finding(
            "entropy-neurons-null-space",
            "5.2",
            "neurons with a large output write it into the null space of the unembedding",
            f"{names}: {min(shares):.0%} to {max(shares):.0%} of the norm; median of the layer"
            f" {typical:.0%}",
            f"{NEURONS} neurons above one half and 3 times the median",
            min(shares) > max(0.5, 3 * typical),
        ),
        Finding(
            "entropy-neurons-norm",
            "5.2",
            "the norms of their weights are larger than those of most neurons",
            f"{above:.0%} of the layer's neurons have a larger norm (median of {NEURONS})",
            "at most a quarter",
            bool(above <= LARGE),
        ),
        Finding(
            "entropy-neurons-divisor",
            "5.2",
            "more than other neurons, these change the entropy of predictions through the divisor of"
            " the final norm",
            f"{through[0].percent()} of {totals[0].text(4)} nats; {NEURONS} other neurons with a"
            f" large output {through[1].percent()} of {totals[1].text(4)}",
            "difference above 0",
            through[0].minus(through[1]).low > 0,
        ),
        Finding(
            "entropy-neurons-most",
            "5.2",
            "most of their effect on the entropy is through the divisor",
            f"{through[0].percent()}; the largest of one neuron is {most.percent()}",
            "interval above one half",
            through[0].low > 0.5,
        ),
    ]


def through_divisor(total: np.ndarray, direct: np.ndarray) -> Mean:
    """Returns the share of changes that a frozen divisor prevents."""
    ratio = Mean.ratio(direct, total)
    return Mean(1 - ratio.mean, ratio.half)


def effects(model: Model, layer: int, neurons: list[int]) -> dict[int, list[np.ndarray]]:
    """Returns how much mean ablation of each neuron changes the entropy of each prediction, with
    the divisors of the run and with those of the unchanged run."""
    point = f"blocks.{layer}.mlp.hook_post"
    changes = {neuron: ([], []) for neuron in neurons}
    for ids in model.chunks[:CHUNKS]:
        clean = model.activations(ids, f"unembed.hook_out,{DIVISOR},{point}")
        before = entropies(normalize(clean["unembed.hook_out"]))
        frozen = model.file("divisors.safetensors", {DIVISOR: clean[DIVISOR]})
        freeze = f"{DIVISOR} set {frozen}:{DIVISOR}"
        for neuron, parts in changes.items():
            ablate = f"{point}[:,{neuron}] set {clean[point][1:, neuron].mean():.6g}"
            for part, edits in zip(parts, ([ablate], [ablate, freeze])):
                after = entropies(model.log_probabilities(ids, *edits))
                part.append(np.abs(after - before)[1:])
    return {neuron: [np.concatenate(part) for part in parts] for neuron, parts in changes.items()}
