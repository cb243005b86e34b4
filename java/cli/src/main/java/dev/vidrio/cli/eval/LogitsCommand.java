package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio eval logits}. */
@Command(
    name = "logits",
    description = {
      "Writes the logits after every token of a text.",
      "The file has `logits` [n, V] f32 and `tokens` [n] i32 (with BOS if the model expects it)."
    })
final class LogitsCommand extends ModelCommand<int[]> {
  /** Rows of logits per step. */
  private static final int ROWS = 64;

  @Mixin private SessionOption session = new SessionOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The safetensors file to write.")
  private Path output = Path.of("");

  /** Writes the logits and returns the tokens. */
  @Override
  protected int[] run(Model opened) throws IOException {
    int[] tokens = input.requiredIds(opened);
    long n = tokens.length;
    int declared = opened.architecture().contextLength();
    if (n > declared) {
      throw new InvalidInputException(
          "text", n + " tokens", "exceeds the context length of " + declared + " tokens");
    }
    SessionOptions options =
        session.of(opened).withContext((int) n).withBatch(ROWS).withLogits(ROWS);
    long vocabulary = opened.architecture().vocabulary();
    var entries =
        List.of(
            new Entry("logits", Dtype.F32, List.of(n, vocabulary)),
            new Entry("tokens", Dtype.I32, List.of(n)));
    try (Session run = opened.newSession(options);
        var bar = new ProgressBar("logits");
        Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(output, entries, Map.of("model", opened.name()))) {
      Sequence sequence = run.newSequence();
      for (int i = 0; i < tokens.length; ) {
        run.begin();
        int end = Math.min(tokens.length, i + ROWS);
        for (; i < end; i++) {
          run.add(sequence, tokens[i], true);
        }
        run.run();
        for (int row = 0; row < run.logitRows(); row++) {
          writer.write("logits", run.logits(row));
        }
        bar.update((double) i / tokens.length, i + " of " + tokens.length + " tokens");
      }
      writer.write("tokens", arena.allocateFrom(ValueLayout.JAVA_INT, tokens));
      writer.finish();
    }
    return tokens;
  }

  @Override
  protected void print(int[] tokens) {
    int vocabulary = model().architecture().vocabulary();
    System.out.println(output + ": logits [" + tokens.length + ", " + vocabulary + "] f32");
  }

  @Override
  protected void fill(JsonObject object, int[] tokens) {
    object.put("tokens", tokens.length);
    object.put("vocabulary", model().architecture().vocabulary());
    object.put("file", output.toString());
  }
}
