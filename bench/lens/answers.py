"""Attribution of whole answers against captum and inseq, and value zeroing against hooks.

Gradient times input against captum's InputXGradient and inseq's input_x_gradient; integrated
gradients against captum's riemann_middle with as many steps, from zeros; occlusion against captum's
FeatureAblation of the embeddings; replacement of tokens by another against captum's LLMAttribution,
with the answer in one pass; Shapley values of spans against captum's, over all orders; value
zeroing against hooks on the value projections of transformers' model.
"""

from pathlib import Path

import captum.attr as captum
import numpy as np
import torch
from row import Row, program
from transformers import AutoTokenizer

TEXT = "The capital of France is Paris. The capital of Spain is"
ANSWER = " Madrid. The"
SPANS = "0:3,3:7,7:9,9:12"
REPLACEMENT = " the"
STEPS = 8


class Peer:
    """The model in transformers, and the prompt and answer by token ids."""

    def __init__(self, model, tokens: list[int], start: int):
        directory, name = Path(model.path).parent, Path(model.path).name
        self.model = model.transformers()
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

    def replacement(self, token: str) -> list[np.ndarray]:
        """Returns the scores of the prompt's tokens, replaced by another, for each answer token."""
        (number,) = self.tokenizer.encode(token)
        text = captum.TextTokenInput(TEXT, self.tokenizer, baselines=number)
        if text.inp_tensor[0].tolist() != self.tokens[: self.start].tolist():
            raise ValueError("the prompt has other tokens")
        explainer = captum.LLMAttribution(captum.FeatureAblation(self.model), self.tokenizer)
        found = explainer.attribute(
            text, target=self.tokens[self.start :], forward_in_tokens=False
        )
        return list(found.token_attr.double().numpy())

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

    def inseq(self) -> list[np.ndarray]:
        """Returns gradient times input of inseq, for each token of the answer."""
        import inseq

        model = inseq.load_model(self.model, "input_x_gradient", tokenizer=self.tokenizer)
        prompt = self.tokenizer.decode(self.tokens[: self.start])
        found = model.attribute(
            prompt,
            prompt + self.tokenizer.decode(self.tokens[self.start :]),
            attributed_fn="logit",
            attribute_target=True,
            show_progress=False,
        )
        scores = found.sequence_attributions[0].target_attributions.sum(-1).numpy()
        return [scores[:p, i] for i, p in enumerate(self.answer())]


def attribute(model, method: str, *more: str) -> dict:
    """Returns the attribution of the answer."""
    inputs = ("-p", TEXT, "--answer", ANSWER)
    return model.vidrio("lens", "attribute", *inputs, "--method", method, *more)


def rows(found: dict) -> list[np.ndarray]:
    """Returns the scores of each row without those that do not exist."""
    return [
        np.array([score for score in row if score is not None], dtype=float)
        for row in found["scores"]
    ]


def row(method: str, command: str, by: str, ours: list, theirs: list) -> Row:
    """Returns the maximum difference, relative to the largest score of its row."""
    differences = [
        float(np.abs(a[: len(b)] - b).max() / np.abs(b).max())
        for a, b in zip(ours, theirs, strict=True)
    ]
    measure = f"maximum difference of {len(ours)} rows, by the largest score of the row"
    return Row(method, command, by, measure, max(differences), 1e-3)


def check(model) -> list[Row]:
    product = attribute(model, "grad_x_input")
    peer = Peer(model, product["tokens"], product["outputs"][0][0])
    captums, inseqs = program("captum"), program("inseq")
    command = "lens attribute --answer --method "
    integrated = rows(attribute(model, "ig", "--steps", str(STEPS)))
    result = [
        row(
            "gradient × input",
            command + "grad_x_input",
            captums,
            rows(product),
            peer.gradients("grad_x_input"),
        ),
        row("gradient × input", command + "grad_x_input", inseqs, rows(product), peer.inseq()),
        row("integrated gradients", command + "ig", captums, integrated, peer.gradients("ig")),
    ]
    for name, spans in {"tokens": "token", "spans": SPANS}.items():
        occluded = attribute(model, "occlusion", "--spans", spans)
        ablated = peer.removal(captum.FeatureAblation, occluded["inputs"])
        kept = [
            scores[[begin < position for begin, _ in occluded["inputs"]]]
            for scores, position in zip(ablated, peer.answer())
        ]
        method = f"occlusion of {name}"
        result.append(row(method, command + "occlusion", captums, rows(occluded), kept))
    options = ("--removal", "replace", "--replacement", REPLACEMENT)
    replaced = rows(attribute(model, "occlusion", *options))
    result.append(
        row(
            "replacement of tokens",
            command + "occlusion --removal replace",
            captums,
            [scores[: peer.start] for scores in replaced],
            peer.replacement(REPLACEMENT),
        )
    )
    shapley = attribute(model, "shapley", "--spans", SPANS)
    values = peer.removal(captum.ShapleyValues, shapley["inputs"])
    result.append(row("Shapley values", command + "shapley", captums, rows(shapley), values))
    mixing = model.vidrio("lens", "mixing", "-p", TEXT, "--by", "value_zeroing")
    shares = [np.array(layer["shares"]) for layer in mixing["layers"]]
    hooks = program("transformers")
    zeroing = "lens mixing --by value_zeroing"
    result.append(row("value zeroing", zeroing, hooks, shares, peer.value_zeroing()))
    return result
