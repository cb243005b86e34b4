"""Compares a prompt with a full cache of activations, of Vidrio and of TransformerLens.

    python compare_cache.py MODEL.gguf --java JAVA

Takes the time of 128 tokens with every hook point that Vidrio has by name but the results of heads,
which TransformerLens leaves out, once by the benchmark `LensBenchmark.cache`
(`mvn -pl bench/jmh -am package -DskipTests` builds it), which computes all points, and once by
`run_with_cache` of TransformerLens on the same weights dequantized to float32. Prints both in turn,
the best of a few runs each, and their ratio; besides, what the prompt takes alone, and where points
can be had but are not read (`cacheUnread`). The machine must be idle.

Needs torch, transformers, gguf and transformer-lens 4.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from compare_patching import Model

JAR = Path(__file__).resolve().parents[1] / "jmh/target"
TOKENS = 128
RUNS = 6
HOOKS = (
    "hook_embed hook_pos_embed hook_resid_pre hook_resid_mid hook_resid_post hook_scale"
    " hook_normalized hook_q hook_k hook_v hook_rot_q hook_rot_k hook_attn_scores hook_pattern"
    " hook_z hook_attn_out hook_mlp_out hook_pre hook_pre_linear hook_post"
).split()


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the speed of a full cache.")
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--java", default="java", help="of a JDK 25 (default: on the path)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    bridge = Model(arguments.model, arguments).bridge
    ratios = []
    for _ in range(arguments.rounds):
        ours, unread, forward = vidrio(arguments)
        theirs = transformer_lens(bridge)
        ratios.append(theirs / ours)
        print(
            f"vidrio {1000 * ours:.0f} ms, unread {1000 * unread:.0f} ms, the pass alone"
            f" {1000 * forward:.0f} ms;"
            f" TransformerLens {1000 * theirs:.0f} ms"
        )
    print(f"ratio {np.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


def vidrio(arguments) -> tuple[float, float, float]:
    """Returns the least seconds of a prompt with its cache, with an unread one, and without."""
    jar = next(JAR.glob("vidrio-bench-jmh-*.jar"))
    with tempfile.TemporaryDirectory() as directory:
        results = Path(directory) / "results.json"
        subprocess.run(
            [arguments.java, "-jar", jar, r"LensBenchmark\.(cache|cacheUnread|prompt)$"]
            + ["-p", f"file={Path(arguments.model).resolve()}", "-f", "1", "-wi", "3", "-w", "1s"]
            + ["-i", str(RUNS), "-r", "1s", "-rf", "json", "-rff", results],
            check=True,
            capture_output=True,
        )
        least = {
            result["benchmark"].rsplit(".", 1)[1]: min(result["primaryMetric"]["rawData"][0])
            for result in json.loads(results.read_text())
        }
    return least["cache"] / 1000, least["cacheUnread"] / 1000, least["prompt"] / 1000


def transformer_lens(bridge) -> float:
    """Returns the least seconds of run_with_cache."""
    tokens = torch.randint(0, bridge.cfg.d_vocab, (1, TOKENS))
    seconds = []
    with torch.no_grad():
        for _ in range(RUNS):
            start = time.perf_counter()
            bridge.run_with_cache(
                tokens, names_filter=lambda name: name.endswith(tuple(HOOKS))
            )
            seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
