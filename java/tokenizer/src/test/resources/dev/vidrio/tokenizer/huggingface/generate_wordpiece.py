"""Writes hugging-face-wordpiece.json: a small WordPiece vocabulary with several pipelines of Hugging
Face tokenizers, and the ids that these give for the same sample texts and pairs of texts, whole and cut
to a number of tokens; and the characters of each class of BERT's tokenizer, as ranges of code points.

    pip install tokenizers
    python generate_wordpiece.py
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
STAGES = ["added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"]
NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = (
    "to be or not to be that is the question whether tis nobler in the mind to suffer the slings"
    " and arrows of outrageous fortune or to take arms against a sea of troubles and by opposing"
    " end them to die to sleep no more cafe naive uber 12 345 6789 aaaa aaa aa abab don't"
).split()
PIECES = WORDS + [
    " ", "  ", "\n", "\t", "\r\n", "\v", "\u0085", "\u00a0", "\u3000", "\u2028", "\u200b", "\u00ad", "\ufeff",
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[mask]", "[", "##be", "TO", "Be", "QUESTION", "caf\u00e9", "Caf\u0065\u0301",
    "na\u00efve", "\u00dcber", "\u0130n", "\u00d8re", "Stra\u00dfe", "\u1e9e", "\ufb01", "\u8a9e", "\u4eba\u53e3", "\U0002b820",
    "\U00020000", "\u3053\u3093", "\ud55c\uad6d", "\u093f", "\u0e34", "\u20dd", "\u0301", "\u05b0", "\U0001f44d\U0001f3fd",
    "\ufffd", "\u0000", "\ue000", "\U000e0100", ".", ",", "'", "\u2019", "\u201c", "\u2014", "\u00ab", "\u3002", "$", "+", "^", "`",
    "|", "~", "\u20ac", "\u00b1", "\u00bd", "\u0663", "x" * 9, "a" * 101, "be" * 50, "\U0001f600", "\u061d", "\u166d", "\U000111c9",
]  # fmt: skip


def texts():
    chance = random.Random(7)
    made = ["", " ", "be", " be ", "[CLS] be [SEP]", "a" * 100, "a" * 101, "x[MASK]y"]
    for _ in range(50):
        made.append("".join(chance.choices(PIECES, k=chance.randint(1, 12))))
        made.append(" ".join(chance.choices(PIECES, k=chance.randint(1, 12))))
    return made


def added(id, content, **options):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": id, "content": content, "special": True} | flags | options


def normalizer(clean=True, han=True, accents=None, lowercase=True):
    options = {"clean_text": clean, "handle_chinese_chars": han, "strip_accents": accents}
    return {"type": "BertNormalizer", "lowercase": lowercase} | options


def template(pair):
    def part(item):
        name, type = item.split(":")
        kind = "Sequence" if name in "AB" else "SpecialToken"
        return {kind: {"id": name, "type_id": int(type)}}

    single = ["[CLS]:0", "A:0", "[SEP]:0"]
    tokens = {
        name: {"id": name, "ids": [NAMES.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")
    }
    return {
        "type": "TemplateProcessing",
        "single": [part(item) for item in single],
        "pair": [part(item) for item in pair.split()],
        "special_tokens": tokens,
    }


def processing(type):
    return {"type": type, "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]}


def pipelines():
    bert = template("[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1")
    modern = template("[CLS]:0 A:0 [SEP]:0 B:0 [SEP]:0")
    roberta = processing("RobertaProcessing") | {"trim_offsets": True, "add_prefix_space": False}
    words = {"type": "Whitespace"}
    return [
        ("uncased", {"normalizer": normalizer(), "post_processor": bert}),
        ("cased", {"normalizer": normalizer(lowercase=False), "post_processor": processing("BertProcessing")}),
        ("accents", {"normalizer": normalizer(accents=False), "post_processor": modern}),
        ("stripped", {"normalizer": normalizer(accents=True, lowercase=False), "post_processor": roberta}),
        ("uncleaned", {"normalizer": normalizer(clean=False), "post_processor": bert}),
        ("joined", {"normalizer": normalizer(han=False), "post_processor": bert}),
        ("short", {"normalizer": normalizer(), "post_processor": bert, "model": {"max_input_chars_per_word": 6}}),
        ("words", {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": words, "post_processor": bert}),
    ]  # fmt: skip


def train():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = sorted(set("".join(PIECES[len(WORDS):])) - set("\u8a9e\u4eba$\ufffd\u0000 \n\t\r\v\u0085"))
    trainer = trainers.WordPieceTrainer(
        vocab_size=420, special_tokens=NAMES, initial_alphabet=alphabet, show_progress=False
    )
    chance = random.Random(1)
    corpus = [" ".join(chance.choices(WORDS, k=9)) for _ in range(400)]
    tokenizer.train_from_iterator(corpus, trainer)
    return json.loads(tokenizer.to_str())["model"]


def encode_pairs(tokenizer, samples):
    found = []
    for first, second, most in samples:
        tokenizer.no_truncation()
        if most:
            tokenizer.enable_truncation(most)
        encoding = tokenizer.encode(first, second)
        found.append([encoding.ids, encoding.type_ids])
    tokenizer.no_truncation()
    return found


def ranges(selected):
    found = []
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000 and selected(chr(c)):
            if found and found[-1][1] == c - 1:
                found[-1][1] = c
            else:
                found.append([c, c])
    return found


def classes():
    clean = normalizers.BertNormalizer(True, False, False, False)
    strip = normalizers.BertNormalizer(False, False, True, False)
    han = normalizers.BertNormalizer(False, True, False, False)
    words = pre_tokenizers.BertPreTokenizer()
    pieces = lambda c: [word for word, _ in words.pre_tokenize_str("a" + c + "b")]
    return {
        "control": ranges(lambda c: clean.normalize_str(c) == ""),
        "space": ranges(lambda c: pieces(c) == ["a", "b"]),
        "punctuation": ranges(lambda c: pieces(c) == ["a", c, "b"]),
        "accent": ranges(lambda c: strip.normalize_str("a" + c) == "a"),
        "han": ranges(lambda c: han.normalize_str(c) == f" {c} "),
    }


def main():
    model = train()
    samples = texts()
    chance = random.Random(5)
    pairs = [
        [chance.choice(samples), chance.choice(samples), chance.choice([0, 3, 4, 7, 8, 12, 13])]
        for _ in range(60)
    ]
    made = []
    for name, stages in pipelines():
        stages.setdefault("pre_tokenizer", {"type": "BertPreTokenizer"})
        stages.setdefault("model", {})
        stages["decoder"] = {"type": "WordPiece", "prefix": "##", "cleanup": True}
        stages["added_tokens"] = [added(id, token) for id, token in enumerate(NAMES)]
        file = {"version": "1.0", "truncation": None, "padding": None}
        file |= {stage: stages[stage] for stage in STAGES}
        tokenizer = Tokenizer.from_str(json.dumps(file | {"model": model | stages["model"]}))
        stages["ids"] = [tokenizer.encode(text).ids for text in samples]
        stages["pairs"] = encode_pairs(tokenizer, pairs)
        made.append({"name": name} | stages)
    out = {"model": model, "texts": samples, "pairs": pairs, "pipelines": made, "classes": classes()}
    (HERE / "hugging-face-wordpiece.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


main()
