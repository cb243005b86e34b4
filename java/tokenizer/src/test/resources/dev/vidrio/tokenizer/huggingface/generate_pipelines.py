"""Writes small models with many pipelines of Hugging Face tokenizers, and the ids that these give for
the same sample texts: hugging-face-words.json (BPE over characters), hugging-face-bytes.json
(byte-level BPE) and hugging-face-unigram.json. Where a pipeline has a decoder, the decoded text of
each sample is given too.

    pip install tokenizers
    python generate_pipelines.py
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
SPACE = "\u2581"
BYTES = [f"<0x{b:02X}>" for b in range(256)]
STAGES = ["added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"]
WORDS = (
    "to be or not to be that is the question whether tis nobler in the mind to suffer the slings"
    " and arrows of outrageous fortune or to take arms against a sea of troubles and by opposing"
    " end them to die to sleep no more caf\u00e9 na\u00efve \u00fcber 12 345 6789 aaaa aaa aa abab don't"
).split()
PIECES = WORDS + [
    " ", "  ", "   ", SPACE, SPACE * 2, "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "<s>", "</s>",
    "<end>", "<e", "nd>", "<sep>", "<SEP>", "<0x0A>", "a", "aa", "aaa", "b", "ab", "A", ".", ",", "'s",
    "e\u0301", "\u00e9", "\u00c9", "\u8a9e", "\U0001f44d\U0001f3fd", "\U00012400", "\u200d", "\ufffd",
    "\u0301", "\u0338", "\u0323\u0307", "\u1100\u1161\u11a8", "\u212b", "\ufb01", "\ufb01\u0301", "\u2460",
    "\u0130", "\u03a3\u0391\u03a3", "\u01c5", "\u2163", "\u00bd", "x\u00b2", "\u24d0", "_", "-", "$", "+", "^",
    "\u00ab", "\u201c", "3.14", "TO", "Be", "``", "...", "!?", "42", "\u0663", "\u0000", "\u1e9e", "\uff21",
]  # fmt: skip
UNKNOWN = "\U00012400\ufffd\u0323\u00bd\u1e9e$?"
ALPHABET = sorted(set("".join(PIECES)) - set(UNKNOWN))


def texts():
    random.seed(3)
    made = ["", " ", "a", " a", "a ", "  ", SPACE + "a", "<s>", "a<s>b", "<sep> <sep>", "a<sep>b", "x<s>"]
    for _ in range(40):
        made.append("".join(random.choices(PIECES, k=random.randint(1, 12))))
        made.append(" ".join(random.choices(PIECES, k=random.randint(1, 12))))
    return made


def corpus():
    random.seed(1)
    return [" ".join(random.choices(WORDS, k=9)) for _ in range(400)]


def regex(pattern):
    return {"Regex": pattern}


def text(pattern):
    return {"String": pattern}


def step(type, **options):
    return {"type": type} | options


def replace(pattern, content):
    return step("Replace", pattern=pattern, content=content)


def split(pattern, behavior, invert=False):
    return step("Split", pattern=pattern, behavior=behavior, invert=invert)


def normalizers(*steps):
    return step("Sequence", normalizers=steps)


def splitters(*steps):
    return step("Sequence", pretokenizers=steps)


def decoders(*steps):
    return step("Sequence", decoders=steps)


def metaspace(scheme, split=True, replacement=SPACE):
    return step("Metaspace", replacement=replacement, prepend_scheme=scheme, split=split)


def byte_level(add_prefix_space=False, use_regex=True):
    return step(
        "ByteLevel", add_prefix_space=add_prefix_space, trim_offsets=True, use_regex=use_regex
    )


def added(id, content, special, **options):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": id, "content": content, "special": special} | flags | options


def pipeline(name, normalizer=None, pre_tokenizer=None, **more):
    return {"name": name, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer} | more


BEHAVIORS = ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]
WHITESPACE = step("Whitespace")
TEMPLATE = step(
    "TemplateProcessing",
    single=[
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "</s>", "type_id": 0}},
    ],
    pair=[{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    special_tokens={
        token: {"id": token, "ids": [id], "tokens": [token]} for id, token in ((1, "<s>"), (2, "</s>"))
    },
)
BERT = step("BertProcessing", cls=["<s>", 1], sep=["</s>", 2])
ROBERTA = step(
    "RobertaProcessing", cls=["<s>", 1], sep=["</s>", 2], trim_offsets=True, add_prefix_space=False
)
SPACES = decoders(replace(text(SPACE), " "), step("ByteFallback"), step("Fuse"))


def words(vocabulary, charsmap):
    size = len(vocabulary)
    spaced = metaspace("never")
    fused = {"fuse_unk": True}
    marked = [
        added(1, "<s>", True),
        added(2, "</s>", True, lstrip=True, rstrip=True),
        added(size, "<sep>", False, normalized=True),
        added(vocabulary["be"], "be", False, single_word=True),
        added(size + 1, "To", False, single_word=True, normalized=True, rstrip=True),
        added(size + 2, "  ", False, normalized=True),
    ]
    made = [
        pipeline("lowercase", step("Lowercase"), WHITESPACE),
        pipeline("accents", normalizers(step("NFD"), step("StripAccents")), WHITESPACE),
        pipeline("accents-composed", step("StripAccents"), WHITESPACE),
        pipeline("strip", step("Strip", strip_left=True, strip_right=True), spaced),
        pipeline("strip-left", step("Strip", strip_left=True, strip_right=False), spaced),
        pipeline("strip-right", step("Strip", strip_left=False, strip_right=True), spaced),
        pipeline("prepend", step("Prepend", prepend="be"), WHITESPACE),
        pipeline("replace-text", replace(text("``"), "be"), WHITESPACE),
        pipeline("replace-expression", replace(regex(r"[\d ]+(?!b)"), "to"), WHITESPACE),
        pipeline("precompiled", step("Precompiled", precompiled_charsmap=charsmap), spaced),
        pipeline("nothing"),
        pipeline("fused", None, WHITESPACE, model=fused),
        pipeline("without-unknown", None, WHITESPACE, model={"unk_token": None}),
        pipeline("ignore-merges", None, WHITESPACE, model={"ignore_merges": True}),
        pipeline("whitespace-split", None, step("WhitespaceSplit")),
        pipeline("bert", None, step("BertPreTokenizer")),
        pipeline("digits", None, step("Digits", individual_digits=False)),
        pipeline("digits-alone", None, step("Digits", individual_digits=True)),
        pipeline("metaspace-first", None, metaspace("first"), model=fused),
        pipeline("metaspace-always", None, metaspace("always"), decoder=None),
        pipeline("metaspace-low-line", None, metaspace("always", True, "_")),
        pipeline("words-metaspace", None, splitters(step("WhitespaceSplit"), metaspace("always"))),
        pipeline("intersection", None, split(regex(r"[\p{L}&&[^a-e\p{Lu}]]+|\p{Han}"), "Isolated")),
        pipeline("ahead", None, split(regex(r"\p{Ll}+(?=\s|$)|[^\S\n]"), "Isolated")),
        pipeline("template", None, WHITESPACE, post_processor=TEMPLATE),
        pipeline("bert-processing", None, WHITESPACE, post_processor=BERT),
        pipeline("roberta-processing", None, WHITESPACE, post_processor=ROBERTA),
        pipeline("added-tokens", None, WHITESPACE, added_tokens=marked),
        pipeline("added-tokens-lowercase", step("Lowercase"), WHITESPACE, added_tokens=marked),
        pipeline("added-tokens-prepend", step("Prepend", prepend="b"), spaced, added_tokens=marked),
    ]
    for behavior in BEHAVIORS:
        made.append(pipeline(f"punctuation-{behavior}", None, step("Punctuation", behavior=behavior)))
        for invert in (False, True):
            name = f"{behavior}{'-inverted' * invert}"
            made.append(pipeline(f"text-{name}", None, split(text(" "), behavior, invert)))
            made.append(pipeline(f"expression-{name}", None, split(regex(r"\w\w?|\s"), behavior, invert)))
    return made


def byte_levels():
    pattern = regex(r"\p{N}{1,2}|\p{Lu}?\p{Ll}+|\s+$|[^\s\p{L}\p{N}]+")
    decoder = byte_level()
    return [
        pipeline("expression", None, splitters(split(pattern, "Isolated"), byte_level(use_regex=False)), decoder=decoder),
        pipeline("prefix", None, byte_level(add_prefix_space=True)),
        pipeline("lowercase", normalizers(step("NFC"), step("Lowercase")), byte_level(), decoder=None),
        pipeline("punctuation", None, splitters(step("Punctuation"), byte_level()), decoder=decoder),
        pipeline("normalizer", step("ByteLevel"), None, decoder=decoder),
    ]  # fmt: skip


def unigrams(charsmap):
    squeeze = replace(regex(" {2,}"), " ")
    t5 = normalizers(step("Precompiled", precompiled_charsmap=charsmap), squeeze)
    ends = step("Strip", strip_left=False, strip_right=True)
    fallback = {"byte_fallback": True}
    return [
        pipeline("t5", t5, metaspace("always")),
        pipeline("mbart", normalizers(t5, ends, replace(regex(" {2,}"), SPACE)), metaspace("always")),
        pipeline("whole", None, metaspace("first", False)),
        pipeline("bytes", None, metaspace("never", False), model=fallback, decoder=SPACES),
        pipeline("words", step("NFKC"), splitters(step("WhitespaceSplit"), metaspace("always"))),
        pipeline("replaced", replace(text(" "), SPACE), None, model=fallback, decoder=SPACES),
    ]


def write(name, model, tokens, pipelines):
    samples = texts()
    for stages in pipelines:
        stages.setdefault("added_tokens", tokens)
        stages.setdefault("post_processor", None)
        stages.setdefault("decoder", None)
        stages.setdefault("model", {})
        file = {"version": "1.0", "truncation": None, "padding": None}
        file |= {stage: stages[stage] for stage in STAGES}
        tokenizer = Tokenizer.from_str(json.dumps(file | {"model": model | stages["model"]}))
        encoded = [tokenizer.encode(text).ids for text in samples]
        stages["ids"] = encoded
        if stages["decoder"]:
            stages["decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in encoded]
    out = {"model": model, "texts": samples, "pipelines": pipelines}
    (HERE / name).write_text(json.dumps(out, separators=(",", ":")) + "\n")


def special(*more):
    return [added(0, "<unk>", True), added(1, "<s>", True), added(2, "</s>", True), *more]


def train(model, trainer, pre_tokenizer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(corpus(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def main():
    sample = json.loads((HERE.parent / "sentencepiece-unigram.json").read_text())
    names = ["<unk>", "<s>", "</s>"]

    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=names,
        initial_alphabet=ALPHABET,
        show_progress=False,
    )
    model = train(models.BPE(unk_token="<unk>"), trainer, pre_tokenizers.Whitespace())
    size = len(model["vocab"])
    tokens = special(added(size, "<end>", True), added(size + 1, "<sep>", False))
    write("hugging-face-words.json", model, tokens, words(model["vocab"], sample["charsmap"]))

    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=names,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    model = train(models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False))
    write("hugging-face-bytes.json", model, special(), byte_levels())

    trainer = trainers.UnigramTrainer(
        vocab_size=400,
        special_tokens=names + BYTES,
        unk_token="<unk>",
        initial_alphabet=ALPHABET,
        show_progress=False,
    )
    model = train(models.Unigram(), trainer, pre_tokenizers.Metaspace())
    size = len(model["vocab"])
    tokens = special(added(size, "<end>", True), added(size + 1, "<sep>", False))
    write("hugging-face-unigram.json", model, tokens, unigrams(sample["charsmap"]))


main()
