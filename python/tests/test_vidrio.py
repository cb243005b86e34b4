"""Tests the package on the embedded model, with a server that the launcher of this clone starts."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import vidrio
from vidrio import safetensors

TEXT = "To be, or not to"
EDIT = "blocks.2.attn.hook_z[:, 3] zero"
PAIRS = [("The king is", "The queen is", " his", " her")]


class Served(unittest.TestCase):
    """Tests with a running server."""

    @classmethod
    def setUpClass(cls):
        cls.model = vidrio.load("bard")

    @classmethod
    def tearDownClass(cls):
        cls.model.close()


class ActivationsTest(Served):
    def test_equals_the_file_of_the_command_line(self):
        program = os.environ.get("VIDRIO") or ROOT / "vidrio"
        for edits in ([], [EDIT]):
            with tempfile.TemporaryDirectory() as directory:
                file = Path(directory) / "cache.safetensors"
                options = [word for edit in edits for word in ("--edit", edit)]
                subprocess.run(
                    [program, "lens", "cache", "-p", TEXT, "-o", file, *options],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                expected = load_file(file)
            _, cache = self.model.run_with_cache(TEXT, edits=edits)
            np.testing.assert_array_equal(expected.pop("tokens"), cache.tokens)
            self.assertEqual(set(expected), set(cache))
            for name, tensor in expected.items():
                self.assertEqual(tensor.tobytes(), cache[name].tobytes(), name)

    def test_finds_activations_by_short_names(self):
        logits, cache = self.model.run_with_cache(TEXT)
        self.assertEqual((7, self.model.vocabulary), logits.shape)
        self.assertEqual((8, 7, 7), cache["pattern", 0].shape)
        self.assertIs(cache["blocks.3.hook_resid_post"], cache["resid_post", -1])
        self.assertEqual((4, 7, 256), cache.stack("resid_post").shape)
        with self.assertRaisesRegex(KeyError, "there are layers"):
            cache["pattern", 4]
        with self.assertRaises(KeyError):
            cache.stack("nothing")

    def test_runs_token_ids_and_generates(self):
        tokens = self.model.tokens(TEXT)
        logits, cache = self.model.run_with_cache(tokens, hooks="blocks.0.hook_resid_pre", tokens=3)
        self.assertEqual((10, 256), cache["resid_pre", 0].shape)
        self.assertEqual(self.model.pieces(tokens), cache.pieces[:7])
        self.assertEqual(int(np.argmax(logits[6])), cache.tokens[7])
        self.assertEqual(" be", cache.pieces[7])

    def test_computes_gradients(self):
        hook = "hook_embed"
        value, gradients = self.model.gradients(TEXT, hook, token=" be")
        _, cache = self.model.run_with_cache(TEXT, hook)
        attributed = self.model.lens.attribute(prompt=TEXT, token=" be")
        self.assertAlmostEqual(attributed["value"], value, 5)
        products = (gradients[hook] * cache[hook]).sum(-1)
        np.testing.assert_allclose(attributed["scores"], products, atol=1e-5)

    def test_adds_an_array(self):
        hook = "blocks.1.hook_resid_post"
        direction = np.linspace(-1, 1, self.model.width, dtype=np.float32)
        _, plain = self.model.run_with_cache(TEXT, hook)
        _, edited = self.model.run_with_cache(
            TEXT, hook, f"{hook} add 2 d.safetensors:d", files={"d.safetensors": {"d": direction}}
        )
        np.testing.assert_array_equal(plain[hook] + 2 * direction, edited[hook])

    def test_predicts_with_edits(self):
        plain, edited = self.model.predict(TEXT, 3), self.model.predict(TEXT, 3, EDIT)
        self.assertEqual(" be", plain[0][0])
        self.assertNotEqual(plain[0][1], edited[0][1])


class CommandsTest(Served):
    def test_reads_pairs_in_each_form(self):
        dictionaries = [dict(zip(("clean", "corrupted", "answer", "wrong"), PAIRS[0]))]
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "pairs.tsv"
            file.write_text("\t".join(PAIRS[0]) + "\n")
            results = [
                self.model.lens.measure(pairs=pairs, page=False)
                for pairs in (PAIRS, dictionaries, file, str(file))
            ]
        self.assertEqual(1, results[0]["pairs"])
        for result in results[1:]:
            self.assertEqual(results[0], result)

    def test_shows_pages(self):
        result = self.model.lens.attribute(prompt=TEXT)
        self.assertTrue(result.page.startswith("<!doctype html>"))
        self.assertIn("iframe", result._repr_html_())
        self.assertIsNone(self.model.lens.attribute(prompt=TEXT, page=False).page)

    def test_returns_tensors(self):
        prompts = ["A king", "Two kings"]
        tensors = self.model.lens.cache.tensors(prompts=prompts, hooks="ln_final.hook_scale")
        self.assertEqual(self.model.tokens("A king").tolist(), tensors["0/tokens"].tolist())
        self.assertIn("1/ln_final.hook_scale", tensors)

    def test_sends_adapters_with_their_strength(self):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "no=adapter.gguf"
            file.write_bytes(b"GGUF")
            for adapter in (file, str(file), f"{file}=0.5"):
                with self.assertRaisesRegex(vidrio.VidrioError, "adapter/no=adapter.gguf: "):
                    self.model.lens.compare(prompt=TEXT, adapter=adapter)

    def test_has_the_help_of_the_command_line(self):
        self.assertIn("Activation patching", self.model.lens.patch.__doc__)
        self.assertIn("from_ (integer)", self.model.lens.graph.__doc__)
        self.assertIn("features", dir(self.model.lens.sae))
        self.assertIn("knock_out", dir(self.model.lens.facts))

    def test_rejects_invalid_requests(self):
        with self.assertRaisesRegex(AttributeError, "there is no command nothing"):
            self.model.lens.nothing
        with self.assertRaisesRegex(TypeError, "has no option texts"):
            self.model.lens.attribute(texts="a")
        with self.assertRaisesRegex(FileNotFoundError, "texts are given as a list"):
            self.model.lens.measure(pairs="missing.tsv")
        with self.assertRaisesRegex(vidrio.VidrioError, "blocks.9.hook_z"):
            self.model.run_with_cache(TEXT, hooks="blocks.9.hook_z")
        with self.assertRaisesRegex(vidrio.VidrioError, "model"):
            vidrio.connect(self.model.url, "nothing")


class AnswersTest(Served):
    def test_generates_and_steers(self):
        self.assertEqual(" be", self.model.generate(TEXT, 1))
        steer = [
            {"hook": "blocks.2.hook_resid_post", "strength": 4.0, "plus": "love", "minus": "war"}
        ]
        self.assertNotEqual(self.model.generate(TEXT, 8), self.model.generate(TEXT, 8, steer))

    def test_converts_tokens(self):
        tokens = self.model.tokens("To be")
        self.assertEqual(["<|endoftext|>", "To", " be"], self.model.pieces("To be"))
        self.assertEqual("To be", self.model.text(tokens[1:]))


class StartTest(unittest.TestCase):
    def test_reports_why_a_server_does_not_start(self):
        with self.assertRaisesRegex(vidrio.VidrioError, "missing.gguf"):
            vidrio.load("missing.gguf")

    def test_reports_that_no_server_answers(self):
        with self.assertRaisesRegex(vidrio.VidrioError, "no server answers at http://127.0.0.1:9"):
            vidrio.connect("http://127.0.0.1:9")


class SafetensorsTest(unittest.TestCase):
    def test_agrees_with_the_library(self):
        tensors = {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3),
            "b": np.array([1, 2], np.int64),
            "c": np.array(0.5, np.float16),
        }
        for data in (save(tensors), safetensors.write(tensors)):
            read = safetensors.read(data)
            for name, tensor in tensors.items():
                self.assertEqual(tensor.dtype, read[name].dtype)
                np.testing.assert_array_equal(tensor, read[name])

    def test_widens_bf16(self):
        header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
        data = len(header).to_bytes(8, "little") + header + b"\x80\x3f\x00\xc0"
        np.testing.assert_array_equal(np.float32([1, -2]), safetensors.read(data)["x"])


if __name__ == "__main__":
    unittest.main()
