"""Compares the attribution of answers of Vidrio with captum and inseq on one model and text.

    python compare_attribution.py MODEL-F32.gguf

`vidrio lens attribute --answer` against, on the same weights and token ids:

- gradient times input: captum's InputXGradient and inseq's input_x_gradient
- integrated gradients: captum's, riemann_middle with as many steps, from zeros
- occlusion by zeros: captum's FeatureAblation of the embeddings, by token and by given spans
- Shapley values of spans: captum's ShapleyValues, over all orders
- value zeroing (`vidrio lens mixing`): hooks on the value projections of transformers' model

Prints the greatest difference of each, relative to the largest score of its row, and exits with 1
if one exceeds --limit. The weights must be F32: with quantized ones Vidrio also rounds activations.
--speed N:T compares instead the time of gradient times input, for an answer of about T tokens to
about N tokens, with inseq's.

Needs torch, transformers, gguf, accelerate, captum 0.9 and inseq 0.7.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import captum.attr as captum
import numpy as np
import torch
import vidrio
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXT = "The capital of France is Paris. The capital of Spain is"
ANSWER = " Madrid. The"
SPANS = "0:3,3:7,7:9,9:12"
STEPS = 8


class Peer:
    """The model in transformers, and the prompt and answer by token ids."""

    def __init__(self, path: str, tokens: list[int], start: int):
        directory, name = Path(path).parent, Path(path).name
        self.model = AutoModelForCausalLM.from_pretrained(
            directory, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=name)
        self.tokens, self.start = torch.tensor(tokens), start
        with torch.no_grad():
            self.embeddings = self.model.get_input_embeddings()(self.tokens[:-1])[None]

    def answer(self) -> range:
        return range(self.start, len(self.tokens))

    def logit(self, position: int):
        """Returns the function from embeddings to the logit of the token at a position."""

        def of(embeddings: torch.Tensor) -> torch.Tensor:
            output = self.model(inputs_embeds=embeddings[:, :position])
            return output.logits[:, -1, self.tokens[position]]

        return of

    def log_probabilities(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Returns those of the answer's tokens, [batch, answer]."""
        logits = self.model(inputs_embeds=embeddings).logits[:, self.start - 1 :]
        probabilities = torch.log_softmax(logits.double(), dim=-1)
        return probabilities.gather(
            2, self.tokens[self.start :][None, :, None].expand(len(embeddings), -1, 1)
        )[..., 0]

    def gradients(self, method: str) -> list[np.ndarray]:
        """Returns the scores of the tokens before each token of the answer."""
        rows = []
        for position in self.answer():
            if method == "grad_x_input":
                explainer, options = captum.InputXGradient(self.logit(position)), {}
            else:
                explainer = captum.IntegratedGradients(self.logit(position))
                options = {"n_steps": STEPS, "method": "riemann_middle", "internal_batch_size": 4}
            x = self.embeddings.clone().requires_grad_()
            rows.append(explainer.attribute(x, **options).sum(-1)[0, :position].detach().numpy())
        return rows

    def removal(self, explainer_type, spans: list[list[int]]) -> list[np.ndarray]:
        """Returns the scores of spans, for each token of the answer; other tokens remain."""
        inside = torch.full(self.embeddings.shape[1:2], -1)
        for number, (begin, end) in enumerate(spans):
            inside[begin:end] = number
        present = torch.ones(1, len(spans))

        known = {}

        def value(index: int):
            def of(masks: torch.Tensor) -> torch.Tensor:
                key = tuple(masks[0].tolist())
                if key not in known:
                    kept = torch.cat([masks, torch.ones(1, 1)], 1)[:, inside]
                    with torch.no_grad():
                        known[key] = self.log_probabilities(self.embeddings * kept[..., None])
                return known[key][:, index]

            return of

        return [
            explainer_type(value(index)).attribute(present)[0].double().numpy()
            for index in range(len(self.answer()))
        ]

    def value_zeroing(self) -> list[np.ndarray]:
        """Returns the shares of the tokens in the last token after each layer."""
        layers = self.model.model.layers
        hidden, handles, moved = [], [], {}
        with torch.no_grad():
            for layer in layers:
                handles.append(
                    layer.register_forward_hook(lambda m, args, out: hidden.append((args[0], out)))
                )
            self.model(self.tokens[None, : self.start])
            for handle in handles:
                handle.remove()
            states = [(x, y[0] if isinstance(y, tuple) else y) for x, y in hidden]
            rows = np.zeros((len(layers), self.start))
            for token in range(self.start):

                def zero(m, args, out):
                    out = out.clone()
                    out[:, token] = 0
                    return out

                handles = []
                for number, layer in enumerate(layers):
                    x = states[number][0]
                    handles.append(layer.self_attn.v_proj.register_forward_hook(zero))
                    handles.append(
                        layer.register_forward_pre_hook(lambda m, args, x=x: (x, *args[1:]))
                    )
                    handles.append(
                        layer.register_forward_hook(
                            lambda m, args, out, n=number: moved.__setitem__(
                                n, out[0] if isinstance(out, tuple) else out
                            )
                        )
                    )
                self.model(self.tokens[None, : self.start])
                for handle in handles:
                    handle.remove()
                for number, (_, clean) in enumerate(states):
                    cosine = torch.cosine_similarity(
                        clean[0, -1].double(), moved[number][0, -1].double(), dim=0
                    )
                    rows[number, token] = max(0, 1 - cosine.item())
        return list(rows / rows.sum(1, keepdims=True))

    def inseq(self):
        import inseq

        model = inseq.load_model(self.model, "input_x_gradient", tokenizer=self.tokenizer)
        prompt = self.tokenizer.decode(self.tokens[: self.start])
        start = time.monotonic()
        found = model.attribute(
            prompt,
            prompt + self.tokenizer.decode(self.tokens[self.start :]),
            attributed_fn="logit",
            attribute_target=True,
            show_progress=False,
        )
        seconds = time.monotonic() - start
        scores = found.sequence_attributions[0].target_attributions.sum(-1).numpy()
        return [scores[:p, i] for i, p in enumerate(self.answer())], seconds


