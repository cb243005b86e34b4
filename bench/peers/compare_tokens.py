"""Compares Vidrio's tokens with those of llama.cpp and Hugging Face tokenizers.

    python compare_tokens.py MODEL... [--count 100000] [--seed 1] [--text FILE]... [--show 5]

Takes GGUF files, also such as hold a vocabulary alone, and directories with a tokenizer.json, and
gives each engine the same strings: code
points of all planes, white space of all kinds, marks, digits, emoji, code, scripts mixed, names of
special tokens, and slices of the `--text` files. Names of special tokens are parsed; none are added.

llama.cpp reads the file itself. For Hugging Face tokenizers there is no tokenizer.json next to it, so
that one is made of the file's vocabulary and merges and of the expressions that the originals of
these models have; for pre-tokenizers that HUGGING_FACE does not list, and for SentencePiece BPE,
there is none. WordPiece and the unigram model get the pipelines of BERT and XLM-RoBERTa. A directory
is read by Hugging Face tokenizers itself and not by llama.cpp; here each string is compared as the
first and as the second text of a pair with special tokens and types, whole and cut to 16 tokens.

Prints how many strings each pair agrees on, and the first disagreements, each cut down to the
shortest string that still shows one. Ends with 1 when Vidrio differs from both of the others where
these agree, or cannot open a file for another reason than that its kind of tokenizer is refused.

Needs the packages of requirements.txt.
"""

import argparse
import json
import tempfile
from pathlib import Path

from gguf import GGUFReader
from llama_cpp import Llama
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

import strings
import vidrio

UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
HUGGING_FACE = {
    "gpt-2": [GPT_2],
    "mpt": [GPT_2],
    "olmo": [GPT_2],
    "smollm": [r"\p{N}", GPT_2],
    "starcoder": [r"\p{N}", GPT_2],
    "refact": [r"\p{N}", GPT_2],
    "command-r": [r"\p{N}", GPT_2],
    "llama-bpe": [HEAD + r"\p{N}{1,3}" + TAIL],
    "qwen2": [HEAD + r"\p{N}" + TAIL],
}


def field(reader: GGUFReader, key: str):
    """Returns a key's value, or None."""
    found = reader.get_field("tokenizer.ggml." + key)
    return None if found is None else found.contents()


def hugging_face(path: str) -> Tokenizer | None:
    """Returns a tokenizer of Hugging Face with the file's vocabulary, if its words are known."""
    reader = GGUFReader(path)
    if field(reader, "model") in ("bert", "t5"):
        tokenizer = bert(reader) if field(reader, "model") == "bert" else xlm_roberta(reader)
        add_literals(reader, tokenizer)
        return tokenizer
    expressions = HUGGING_FACE.get(field(reader, "pre"))
    if field(reader, "model") != "gpt2" or expressions is None:
        return None
    tokens = field(reader, "tokens")
    merges = [tuple(merge.split(" ")) for merge in field(reader, "merges")]
    vocabulary = {token: id for id, token in enumerate(tokens)}
    whole = field(reader, "pre") == "llama-bpe"
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=whole))
    splits = [pre_tokenizers.Split(Regex(each), "isolated") for each in expressions]
    bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes])
    add_literals(reader, tokenizer)
    return tokenizer


def add_literals(reader: GGUFReader, tokenizer: Tokenizer) -> None:
    """Adds the tokens that are recognized by their spelling; encoders' masks strip space."""
    tokens, types = field(reader, "tokens"), field(reader, "token_type")
    kinds = (UNKNOWN, CONTROL, USER_DEFINED)
    literals = [t for t, type in zip(tokens, types) if type in kinds]
    strips = field(reader, "model") == "t5" and "<mask>"
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, lstrip=token == strips) for token in literals]
    )


