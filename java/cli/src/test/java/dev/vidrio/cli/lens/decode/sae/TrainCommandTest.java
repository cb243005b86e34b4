package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code vidrio lens sae train}: its result, and checkpoints. */
class TrainCommandTest {
  private static final String WEIGHTS = "sae_weights.safetensors";

  @TempDir Path directory;

  private String[] train(String output, String... more) {
    String[] command = {
      "lens",
      "sae",
      "train",
      "-f",
      "../../docs/lens/speeches.txt",
      "--hook",
      "blocks.1.ln2.hook_normalized",
      "--hook-out",
      "blocks.1.hook_mlp_out",
      "--skip",
      "--kind",
      "batchtopk",
      "-k",
      "6",
      "--features",
      "32",
      "--steps",
      "20",
      "--batch",
      "128",
      "--buffer",
      "1",
      "-o",
      directory.resolve(output).toString()
    };
    return Stream.concat(Arrays.stream(command), Arrays.stream(more)).toArray(String[]::new);
  }

  private static Cli done(String... arguments) {
    Cli result = Cli.run(arguments);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void reportsTraining() {
    JsonNode json = done(train("out", "--json")).json();
    assertEquals("transcoder", json.get("kind").stringValue());
    assertEquals("blocks.1.hook_mlp_out", json.get("hook_out").stringValue());
    assertEquals(20, json.get("steps").intValue());
    assertEquals(6, json.get("l0").doubleValue(), 0.1);
    assertTrue(json.get("error").doubleValue() < 1.2, json.toString());
  }

  @Test
  void continuesFromCheckpoint() throws IOException {
    done(train("whole"));
    Path state = directory.resolve("state.safetensors");
    String[] command = train("out", "--checkpoint", state.toString(), "--checkpoint-steps", "1");
    String out = done(command).out();
    assertTrue(out.contains("transcoder of 32 features, 20 steps of 128 tokens"), out);
    assertTrue(out.contains("6.0 active per token (L0)"), out);
    assertTrue(done(command).out().contains("the checkpoint was complete"));
    assertArrayEquals(
        Files.readAllBytes(directory.resolve("whole").resolve(WEIGHTS)),
        Files.readAllBytes(directory.resolve("out").resolve(WEIGHTS)));
    Cli result = Cli.run(train("out", "--checkpoint", state.toString(), "--rate", "1"));
    assertEquals(1, result.code());
    assertTrue(
        result.err().contains("learning rate 1.0: is 0.001 in the checkpoint"), result.err());
  }

  @ParameterizedTest
  @CsvSource({
    "--kind standard --penalty 2 --warm-up 2, standard",
    "-k 3, topk",
    "--kind matching_pursuit -k 3 --residual 0.5, matching_pursuit",
    "--kind batchtopk -k 3, jumprelu",
    "--kind matryoshka -k 3 --widths 4;8, jumprelu",
    "--kind gated --dead-weight 0, gated",
    "--kind jumprelu --form tanh --tanh-scale 3 --pre-act 0.01 --ste-encoder, jumprelu",
    "--kind jumprelu --form quadratic -k 5 --bandwidth 0.1 --threshold 0.2, jumprelu",
  })
  void trainsKinds(String options, String architecture) throws IOException {
    Path output = directory.resolve("kind");
    List<String> command =
        new ArrayList<>(List.of("lens", "sae", "train", "-o", output.toString()));
    command.addAll(List.of("-p", "To be, or not to be. ".repeat(9), "--features", "16"));
    command.addAll(List.of("--hook", "blocks.1.hook_resid_post", "--batch", "16", "--steps", "3"));
    command.addAll(List.of(options.replace(';', ',').split(" ")));
    done(command.toArray(String[]::new));
    JsonNode config = JsonMapper.shared().readTree(output.resolve("cfg.json").toFile());
    assertEquals(architecture, config.get("architecture").stringValue());
    String features =
        done("lens", "sae", "features", "--sae", output.toString(), "-p", "To be").out();
    assertTrue(features.contains("\" be\""), features);
  }

  /** Standard input can be read once. */
  @Test
  void rejectsStandardInputThatIsTooShort() throws IOException {
    String[] command = train("out");
    String text = Files.readString(Path.of(command[4]));
    command[4] = "-";
    command[Arrays.asList(command).indexOf("--steps") + 1] = "500";
    Cli result = Cli.runWithInput(text, command);
    assertEquals(2, result.code(), result.err());
    assertTrue(result.err().contains("standard input: has too few tokens"), result.err());
    // A text that fits into the buffer is not read again.
    command[Arrays.asList(command).indexOf("--buffer") + 1] = "64";
    command[Arrays.asList(command).indexOf("--steps") + 1] = "50";
    assertEquals(0, Cli.runWithInput(text, command).code());
  }
}
