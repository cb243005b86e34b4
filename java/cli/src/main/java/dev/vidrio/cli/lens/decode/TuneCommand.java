package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.AttentionLensTrainer;
import dev.vidrio.lens.decode.TunedLensTrainer;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens tune}. */
@Command(
    name = "tune",
    description = {
      "The tuned lens: trains translators for 'lens logits --tuned'; with --ahead the future lens,"
          + " for 'lens logits --ahead'; with --hooks of attn.hook_z the attention lens of each"
          + " head, for 'lens logits --attention'.",
      "One line per layer or head: the KL divergence of its prediction from the model's, in bits,"
          + " on a held-out part of the text, before and after training."
    })
public final class TuneCommand extends ModelCommand<TuneCommand.Found> {
  /** One of this many chunks of the text is held out. */
  private static final int ASIDE = 8;

  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.safetensors",
      required = true,
      description = "Where to write the translators.")
  private Path output = Path.of("");

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "The residual streams, or the attn.hook_z of heads, to translate.")
  private String hooks = "*.hook_resid_post";

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the text.")
  private int epochs = 1;

  @Option(
      names = "--rate",
      paramLabel = "X",
      description =
          "Learning rate of the first step, relative to the stream's size; it falls to 0.")
  private double rate = TunedLensTrainer.RATE;

  @Option(
      names = "--ahead",
      paramLabel = "T",
      description =
          "Train a future lens: fit the lens of a position to the prediction T tokens later.")
  private int ahead;

  /** The divergences before and after training, in bits, by hook point or head. */
  record Found(boolean heads, Map<String, Double> before, Map<String, Double> after) {}

  /**
   * A lens in training.
   *
   * @param run runs one step per text
   * @param evaluate returns the divergences of a text in nats
   */
  private record Trainer(
      Consumer<List<int[]>> run,
      Function<int[], Map<?, Double>> evaluate,
      Saving saving,
      Runnable end)
      implements AutoCloseable {
    @Override
    public void close() {
      end.run();
    }
  }

  private interface Saving {
    void save(Path file, String model) throws IOException;
  }

  @Override
  protected void check() {
    OutputFile.check(output, ".safetensors");
    UsageException.requireAtLeast("--epochs", epochs, 1);
    UsageException.requireAtLeast("--ahead", ahead, 0);
  }

  @Override
  protected Found run(Model opened) throws IOException {
    Lens lens = Lens.of(opened);
    boolean heads = lens.points(hooks).stream().anyMatch(point -> point.site() == HookSite.Z);
    if (heads && ahead > 0) {
      throw new UsageException("--ahead: needs --hooks of residual streams");
    }
    List<int[]> texts = chunks.of(opened);
    int least = 2 + ahead;
    texts = texts.stream().filter(tokens -> tokens.length >= least).toList();
    if (texts.size() < 2) {
      throw new InvalidInputException(
          "text", texts.size() + " chunk", "must have two or more; --length makes chunks shorter");
    }
    int train = texts.size() - Math.max(1, texts.size() / ASIDE);
    List<int[]> aside = texts.subList(train, texts.size());
    try (Trainer trainer = heads ? heads(lens, epochs * train) : streams(lens, epochs * train)) {
      Map<String, Double> before = evaluate(trainer, aside);
      train(trainer, texts.subList(0, train));
      var found = new Found(heads, before, evaluate(trainer, aside));
      trainer.saving.save(output, modelName());
      return found;
    }
  }

  private Trainer streams(Lens lens, int steps) {
    var trainer = new TunedLensTrainer(lens, hooks, rate, steps, ahead);
    return new Trainer(trainer::run, trainer::evaluate, trainer.tuned()::save, trainer::close);
  }

  private Trainer heads(Lens lens, int steps) {
    var trainer = new AttentionLensTrainer(lens, hooks, rate, steps);
    return new Trainer(trainer::run, trainer::evaluate, trainer.attention()::save, trainer::close);
  }

  private void train(Trainer trainer, List<int[]> texts) {
    try (var bar = new ProgressBar("tuning")) {
      for (int epoch = 0; epoch < epochs; epoch++) {
        for (int i = 0; i < texts.size(); i++) {
          double done = (epoch + i / (double) texts.size()) / epochs;
          bar.update(done, "");
          trainer.run.accept(texts.subList(i, i + 1));
        }
      }
    }
  }

  /** Returns the mean divergences in bits. */
  private static Map<String, Double> evaluate(Trainer trainer, List<int[]> texts) {
    Map<String, Double> sums = new LinkedHashMap<>();
    for (int[] tokens : texts) {
      trainer
          .evaluate
          .apply(tokens)
          .forEach((name, kl) -> sums.merge(name.toString(), kl, Double::sum));
    }
    sums.replaceAll((name, sum) -> sum / texts.size() / Math.log(2));
    return sums;
  }

  @Override
  protected void print(Found found) {
    String later = ahead == 0 ? "" : " " + ahead + (ahead == 1 ? " token" : " tokens") + " later";
    System.out.println("mean KL divergence from the model's prediction" + later + ", in bits");
    String unit = found.heads ? "head" : "hook";
    String untrained = found.heads ? "W_O alone" : "logit lens";
    String lens = found.heads ? "attention lens" : ahead == 0 ? "tuned lens" : "future lens";
    System.out.printf("%-28s %10s %s%n", unit, untrained, lens);
    String line = "%-28s %10.3f %" + lens.length() + ".3f%n";
    found.before.forEach((name, kl) -> System.out.printf(line, name, kl, found.after.get(name)));
    String option = found.heads ? "--attention " : ahead == 0 ? "--tuned " : "--ahead ";
    Hint.print("'vidrio lens logits " + option + output + "' reads through these translators.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var rows = new JsonObject();
    found.before.forEach(
        (name, kl) ->
            rows.put(
                name,
                new JsonObject()
                    .with("kl_bits_untuned", kl)
                    .with("kl_bits", found.after.get(name))));
    object.with("file", output.toString());
    if (ahead > 0) {
      object.put("ahead", ahead);
    }
    object.put(found.heads ? "heads" : "hooks", rows);
  }
}