def bert(reader: GGUFReader) -> Tokenizer:
    """Returns BERT's tokenizer with the file's vocabulary."""
    vocabulary = {}
    for token, type in zip(field(reader, "tokens"), field(reader, "token_type")):
        word = token[1:] if token.startswith("\u2581") else "##" + token
        vocabulary[token if type == CONTROL else word] = len(vocabulary)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def xlm_roberta(reader: GGUFReader) -> Tokenizer:
    """Returns XLM-RoBERTa's tokenizer with the file's vocabulary."""
    tokens, scores = field(reader, "tokens"), field(reader, "scores")
    unknown = field(reader, "unknown_token_id")
    tokenizer = Tokenizer(models.Unigram(list(zip(tokens, scores)), unknown, False))
    charsmap = bytes(value & 255 for value in field(reader, "precompiled_charsmap"))
    tokenizer.normalizer = normalizers.Precompiled(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    return tokenizer


def engines(arguments, path: str) -> dict:
    """Returns functions from strings to lists of ids, by the engines' names."""
    llama = Llama(path, vocab_only=True, verbose=False)

    def ours(texts: list[str]) -> list[list[int]]:
        with tempfile.TemporaryDirectory() as directory:
            batch = Path(directory, "strings.json")
            batch.write_text(json.dumps(texts))
            return json.loads(
                vidrio.run(arguments, "tokenize", "-m", path, "--batch", str(batch))
            )

    def theirs(texts: list[str]) -> list[list[int]]:
        return [llama.tokenize(text.encode(), add_bos=False, special=True) for text in texts]

    found = {"vidrio": ours, "llama.cpp": theirs}
    tokenizer = hugging_face(path)
    if tokenizer is not None:
        found["hugging face"] = lambda texts: [
            encoding.ids for encoding in tokenizer.encode_batch_fast(texts)
        ]
    return found


def directory_engines(arguments, path: str) -> dict:
    """Returns functions from pairs of strings to lists of ids and types, by the engines' names."""
    tokenizer = Tokenizer.from_file(str(Path(path, "tokenizer.json")))
    tokenizer.no_padding()

    def ours(pairs: list[tuple[str, str]], most: int) -> list[list[int]]:
        with tempfile.TemporaryDirectory() as directory:
            batch = Path(directory, "pairs.json")
            batch.write_text(json.dumps(pairs))
            command = ["tokenize", "-m", path, "--pairs", str(batch), "--max-tokens", str(most)]
            return json.loads(vidrio.run(arguments, *command))

    def theirs(pairs: list[tuple[str, str]], most: int) -> list[list[int]]:
        tokenizer.enable_truncation(most)
        found = tokenizer.encode_batch(pairs)
        return [[encoding.ids, encoding.type_ids] for encoding in found]

    return {"vidrio": ours, "hugging face": theirs}


def compare_directory(arguments, path: str, texts: list[str]) -> bool:
    """Prints where the pairs of a directory's tokenizer differ."""
    by_name = directory_engines(arguments, path)
    pairs = list(zip(texts, texts[1:] + texts[:1]))
    print(f"{Path(path).name}: {len(pairs)} pairs")
    differ = 0
    for most in (1_000_000, 16):
        a, b = (engine(pairs, most) for engine in by_name.values())
        differing = [(pair, x, y) for pair, x, y in zip(pairs, a, b) if x != y]
        print(f"  vidrio and hugging face, {most} tokens at most: {len(differing)} differ")
        for pair, x, y in differing[: arguments.show]:
            print(f"    {pair!a}: {x} and {y}")
        differ += len(differing)
    return differ > 0


def shorter(text: str) -> list[str]:
    """Returns what is left of a text without a half, a quarter and so on of it, the shortest first."""
    left = []
    size = len(text) // 2
    while size > 0:
        left += [text[:i] + text[i + size :] for i in range(0, len(text) - size + 1, size)]
        size //= 2
    return left


def shortest(texts: list[str], one, other) -> list[str]:
    """Takes characters away from each text for as long as the two engines still differ."""
    while True:
        tries = [shorter(text) for text in texts]
        flat = sum(tries, [])
        differ = iter([a != b for a, b in zip(one(flat), other(flat))])
        kept = [[each for each in left if next(differ)] for left in tries]
        if not any(kept):
            return sorted(set(texts))
        texts = [left[0] if left else text for text, left in zip(texts, kept)]


def compare(arguments, path: str, texts: list[str]) -> bool:
    """Prints where the engines differ and where only Vidrio differs."""
    by_name = engines(arguments, path)
    ids = {name: engine(texts) for name, engine in by_name.items()}
    names = list(by_name)
    print(f"{Path(path).name}: {len(texts)} strings")
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            differing = [t for t, a, b in zip(texts, ids[one], ids[other]) if a != b]
            print(f"  {one} and {other}: {len(differing)} differ", flush=True)
            for text in shortest(differing[: arguments.show], by_name[one], by_name[other]):
                a, b = by_name[one]([text])[0], by_name[other]([text])[0]
                print(f"    {text!a}: {a} and {b}")
    alone = 0
    if len(names) == 3:
        alone = sum(a != b and b == c for a, b, c in zip(*ids.values()))
        print(f"  {alone} on which only vidrio differs")
    return alone > 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares Vidrio's tokens with those of other engines."
    )
    parser.add_argument("models", nargs="+", metavar="model", help="GGUF file or directory")
    parser.add_argument("--count", type=int, default=100_000, help="strings (default 100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the strings (default 1)")
    parser.add_argument("--text", action="append", default=[], help="UTF-8 file to take slices of")
    parser.add_argument("--show", type=int, default=5, help="disagreements to show (default 5)")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    faults = 0
    texts = [Path(file).read_text() for file in arguments.text]
    made = strings.make(arguments.count, arguments.seed, texts)
    for path in arguments.models:
        try:
            run = compare_directory if Path(path).is_dir() else compare
            faults += run(arguments, path, made)
        except (OSError, ValueError) as error:
            print(f"{Path(path).name}: {error}")
            faults += "is not supported" not in str(error)
    parser.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
