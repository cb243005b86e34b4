"""Compares the scores of `vidrio rerank` with those of transformers.

    python compare_rerank.py VOCABULARY.gguf TEMPLATE.jinja [--count 40] [--seed 1]
    python compare_rerank.py DIRECTORY [--count 40] [--seed 1]

Takes Qwen's vocabulary as a GGUF file and Qwen3's chat template, and makes a model of Qwen3's
architecture with random weights and few layers, scored by Qwen3-Reranker's published code. Or takes
a directory with BERT's tokenizer, and makes a random cross-encoder, scored by
sentence-transformers. Query and documents are mixtures of all kinds of text, without names of
special tokens, which the others parse and Vidrio does not. Prints the largest difference of the
scores, and ends with 1 when it exceeds 1e-5.

Needs the packages of requirements.txt, torch, transformers and sentence-transformers.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

import compare_tokens
import strings
import vidrio

TASK = "Given a web search query, retrieve relevant passages that answer the query"
PREFIX = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the"
    ' Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def make(directory: str, vocabulary: str, template: str, seed: int):
    """Writes and returns a random model and its tokenizer."""
    inner = compare_tokens.hugging_face(vocabulary)
    inner.add_tokens(["<think>", "</think>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>")
    tokenizer.chat_template = Path(template).read_text()
    tokenizer.save_pretrained(directory)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=4096,
        initializer_range=0.1,
    )
    model = Qwen3ForCausalLM(config).eval()
    model.save_pretrained(directory)
    return model, tokenizer


def score(model, tokenizer, query: str, document: str) -> float:
    """Returns the score by the formula of Qwen3-Reranker's model card."""
    pair = f"<Instruct>: {TASK}\n<Query>: {query}\n<Document>: {document}"
    ids = sum((tokenizer.encode(part, add_special_tokens=False) for part in (PREFIX, pair, SUFFIX)), [])
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
    false, true = (logits[tokenizer.convert_tokens_to_ids(word)] for word in ("no", "yes"))
    return torch.log_softmax(torch.stack([false, true]), 0)[1].exp().item()


def cross_encoder(directory: str, tokenizer: str, seed: int, query: str, documents: list[str]):
    """Writes a random cross-encoder and returns its scores by sentence-transformers."""
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(directory)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        initializer_range=0.2,
        num_labels=1,
    )
    BertForSequenceClassification(config).eval().save_pretrained(directory)
    model = CrossEncoder(directory, device="cpu", activation_fn=torch.nn.Sigmoid())
    return [float(score) for score in model.predict([(query, document) for document in documents])]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares reranking with transformers.")
    parser.add_argument("vocabulary", help="GGUF file with Qwen's vocabulary, or directory")
    parser.add_argument("template", nargs="?", help="file with Qwen3's chat template")
    parser.add_argument("--count", type=int, default=40, help="documents (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and texts (default 1)")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    texts = [t for t in strings.make(arguments.count * 3, arguments.seed, []) if "<" not in t and t.strip()]
    query, *documents = texts[: arguments.count + 1]
    with tempfile.TemporaryDirectory() as directory:
        vocabulary, seed = arguments.vocabulary, arguments.seed
        if arguments.template is None:
            expected = cross_encoder(directory, vocabulary, seed, query, documents)
        else:
            model, tokenizer = make(directory, vocabulary, arguments.template, seed)
            expected = [score(model, tokenizer, query, document) for document in documents]
        batch = Path(directory, "documents.json")
        batch.write_text(json.dumps(documents))
        command = ["rerank", "-m", directory, query, "--documents", str(batch), "--json"]
        found = json.loads(vidrio.run(arguments, *command))["results"]
    actual = {result["index"]: result["relevance_score"] for result in found}
    difference = max(abs(actual[i] - score) for i, score in enumerate(expected))
    print(f"{len(expected)} documents, scores {min(expected):.4f} to {max(expected):.4f}")
    print(f"largest difference {difference:.2e}")
    parser.exit(1 if difference > 1e-5 else 0)


if __name__ == "__main__":
    main()
