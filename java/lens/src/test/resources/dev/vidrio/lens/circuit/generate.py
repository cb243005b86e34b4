#!/usr/bin/env python3
"""Writes gates that the programs of their authors draw, with gradients by autograd.

Usage: generate.py DIRECTORY, which has checkouts of

- https://github.com/princeton-nlp/Edge-Pruning: hard-concrete gates,
- https://github.com/maxtli/optimalablation: gates of uniform gradient sampling.

Each line of gates.tsv has the distribution, the parameter θ, u, the gate drawn by u, and the factor
of the gate's gradient in the estimate of that of θ. For uniform gradient sampling, the second
program weighs each gradient by the number of samples divided by that of uniform draws; the file has
the expectation of this weight, 1 / w. Its gates are 0 where Vidrio's are 1, by 1 - u.

Needs torch.
"""

import re
import sys
import types
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
PARAMETERS = [-4, -1, -0.25, 0, 0.5, 2.5, 5]
DRAWS = [0.001, 0.05, 0.2, 0.4, 0.47, 0.53, 0.6, 0.75, 0.85, 0.93, 0.98, 0.999]


def function(path: Path, name: str):
    """Returns a function or a method of a file, without the packages that the file imports."""
    lines = path.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf"\s*def {name}\(", line))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" " * (indent + 1))):
        end += 1
    constants = [line for line in lines if re.match(r"[A-Z_]+ = ", line)]
    source = "\n".join(constants + [line[indent:] for line in lines[start:end]])
    scope = {"torch": torch}
    exec(source, scope)
    return scope[name]


def main():
    programs = Path(sys.argv[1])
    stretched = function(programs / "Edge-Pruning/src/modeling/l0.py", "sample_z_from_u")
    uniform = function(
        programs / "optimalablation/mask_samplers/EdgeMaskSampler.py", "sample_modified_unif"
    )
    sampler = types.SimpleNamespace(temp_scale=1)

    def hard_concrete(parameter, u):
        # As in the program's sample_z_from_log_alpha.
        return torch.nn.functional.hardtanh(stretched(u, parameter), 0, 1), 1

    def ugs(parameter, u):
        p = parameter.sigmoid().detach()
        return uniform(sampler, 1 - u, parameter[None]), 1 / (p * (1 - p))

    lines = ["gates\tparameter\tu\tgate\tslope"]
    for name, draw in {"HARD_CONCRETE": hard_concrete, "UNIFORM": ugs}.items():
        for value in PARAMETERS:
            for u in DRAWS:
                parameter = torch.tensor(value, dtype=torch.double, requires_grad=True)
                gate, weight = draw(parameter, torch.tensor(u, dtype=torch.double))
                gate.backward()
                slope = float(parameter.grad * weight) + 0.0
                lines.append(f"{name}\t{value}\t{u}\t{gate.item():.15g}\t{slope:.15g}")
    (HERE / "gates.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
