"""Writes small BPE models in several pipelines of Hugging Face tokenizers, with the ids that these
give for sample texts: hugging-face-bpe.json with byte_fallback, hugging-face-byte-level.json with
byte-level BPE after normalization.

    pip install tokenizers
    python generate.py
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

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
    "\u0301", "\u0338", "\u0323\u0307", "\u0307\u0323", "\u1100\u1161\u11a8", "\u212b", "\ufb01", "\u2460",
    "\u0f73", "\U0001d15e", "\ufdfa",
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


def train_byte_level():
    random.seed(1)
    words = WORDS + ["\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "\ufb01t", "\ud55c\uad6d\uc5b4"]
    text = [" ".join(random.choices(words, k=9)) for _ in range(400)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    return json.loads(tokenizer.to_str())["model"]


def write(name, model, pipelines):
    written = []
    for pipeline, (tokens, normalizer, pre_tokenizer) in pipelines.items():
        file = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": tokens,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": None,
            "decoder": None,
            "model": model,
        }
        made = Tokenizer.from_str(json.dumps(file))
        stages = {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer}
        own = {"name": pipeline, "added_tokens": tokens} | stages
        written.append(own | {"samples": samples(made)})
    out = {"model": model, "pipelines": written}
    (HERE / name).write_text(json.dumps(out, separators=(",", ":")) + "\n")


def main():
    model = train()["model"]
    size = len(model["vocab"])
    tokens = [
        added(0, "<unk>", True),
        added(1, "<s>", True),
        added(2, "</s>", True),
        added(size, "<end>", True),
        added(size + 1, "<sep>", False),
        added(size + 2, SPACE * 3, False),
    ]
    pipelines = {name: (tokens, *stages) for name, stages in PIPELINES.items()}
    strips = [
        added(1, "<s>", True, lstrip=True),
        added(2, "</s>", True, rstrip=True),
        added(size, "<end>", True, lstrip=True, rstrip=True),
        added(size + 1, "<sep>", False, rstrip=True),
    ]
    pipelines["strips"] = (strips, *PIPELINES["prepend"])
    write("hugging-face-bpe.json", model, pipelines)

    model = train_byte_level()
    size = len(model["vocab"])
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level |= {"use_regex": True}
    pipelines = {}
    for form in ("NFD", "NFC", "NFKD", "NFKC"):
        # the compatibility forms make spaces, so that a token of spaces depends on them
        normalized = form in ("NFD", "NFC")
        spaces = added(size + 1, "   ", False, normalized=normalized)
        pipelines[form] = ([added(size, "<end>", True), spaces], {"type": form}, byte_level)
    write("hugging-face-byte-level.json", model, pipelines)


main()
