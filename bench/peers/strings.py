"""Makes strings on which tokenizers are apt to differ."""

import random

SPACES = [" ", "  ", "   ", " " * 9, "\t", "\n", "\n\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u00a0",
          "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff", "\u2581"]  # fmt: skip
MARKS = ["\u0301", "\u0308", "\u0323", "\u0338", "\u0327", "\u0e34", "\u093f", "\u20dd", "\ufe0f", "\u200d"]
DIGITS = ["0", "1", "7", "42", "123", "1234", "1234567", "3.14", "1,000", "\u0663", "\u0967", "\u00b2",
          "\u00bd", "\u2163", "\u2460", "\U0001d7d8", "0x1F", "1e-9"]  # fmt: skip
EMOJI = ["\U0001f44d", "\U0001f44d\U0001f3fd", "\U0001f469\u200d\U0001f469\u200d\U0001f467",
         "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\U0001f600", "\U0001f3f4\u200d\u2620\ufe0f"]  # fmt: skip
WORDS = ["the", "The", "THE", "don't", "DON'T", "we'll", "I'm", "'s", "'S", "'\u017f", "caf\u00e9",
         "cafe\u0301", "na\u00efve", "Stra\u00dfe", "\u0130stanbul", "\u01c5", "\u0421\u043b\u043e\u0432\u043e",
         "\u039b\u03cc\u03b3\u03bf\u03c2", "\u8a9e", "\u4f60\u597d\u4e16\u754c", "\u3053\u3093\u306b\u3061\u306f",
         "\u30ab\u30ca", "\ud55c\uad6d\uc5b4", "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627",
         "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u10d0\u10d1",
         "camelCase", "snake_case", "HTTPServer", "https://a.bc/d?e=f#g", "x\u00b2"]  # fmt: skip
CODE = ["def f(x):\n    return x", "if (a != b) {\n\t++i;\n}", "/* c */", "// d", "#include <e>", "\\n",
        "a->b", "::", "=>", "==", "!=", "<<", "&&", "||", "{}", "[]", "()", "$x", "@y", "%d", "`z`", "~", "^",
        "...", "--", "___", "***", "\"\"", "''", "/path/to", "<br/>", "&amp;", "\u201cq\u201d", "\u2014"]  # fmt: skip
SPECIALS = ["<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
            "<|eot_id|>", "<start_of_turn>", "<end_of_turn>", "<|", "|>", "<|x|>", "<0x41>", "<0x0A>", "<0x",
            "[INST]", "<s", "/s>", "<|end|>", "<|user|>", "<mask>"]  # fmt: skip
KINDS = [SPACES, MARKS, DIGITS, EMOJI, WORDS, CODE, SPECIALS]
PLANES = [(0x20, 0x7F), (0, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000), (0x10000, 0x18000),
          (0x1D000, 0x20000), (0x20000, 0x32000), (0xE0000, 0xE01F0), (0xF0000, 0x110000)]  # fmt: skip


def character(chance: random.Random) -> str:
    """Returns a code point of any plane, assigned or not."""
    return chr(chance.randrange(*chance.choice(PLANES)))


def mixture(chance: random.Random) -> str:
    """Returns pieces of all kinds, with or without spaces between, some repeated."""
    pieces = []
    for _ in range(chance.randint(1, 10)):
        piece = chance.choice(chance.choice(KINDS)) if chance.random() < 0.8 else character(chance)
        pieces.append(piece * (chance.randint(2, 20) if chance.random() < 0.05 else 1))
    return chance.choice(["", "", " "]).join(pieces)


def make(count: int, seed: int, texts: list[str]) -> list[str]:
    """Returns `count` different strings: slices of the texts, runs of characters, and mixtures."""
    chance = random.Random(seed)
    made = {""}
    while len(made) < count:
        kind = chance.random()
        if kind < 0.15 and texts:
            text = chance.choice(texts)
            start = chance.randrange(len(text))
            made.add(text[start : start + chance.randint(1, 200)])
        elif kind < 0.3:
            made.add("".join(character(chance) for _ in range(chance.randint(1, 12))))
        else:
            made.add(mixture(chance))
    return sorted(made)
