"""The tuned lens against the program tuned-lens, on the embedded model.

Both train translators of all layers on the same chunks of text, one step per chunk, by SGD with
Nesterov momentum, a rate that falls linearly to 0, and clipped gradients: Vidrio by `lens tune`,
with a rate relative to the size of streams, and tuned-lens's class TunedLens by the defaults of
its command. The divergence of both from the model's predictions is measured by tuned-lens, on
chunks that neither was trained on.
The loop of its command is written again here, since the command needs packages for training on
several machines.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from models import BARD, Model
from page import PAGES
from row import Row, program
from safetensors.torch import load_file
from tuned_lens import model_surgery
from tuned_lens.nn import unembed
from tuned_lens.nn.lenses import TunedLens

# tuned-lens asks TransformerLens for a class that version 4 does not have.
model_surgery._transformer_lens_available = False
unembed._transformer_lens_available = False

LAYERS = (0, 1, 2)
LENGTH, CHUNKS, EPOCHS = 128, 200, 2
MOMENTUM = 0.9
# lens tune measures one of this many chunks, at the end of the text.
ASIDE = 8


def text(model) -> list[list[int]]:
    """Returns the chunks of the text, LENGTH tokens each."""
    pages = "\n".join(page.read_text() for page in sorted(PAGES.parent.glob("*.md")))
    begin, *ids = model.tokenizer.encode(pages)
    step = LENGTH - 1
    return [[begin, *ids[i * step : (i + 1) * step]] for i in range(CHUNKS)]


def divergence(lens, layer: int, state: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the mean KL(model ‖ lens) in nats; TunedLens's index is that of the next layer."""
    found = lens(state, idx=layer + 1).log_softmax(-1)
    return (labels.exp() * (labels - found)).sum(-1).mean()


def outputs(llm, chunk: list[int]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Returns the streams after layers and the log-probabilities, without the first token."""
    with torch.no_grad():
        output = llm(torch.tensor([chunk]), output_hidden_states=True)
    states = [output.hidden_states[layer + 1][:, 1:] for layer in LAYERS]
    return states, output.logits[:, 1:].log_softmax(-1)


def train(llm, chunks: list[list[int]]) -> TunedLens:
    """Returns a lens trained as by tuned-lens's command, a step per chunk."""
    lens = TunedLens.from_model(llm)
    parameters = [p for layer in LAYERS for p in lens[layer + 1].parameters()]
    optimizer = torch.optim.SGD(
        parameters, lr=1 - MOMENTUM, momentum=MOMENTUM, nesterov=True, weight_decay=1e-3
    )
    steps = EPOCHS * len(chunks)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for chunk in EPOCHS * chunks:
        states, labels = outputs(llm, chunk)
        for layer, state in zip(LAYERS, states):
            divergence(lens, layer, state, labels).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    return lens


def evaluate(lens, llm, chunks: list[list[int]]) -> np.ndarray:
    """Returns the mean divergence of each layer in bits."""
    sums = np.zeros(len(LAYERS))
    with torch.no_grad():
        for chunk in chunks:
            states, labels = outputs(llm, chunk)
            found = [divergence(lens, *each, labels) for each in zip(LAYERS, states)]
            sums += [float(each) for each in found]
    return sums / len(chunks) / np.log(2)


def tuned(model, llm, chunks: list[list[int]]) -> tuple[TunedLens, np.ndarray]:
    """Returns the translators of lens tune in tuned-lens's class, and the printed divergences."""
    hooks = [f"blocks.{layer}.hook_resid_post" for layer in LAYERS]
    # Each chunk begins with BOS; lens tune adds it to all but the first.
    ids = json.dumps(chunks[0][:1] + [token for chunk in chunks for token in chunk[1:]])
    with tempfile.TemporaryDirectory() as directory:
        output = str(Path(directory) / "lens.safetensors")
        options = ("--ids", model.file(ids), "--length", str(LENGTH), "--epochs", str(EPOCHS))
        found = model.vidrio("lens", "tune", *options, "--hooks", ",".join(hooks), "-o", output)
        tensors = load_file(output)
    lens = TunedLens.from_model(llm)
    for layer, hook in zip(LAYERS, hooks):
        lens[layer + 1].weight.data = tensors[f"{hook}.weight"]
        lens[layer + 1].bias.data = tensors[f"{hook}.bias"]
    return lens, np.array([found["hooks"][hook]["kl_bits"] for hook in hooks])


def layers(divergences: np.ndarray) -> str:
    return "/".join(f"{value:.3f}" for value in divergences)


def check(model) -> list[Row]:
    model = Model(BARD, model.arguments)
    llm = model.transformers()
    llm.requires_grad_(False)
    chunks = text(model)
    aside = CHUNKS // ASIDE
    lens, printed = tuned(model, llm, chunks)
    ours = evaluate(lens, llm, chunks[-aside:])
    theirs = evaluate(train(llm, chunks[:-aside]), llm, chunks[-aside:])
    name = program("tuned-lens")
    return [
        Row(
            "divergence of a tuned lens",
            "lens tune",
            name,
            f"relative error of {len(LAYERS)} layers with the same translators",
            float(np.abs(printed / ours - 1).max()),
            1e-3,
        ),
        Row(
            "trained tuned lens",
            "lens tune",
            name,
            f"by how much the held-out divergence of a layer is larger, of {layers(ours)} and"
            f" {layers(theirs)} bits",
            float((ours / theirs - 1).max()),
            0.02,
        ),
    ]
