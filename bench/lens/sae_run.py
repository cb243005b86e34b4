"""Trains sparse autoencoders with `lens sae train` and with SAELens, and compares the results.

    python sae_run.py smollm2.gguf --programs DIRECTORY

Both train on the same activations, with equal settings and random weights of their own; each
shuffles as it does by default. SAELens then opens both results, and measures them on activations
that were held out. The time of Vidrio is that of the whole command, which runs the model; that of
SAELens is that of its steps, without the activations. DIRECTORY/sae-lens is an environment with
SAELens, as for conformance.py; this script needs numpy and safetensors.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import vidrio  # noqa: E402

CHUNK = 1024
TRAINED, HELD_OUT = 48, 4
BATCH, RATE, DEAD_AFTER = 1024, 1e-3, 100

# The options of the command; the class of SAELens and its settings.
KINDS = {
    "TopK": (("--kind", "topk"), "TopK", {}),
    "BatchTopK": (("--kind", "batchtopk"), "BatchTopK", {}),
    "JumpReLU": (
        ("--kind", "jumprelu", "--penalty", "5", "--bandwidth", "0.05", "--threshold", "0.01"),
        "JumpReLU",
        {"l0_coefficient": 5.0, "jumprelu_bandwidth": 0.05, "jumprelu_init_threshold": 0.01},
    ),
    "ReLU": (
        ("--kind", "standard", "--penalty", "5", "--warm-up", "100", "--dead-weight", "0"),
        "Standard",
        {"l1_coefficient": 5.0, "l1_warm_up_steps": 100},
    ),
}


def text() -> str:
    """Returns the pages of the documentation."""
    return "\n".join(p.read_text() for p in sorted((vidrio.LAUNCHER.parent / "docs").rglob("*.md")))


def activations(arguments, ids: list[int], directory: Path) -> np.ndarray:
    """Returns the activations of chunks, as trainings read them: without each first token."""
    rows = []
    for begin in range(0, len(ids), CHUNK):
        chunk, file = directory / "chunk.json", directory / "chunk.safetensors"
        chunk.write_text(json.dumps(ids[begin : begin + CHUNK]))
        command = ("lens", "cache", "--ids", str(chunk), "--hooks", arguments.hook, "-o", str(file))
        vidrio.run(arguments, *command, "-m", arguments.model)
        rows.append(load_file(file)[arguments.hook][1:])
    return np.concatenate(rows)


def train(arguments, kind: str, ids: Path, directory: Path) -> dict:
    """Trains with Vidrio and returns its seconds."""
    options, _, settings = KINDS[kind]
    options = list(options)
    if "--penalty" in options and arguments.own_penalty is not None:
        options[options.index("--penalty") + 1] = str(arguments.own_penalty)
    command = ["lens", "sae", "train", "-m", arguments.model, "--json"]
    command += ["--ids", str(ids), "--length", str(CHUNK), "--hook", arguments.hook]
    command += ["--features", str(arguments.features)]
    command += ["--steps", str(arguments.own_steps or arguments.steps)]
    command += ["--batch", str(BATCH), "--rate", str(RATE), "--dead-after", str(DEAD_AFTER)]
    command += ["-o", str(directory / "sae"), *options]
    command += ["-k", str(arguments.k)] if not settings else []
    measured = vidrio.measure(arguments, *command)
    return {"seconds": measured.seconds, "cpu": measured.cpu}


def compare(arguments, kind: str, ids: Path, tensors: dict, directory: Path) -> list[list[str]]:
    directory.mkdir()
    ours = train(arguments, kind, ids, directory)
    _, architecture, config = KINDS[kind]
    settings = {"class": architecture, "config": config or {"k": arguments.k}, "batch": BATCH}
    settings |= {"rate": RATE, "dead_after": DEAD_AFTER, "features": arguments.features}
    settings |= {"steps": arguments.steps}
    (directory / "settings.json").write_text(json.dumps(settings))
    save_file(tensors, directory / "tensors.safetensors")
    python = arguments.programs / "sae-lens/bin/python"
    runner = Path(__file__).with_name("saelens_run.py")
    done = subprocess.run([python, runner, directory], check=True, stdout=subprocess.PIPE, text=True)
    results = json.loads(done.stdout.splitlines()[-1])
    theirs, ours = results["theirs"], ours | results["ours"]
    return [
        [
            kind,
            title,
            f"{found['error']:.4f}",
            f"{found['l0']:.1f}",
            str(found["dead"]),
            f"{found['seconds']:.0f}",
            f"{found['cpu']:.0f}",
            f"{theirs['seconds'] / found['seconds']:.2f}",
        ]
        for title, found in (("Vidrio", ours), (results["program"], theirs))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--hook", default="blocks.12.hook_resid_post")
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("-k", type=int, default=32)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--own-steps", type=int, help="steps of Vidrio, if they are others")
    parser.add_argument("--own-penalty", type=float, help="penalty of Vidrio, if it is another")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        pages = directory / "pages.txt"
        pages.write_text(text())
        command = ("tokenize", "--ids", "-f", str(pages), "-m", arguments.model)
        unthreaded = argparse.Namespace(vidrio=arguments.vidrio, threads=None)
        ids = json.loads(vidrio.run(unthreaded, *command))[: (TRAINED + HELD_OUT) * CHUNK]
        if len(ids) < (TRAINED + HELD_OUT) * CHUNK:
            raise ValueError(f"{len(ids)} tokens, of {(TRAINED + HELD_OUT) * CHUNK}")
        trained = directory / "ids.json"
        trained.write_text(json.dumps(ids[: TRAINED * CHUNK]))
        tensors = {
            "rows": activations(arguments, ids[: TRAINED * CHUNK], directory),
            "held_out": activations(arguments, ids[TRAINED * CHUNK :], directory),
        }
        columns = ["kind", "program", "squared error", "L0", "dead", "s", "CPU s", "speed"]
        print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
        for kind in arguments.kinds:
            for row in compare(arguments, kind, trained, tensors, directory / kind):
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
