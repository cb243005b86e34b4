package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.cli.io.Workspace;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Lets each operation on the files that lens commands read and write fail in turn. Then an error
 * names the file and the reason, and each output is absent or complete.
 */
@Tag("long")
class LensFileFaultTest {
  private static final String TRAIN =
      "sae train -f shared/line.txt --hook hook_embed --features 8 -k 2 --batch 4 --steps 4";

  private static final String TUNE = "tune -f shared/line.txt --length 6 --epochs 1 --hooks ";

  @TempDir static Path directory;

  private final FaultyFileSystem files = new FaultyFileSystem();

  /** A command that ended with an error. */
  private static final class FailedCommand extends RuntimeException {
    private static final long serialVersionUID = 1;

    FailedCommand(Cli result) {
      super(result.err());
      assertEquals(1, result.code(), result.err());
    }
  }

  @BeforeAll
  static void writeInputs() throws IOException {
    Path inputs = Files.createDirectory(directory.resolve("inputs"));
    write("text.txt", "To be, or not to be: that is the question. ".repeat(9));
    write("other.txt", "The king is dead, long live the king. ".repeat(9));
    write("line.txt", "To be, or not to be: that is the question.");
    write("prompts.json", "[\"To be\", \"or not\"]");
    write("pairs.tsv", "The king\tThe queen\t his\t her\n".repeat(4));
    write("texts.tsv", "The king\tThe queen\t his\t her\nThe queen\tThe king\t her\t his\n");
    write("labels.tsv", "one\tThe king\nmany\tThe kings\n".repeat(6));
    write("facts.tsv", "Romeo\tThe love of {} is\tJuliet\nHamlet\tThe love of {} is\tOphelia\n");
    write("rewrites.tsv", "Romeo\tThe love of {} is\tJuliet\tRosaline\n");
    write("tasks.tsv", "pair\tking\tqueen\npair\tman\twife\npair\tlord\tlady\n");
    write(
        "hypothesis.json",
        """
        {"logits": ["all"], "claims": {"all": {"components": ["*"], "depends_on": ["text"]}}}
        """);
    try (Workspace workspace = Workspace.create(directory, inputs, Map.of())) {
      for (String line :
          List.of(
              "cache -p king --hooks hook_embed -o directions.safetensors",
              "edges --pairs shared/pairs.tsv --method ugs --steps 2 --graph graph.json",
              TUNE + "blocks.1.hook_resid_post -o tuned.safetensors",
              TUNE + "blocks.1.attn.hook_z -o heads.safetensors",
              TRAIN + " -o sae")) {
        run(workspace, line);
      }
      for (Map.Entry<String, byte[]> file : workspace.written().entrySet()) {
        Path target = inputs.resolve(file.getKey());
        Files.createDirectories(target.getParent());
        Files.write(target, file.getValue());
      }
    }
  }

  private static void write(String name, String content) throws IOException {
    Files.writeString(directory.resolve("inputs").resolve(name), content);
  }

  private static void run(Workspace workspace, String line) throws IOException {
    String[] arguments = ("lens " + line).split(" ");
    Arrays.setAll(arguments, i -> arguments[i].replace('~', ' '));
    Cli result = workspace.call(() -> Cli.run(arguments));
    if (result.code() != 0) {
      throw new FailedCommand(result);
    }
  }

  private void assertNamesFileAndReason(Exception e) {
    FaultyFileSystem.assertNamesFileAndReason(directory, e);
    String message = String.valueOf(e.getMessage());
    assertTrue(message.lines().count() <= 2, message);
    assertFalse(message.contains("internal error"), message);
  }

  private void failEach(String line) throws IOException {
    Path parent = Files.createTempDirectory(directory, "runs");
    Path inputs = files.path(directory.resolve("inputs"));
    Map<String, byte[]> whole;
    try (Workspace workspace = Workspace.create(parent, inputs, Map.of())) {
      run(workspace, line);
      whole = workspace.written();
    }
    var current = new Workspace[1];
    int operations =
        files.failEach(
            () -> current[0] = Workspace.create(files.path(parent), inputs, Map.of()),
            () -> run(current[0], line),
            this::assertNamesFileAndReason,
            () -> {
              try (Workspace workspace = current[0]) {
                workspace
                    .written()
                    .forEach((name, bytes) -> assertArrayEquals(whole.get(name), bytes, name));
              }
              assertFalse(files.hasMappedMemory());
            });
    assertTrue(operations > 3, () -> operations + " operations");
    try (Stream<Path> left = Files.list(parent)) {
      assertEquals(0, left.count());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "logits -f shared/text.txt -o page.html",
        "logits -f shared/text.txt --tuned shared/tuned.safetensors",
        "logits -f shared/text.txt --attention shared/heads.safetensors",
        "edit -p king --edit hook_embed~add~1~shared/directions.safetensors:hook_embed",
        "cache -f shared/text.txt --hooks hook_embed -o cache.safetensors",
        "cache --prompts shared/prompts.json --hooks hook_embed -o cache.safetensors",
        "gradients -f shared/text.txt --hooks hook_embed -o gradients.safetensors",
        "attribute -f shared/line.txt --answer ~that -o scores.safetensors",
        "faithfulness --prompts shared/prompts.json",
        "routes --average -f shared/text.txt --against shared/other.txt",
        "ablate -p king --mean-of shared/text.txt --layers 0",
        "patch --pairs shared/pairs.tsv --site attn_out -o page.html",
        "scrub --pairs shared/texts.tsv --hypothesis shared/hypothesis.json --runs 1",
        "edges --pairs shared/pairs.tsv --method eap --graph graph.json",
        "edges --pairs shared/pairs.tsv --gates shared/graph.json --ablation zero",
        "curve --pairs shared/pairs.tsv --scores shared/graph.json --sizes 0.5",
        "curve --pairs shared/pairs.tsv --method eap --graph graph.json --sizes 0.5",
        "dataset induction -n 3 -o set.tsv",
        "probe -f shared/labels.tsv --hooks blocks.0.hook_resid_post -o probe.safetensors",
        "erase -f shared/labels.tsv --hooks blocks.0.hook_resid_post -o erased.safetensors",
        "align -f shared/pairs.tsv --hooks blocks.0.hook_resid_post --steps 1 -o align.safetensors",
        "function-vector -f shared/tasks.tsv --shots 1 --prompts 1 --heads 1 --save v.safetensors",
        "facts truth -f shared/facts.tsv --all --folds 2 --save truth.safetensors",
        "rewrite -f shared/rewrites.tsv --text shared/text.txt --layer 1 --steps 1 -o facts.gguf",
        "graph -p king --features 4 -o graph.json",
        TUNE + "blocks.1.hook_resid_post -o tuned.safetensors",
        TRAIN + " --checkpoint checkpoint.safetensors --checkpoint-steps 4 -o trained",
        "sae train-cross -f shared/line.txt --hook blocks.1-2.hook_resid_post --features 8"
            + " -k 2 --batch 4 --steps 4 -o crosscoder",
        "sae index --sae shared/sae -f shared/text.txt -o index",
      })
  void failsWholly(String line) throws IOException {
    failEach(line);
  }
}