def ours(arguments, method: str, *more: str) -> dict:
    inputs = ("-m", arguments.model, "-p", arguments.text, "--answer", arguments.answer)
    command = ("lens", "attribute", *inputs, "--method", method, *more, "--json")
    return json.loads(vidrio.run(arguments, *command))


def rows(found: dict) -> list[np.ndarray]:
    """Returns the scores of each row without those that do not exist."""
    return [
        np.array([score for score in row if score is not None], dtype=float)
        for row in found["scores"]
    ]


def error(name: str, ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Prints and returns the greatest difference, relative to the largest score of its row."""
    greatest = max(
        float(np.abs(a[: len(b)] - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs, strict=True)
    )
    cosine = min(
        float(a[: len(b)] @ b / np.linalg.norm(a[: len(b)]) / np.linalg.norm(b))
        for a, b in zip(ours, theirs, strict=True)
    )
    print(f"{name:34} relative error {greatest:.1e}, cosine at least {cosine:.7f}")
    return greatest


def speed(arguments, sizes: str) -> None:
    """Compares the time of gradient times input with inseq."""
    prompt, answer = map(int, sizes.split(":"))
    text, more = " the king of France" * (prompt // 4), " is not a king of" * (answer // 5)
    inputs = ("-m", arguments.model, "-p", text, "--answer", more)
    found = json.loads(vidrio.run(arguments, "lens", "attribute", *inputs, "--json"))
    peer = Peer(arguments.model, found["tokens"], found["outputs"][0][0])
    _, seconds = peer.inseq()
    print(f"{prompt}:{answer}: vidrio {found['seconds']:.2f} s, inseq {seconds:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file with F32 weights")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--answer", default=ANSWER)
    parser.add_argument("--spans", default=SPANS, help="at most 5, of the text")
    parser.add_argument("--limit", type=float, default=1e-3, help="maximum error (default 1e-3)")
    parser.add_argument("--no-inseq", action="store_true", help="without inseq")
    parser.add_argument("--speed", metavar="N:T", help="compare times instead")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    try:
        if arguments.speed:
            speed(arguments, arguments.speed)
            return
        product = ours(arguments, "grad_x_input")
        start = product["outputs"][0][0]
        peer = Peer(arguments.model, product["tokens"], start)
        errors = [error("grad_x_input (captum)", rows(product), peer.gradients("grad_x_input"))]
        if not arguments.no_inseq:
            errors.append(error("grad_x_input (inseq)", rows(product), peer.inseq()[0]))
        integrated = ours(arguments, "ig", "--steps", str(STEPS))
        errors.append(error("ig (captum)", rows(integrated), peer.gradients("ig")))
        for spans in ("token", arguments.spans):
            occluded = ours(arguments, "occlusion", "--spans", spans)
            ablated = peer.removal(captum.FeatureAblation, occluded["inputs"])
            kept = [
                row[[begin < position for begin, _ in occluded["inputs"]]]
                for row, position in zip(ablated, peer.answer())
            ]
            name = "token" if spans == "token" else "spans"
            errors.append(error(f"occlusion by {name} (captum)", rows(occluded), kept))
        shapley = ours(arguments, "shapley", "--spans", arguments.spans)
        values = peer.removal(captum.ShapleyValues, shapley["inputs"])
        errors.append(error("shapley (captum)", rows(shapley), values))
        mixing = json.loads(
            vidrio.run(
                arguments,
                *("lens", "mixing", "-m", arguments.model, "-p", arguments.text),
                *("--by", "value_zeroing", "--json"),
            )
        )
        shares = [np.array(layer["shares"]) for layer in mixing["layers"]]
        errors.append(error("value zeroing (hooks)", shares, peer.value_zeroing()))
    except (OSError, ValueError) as failure:
        parser.exit(1, f"{parser.prog}: {failure}\n")
    sys.exit(max(errors) > arguments.limit)


if __name__ == "__main__":
    main()
