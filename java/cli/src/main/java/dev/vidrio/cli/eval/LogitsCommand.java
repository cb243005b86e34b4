package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.AdapterOption;
import dev.vidrio.cli.option.FastOption;
import dev.vidrio.cli.option.KvOption;
import dev.vidrio.cli.option.ModelOption;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio eval logits}. */
@Command(
    name = "logits",
    description = {
      "Writes the logits after every token of a text.",
      "The file has `logits` [n, V] f32 and `tokens` [n] i32 (with BOS if the"
          + " model expects it)."
    })
final class LogitsCommand implements Callable<Integer> {
  /** Rows of logits per step. */
  private static final int ROWS = 64;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private KvOption kv = new KvOption();
  @Mixin private FastOption fast = new FastOption();
  @Mixin private AdapterOption adapter = new AdapterOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The safetensors file to write.")
  private @Nullable Path output;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  LogitsCommand() {}

  @Override
  public Integer call() throws IOException {
    Path target = output;
    if (target == null) {
      throw new IllegalStateException("picocli requires the option");
    }
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      write(opened, tokens, target);
      report(opened, tokens, target);
    }
    return 0;
  }

  private void write(Model model, int[] tokens, Path target) throws IOException {
    int vocabulary = model.architecture().vocabulary();
    long n = tokens.length;
    int declared = model.architecture().contextLength();
    if (n > declared) {
      throw new InvalidInputException(
          "text", n + " tokens", "exceeds the context length of " + declared + " tokens");
    }
    var options =
        new SessionOptions((int) n, ROWS, 1, ROWS)
            .withKvType(kv.type())
            .withFast(fast.asked())
            .withAdaptation(adapter.open(model));
    var entries =
        List.of(
            new Entry("logits", Dtype.F32, List.of(n, (long) vocabulary)),
            new Entry("tokens", Dtype.I32, List.of(n)));
    try (Session session = model.newSession(options);
        var bar = new ProgressBar("logits");
        Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(target, entries, Map.of("model", model.name()))) {
      Sequence sequence = session.newSequence();
      for (int i = 0; i < tokens.length; ) {
        session.begin();
        int end = Math.min(tokens.length, i + ROWS);
        for (; i < end; i++) {
          session.add(sequence, tokens[i], true);
        }
        session.run();
        for (int row = 0; row < session.logitRows(); row++) {
          writer.write("logits", session.logits(row));
        }
        bar.update((double) i / tokens.length, i + " of " + tokens.length + " tokens");
      }
      writer.write("tokens", arena.allocateFrom(ValueLayout.JAVA_INT, tokens));
      writer.finish();
    }
  }

  private void report(Model model, int[] tokens, Path target) {
    int vocabulary = model.architecture().vocabulary();
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("model", model.name());
      result.put("tokens", tokens.length);
      result.put("vocabulary", vocabulary);
      result.put("file", target.toString());
      Json.print(result);
    } else {
      System.out.println(target + ": logits [" + tokens.length + ", " + vocabulary + "] f32");
    }
  }
}
