"""Runs the cells of the notebooks in docs, and compares their texts with those in the file.

Bits are portable, so that the texts are equal on every machine. Pages, which also show times, are
not compared.
"""

import ast
import contextlib
import io
import json
import os
import pprint
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))


def run(source: str, names: dict) -> tuple[str, object]:
    """Runs a cell, and returns what it prints and the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return printed.getvalue(), value


class NotebookTest(unittest.TestCase):
    def test_has_the_outputs_in_the_file(self):
        program = os.environ.get("VIDRIO", str(ROOT / "vidrio"))
        listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True)
        if re.search(r"^smollm2 +not pulled", listed.stdout, re.MULTILINE):
            self.skipTest("needs ./vidrio pull smollm2")
        for file in sorted((ROOT / "docs/lens/notebooks").glob("*.ipynb")):
            names: dict = {}
            cells = json.loads(file.read_text())["cells"]
            for cell in (cell for cell in cells if cell["cell_type"] == "code"):
                source = "".join(cell["source"])
                printed, value = run(source, names)
                with self.subTest(file=file.name, cell=source):
                    outputs = cell["outputs"]
                    texts = ["".join(o["text"]) for o in outputs if o["output_type"] == "stream"]
                    self.assertEqual("".join(texts), printed)
                    values = [o["data"] for o in outputs if o["output_type"] == "execute_result"]
                    self.assertEqual(bool(values), value is not None)
                    for data in (data for data in values if "text/html" not in data):
                        self.assertEqual("".join(data["text/plain"]), pprint.pformat(value))


if __name__ == "__main__":
    unittest.main()
