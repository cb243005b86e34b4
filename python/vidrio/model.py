"""A model of a server."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidrio.activations import Activations
from vidrio.client import Client
from vidrio.commands import Commands

#: A text, or token ids, which are used as they are.
Text = str | Sequence[int] | np.ndarray

_LOGITS = "unembed.hook_out"


def _source(text: Text) -> dict[str, Any]:
    return {"prompt": text} if isinstance(text, str) else {"ids": [int(id) for id in text]}


class Model:
    """A model that a server runs. Close it to stop a server that `load` has started."""

    def __init__(self, client: Client, name: str, process=None):
        self._client, self._process = client, process
        self.name = name
        description = client.post("/v1/lens/model", model=name)
        self.layers: int = description["layers"]
        self.width: int = description["width"]
        self.vocabulary: int = description["vocabulary"]
        #: The names of all hook points.
        self.hooks: list[str] = description["hooks"]
        #: The commands of `vidrio lens`: `model.lens.patch(…)`.
        self.lens = Commands(client, name, client.get("/v1/lens/commands")["commands"])

    @property
    def url(self) -> str:
        """The address of the server; its page is a chat with the lens."""
        return self._client.url

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {self.layers} layers, width {self.width}, {self.url})"

    # ---- tokens ------------------------------------------------------------------------------

    def tokens(self, text: str) -> np.ndarray:
        """Returns the ids of a text as the model reads it, with a token of the beginning."""
        answer = self._client.post("/tokenize", model=self.name, text=text)
        return np.array(answer["tokens"], np.int64)

    def text(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Returns the text of token ids."""
        ids = [int(id) for id in tokens]
        return self._client.post("/detokenize", model=self.name, tokens=ids)["text"]

    def pieces(self, text: Text) -> list[str]:
        """Returns the text of each token."""
        if isinstance(text, str):
            return self._client.post("/tokenize", model=self.name, text=text, pieces=True)["pieces"]
        ids = [int(id) for id in text]
        return self._client.post("/detokenize", model=self.name, tokens=ids, pieces=True)["pieces"]

    # ---- runs --------------------------------------------------------------------------------

    def run_with_cache(
        self,
        text: Text,
        hooks: str | None = None,
        edits: Sequence[str] | str = (),
        **options: Any,
    ) -> tuple[np.ndarray, Activations]:
        """Runs a text, and returns the logits after each token with the activations.

        Without `hooks`, all points are kept but those of the output of each head. `edits` change
        activations while the model runs, such as "blocks.2.attn.hook_z[:, 3] zero". Other options
        are those of `vidrio lens cache`: `tokens=20` also generates 20 tokens. `files` has arrays
        that edits name: `edits="ln_final.hook_normalized add 1 d.safetensors:d"` with
        `files={"d.safetensors": {"d": array}}`.
        """
        names = hooks if hooks is None else f"{hooks},{_LOGITS}"
        tensors = self.lens.cache.tensors(
            hooks=names, edit=_list(edits), **_source(text), **options
        )
        cache = Activations(tensors, self.pieces(tensors["tokens"]))
        return cache[_LOGITS], cache

    def gradients(
        self,
        text: Text,
        hooks: str = "*.hook_resid_post",
        edits: Sequence[str] | str = (),
        **options: Any,
    ) -> tuple[float, Activations]:
        """Returns the logit of the next token, or another metric, with its gradients.

        Gradients have the names and shapes of their activations. Other options are those of
        `vidrio lens gradients`: `token=" Paris", versus=" Rome"` measures the difference of two
        logits, `metric="kl"` another metric.
        """
        tensors = self.lens.gradients.tensors(
            hooks=hooks, edit=_list(edits), **_source(text), **options
        )
        value = float(tensors.pop("metric")[0])
        return value, Activations(tensors, self.pieces(tensors["tokens"]))

    def logits(self, text: Text, edits: Sequence[str] | str = ()) -> np.ndarray:
        """Returns the logits after each token, [tokens, vocabulary]."""
        source = _source(text)
        return self.lens.cache.tensors(hooks=_LOGITS, edit=_list(edits), **source)[_LOGITS]

    def predict(
        self, text: Text, top: int = 5, edits: Sequence[str] | str = ()
    ) -> list[tuple[str, float]]:
        """Returns the most likely next tokens with their probabilities."""
        logits = self.logits(text, edits)[-1].astype(np.float64)
        p = np.exp(logits - logits.max())
        p /= p.sum()
        return [(self.text([id]), float(p[id])) for id in np.argsort(-p, kind="stable")[:top]]

    # ---- answers -----------------------------------------------------------------------------

    def generate(
        self, text: str, tokens: int = 40, steer: Sequence[dict] | None = None, **fields: Any
    ) -> str:
        """Continues a text, by the most likely tokens without another `temperature`.

        `steer` adds directions: `[{"hook": …, "strength": …, "vector": …}]`, or `plus` and
        `minus`, texts that it leads to and away from. Other fields are those of
        /v1/completions.
        """
        answer = self._client.post(
            "/v1/completions",
            **{"temperature": 0} | fields,
            model=self.name,
            prompt=text,
            max_tokens=tokens,
            vidrio=_steering(steer),
        )
        return answer["choices"][0]["text"]

    def chat(
        self, messages: str | Sequence[dict], steer: Sequence[dict] | None = None, **fields: Any
    ) -> str:
        """Returns the answer to a message or a conversation. Fields: those of /v1/chat/completions."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        answer = self._client.post(
            "/v1/chat/completions",
            **{"temperature": 0} | fields,
            model=self.name,
            messages=messages,
            vidrio=_steering(steer),
        )
        return answer["choices"][0]["message"]["content"]

    # ---- the server --------------------------------------------------------------------------

    def close(self) -> None:
        """Stops the server, if `load` has started it."""
        if self._process is not None:
            self._process.stop()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _list(edits: Sequence[str] | str) -> list[str]:
    return [edits] if isinstance(edits, str) else list(edits)


def _steering(steer: Sequence[dict] | None) -> dict | None:
    return None if steer is None else {"steer": list(steer)}
