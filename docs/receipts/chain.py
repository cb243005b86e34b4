"""Computes the hash chain of receipts from their other fields: python chain.py RECEIPT...

It needs no model and nothing but Python, and prints whether a receipt's chain is that of its
settings, tokens and hashes of logits. docs/receipts.md describes the format.
"""

import hashlib
import json
import struct
import sys


def integer(value):
    return struct.pack("<q", int(value))


def number(value):
    return struct.pack("<d", value)


def text(value):
    utf8 = value.encode()
    return integer(len(utf8)) + utf8


def ids(values):
    return integer(len(values)) + b"".join(map(integer, values))


def texts(values):
    return integer(len(values)) + b"".join(map(text, values))


def single(value):
    """Rounds to binary32, the precision of biases and strengths."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def header(receipt):
    adapter = receipt["adapter"] or {"sha256": "", "strength": 0}
    arithmetic = receipt["arithmetic"]
    sampling = receipt["sampling"]
    stop = receipt["stop"]
    dry = sampling["dry"]
    grammar = receipt["grammar"]
    biases = sorted((int(token), bias) for token, bias in sampling["logit_bias"].items())
    return b"".join(
        [
            text("vidrio receipt"),
            integer(receipt["receipt"]),
            text(receipt["model"]["sha256"]),
            text(adapter["sha256"]),
            number(single(adapter["strength"])),
            integer(arithmetic["version"]),
            text(arithmetic["products"]),
            text(arithmetic["cache"].upper()),
            integer(arithmetic["long_context"]),
            number(sampling["temperature"]),
            integer(sampling["top_k"]),
            number(sampling["top_p"]),
            number(sampling["min_p"]),
            number(sampling["repeat_penalty"]),
            number(sampling["frequency_penalty"]),
            number(sampling["presence_penalty"]),
            integer(sampling["repeat_last_n"]),
            number(dry["multiplier"]),
            number(dry["base"]),
            integer(dry["allowed_length"]),
            integer(dry["last_n"]),
            texts(dry["breakers"]),
            number(sampling["top_n_sigma"]),
            number(sampling["xtc_probability"]),
            number(sampling["xtc_threshold"]),
            integer(len(biases)),
            b"".join(integer(token) + number(single(bias)) for token, bias in biases),
            integer(sampling["seed"]),
            integer(stop["tokens"]),
            integer(stop["min_tokens"]),
            texts(stop["strings"]),
            ids(stop["token_ids"]),
            integer(stop["ignore_eos"]),
            text(
                json.dumps(grammar, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
                if grammar
                else ""
            ),
            ids(receipt["prompt"]),
        ]
    )


def chain(receipt):
    end = receipt["end_token"]
    tokens = receipt["answer"] + ([] if end is None else [end])
    link = hashlib.sha256(header(receipt)).digest()
    for token, logits in zip(tokens, receipt["logits"], strict=True):
        link = hashlib.sha256(link + struct.pack("<iQ", token, int(logits, 16))).digest()
    return link.hex()


if __name__ == "__main__":
    for file in sys.argv[1:]:
        with open(file, encoding="utf-8") as opened:
            document = json.load(opened)
        print(file + ":", "equal" if chain(document) == document["chain"] else "differs")
