"""Writes hugging-face-bpe.json: a small BPE model with byte_fallback in several pipelines of Hugging
Face tokenizers, with the ids that these give for sample texts.

    pip install tokenizers
    python generate.py
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, trainers

HERE = Path(__file__).parent
SPACE = "\u2581"
BYTES = [f"<0x{b:02X}>" for b in range(256)]
WORDS = (
    "to be or not to be that is the question whether tis nobler in the mind to suffer the slings"
    " and arrows of outrageous fortune or to take arms against a sea of troubles and by opposing"
    " end them to die to sleep no more caf\u00e9 na\u00efve \u00fcber 12 345 6789 aaaa aaa aa abab"
).split()
PREPEND = {"type": "Prepend", "prepend": SPACE}
REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
SPLIT = {
    "type": "Split",
    "pattern": {"String": " "},
    "behavior": "MergedWithPrevious",
    "invert": False,
}


def metaspace(scheme):
    return {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": scheme,
        "split": False,
    }


PIPELINES = {
    "prepend": ({"type": "Sequence", "normalizers": [PREPEND, REPLACE]}, None),
    "replace": (REPLACE, SPLIT),
    "metaspace-always": (None, metaspace("always")),
    "metaspace-first": (None, metaspace("first")),
    "metaspace-never": (None, metaspace("never")),
}
PIECES = WORDS + [
    " ", "  ", "   ", SPACE, SPACE * 2, "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "<s>", "</s>",
    "<end>", "<e", "nd>", "<sep>", "<0x0A>", "a", "aa", "aaa", "b", "ab", "A", ".", ",", "'s", "e\u0301",
    "\u00e9", "\u8a9e", "\U0001f44d\U0001f3fd", "\U00012400", "\u200d", "\ufffd", "\u0000", "\uac01",
]  # fmt: skip


def train():
    random.seed(1)
    text = [SPACE + SPACE.join(random.choices(WORDS, k=9)) for _ in range(400)]
    text += ["a" * n for n in range(1, 20)] + [SPACE * n for n in range(1, 9)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    trainer = trainers.BpeTrainer(
        vocab_size=520,
        special_tokens=["<unk>", "<s>", "</s>"] + BYTES,
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    return json.loads(tokenizer.to_str())


def added(id, content, special, **options):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": id, "content": content, "special": special} | flags | options


def samples(tokenizer):
    random.seed(2)
    texts = ["", " ", "a", " a", SPACE + "a", "<s>", "a<s>b", "a <s> b", "<s> a", "\n", "<sep><sep>"]
    for _ in range(150):
        texts.append("".join(random.choices(PIECES, k=random.randint(1, 12))))
        texts.append(" ".join(random.choices(PIECES, k=random.randint(1, 12))))
    return [[text, tokenizer.encode(text, add_special_tokens=False).ids] for text in texts]


def main():
    tokenizer = train()
    model = tokenizer["model"]
    size = len(model["vocab"])
    tokens = [
        added(0, "<unk>", True),
        added(1, "<s>", True),
        added(2, "</s>", True),
        added(size, "<end>", True),
        added(size + 1, "<sep>", False),
        added(size + 2, SPACE * 3, False),
    ]
    pipelines = []
    for name, (normalizer, pre_tokenizer) in PIPELINES.items():
        file = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": tokens,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": None,
            "decoder": {"type": "ByteFallback"},
            "model": model,
        }
        made = Tokenizer.from_str(json.dumps(file))
        pipelines.append(
            {
                "name": name,
                "normalizer": normalizer,
                "pre_tokenizer": pre_tokenizer,
                "samples": samples(made),
            }
        )
    out = {"model": model, "added_tokens": tokens, "pipelines": pipelines}
    path = HERE / "hugging-face-bpe.json"
    path.write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
