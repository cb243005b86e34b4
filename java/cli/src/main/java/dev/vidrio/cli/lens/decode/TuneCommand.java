package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.TunedLensTrainer;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens tune}. */
@Command(
    name = "tune",
    description = {
      "The tuned lens: trains translators for 'lens logits --tuned', and with --ahead the future"
          + " lens for 'lens logits --ahead'.",
      "One line per layer: the KL divergence of its prediction from that of the model, in bits, on"
          + " a held-out part of the text, before and after training."
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
      description = "The residual streams to translate.")
  private String hooks = "*.hook_resid_post";

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the text.")
  private int epochs = 1;

  @Option(
      names = "--rate",
      paramLabel = "X",
      description = "Learning rate, relative to the stream's size.")
  private double rate = TunedLensTrainer.RATE;

  @Option(
      names = "--ahead",
      paramLabel = "T",
      description =
          "Train a future lens: fit the lens of a position to the prediction T tokens later.")
  private int ahead;

  /** The divergences before and after training. */
  record Found(Map<HookPoint, Double> before, Map<HookPoint, Double> after) {}

  @Override
  protected void check() {
    OutputFile.check(output, ".safetensors");
    if (epochs < 1) {
      throw new InvalidInputException("epochs", Integer.toString(epochs), "must be at least 1");
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    List<int[]> texts = chunks.of(opened);
    if (texts.size() < 2) {
      throw new InvalidInputException(
          "text", texts.size() + " chunk", "must have two or more; --length makes chunks shorter");
    }
    int train = texts.size() - Math.max(1, texts.size() / ASIDE);
    List<int[]> aside = texts.subList(train, texts.size());
    try (var trainer = new TunedLensTrainer(Lens.of(opened), hooks, rate, ahead)) {
      Map<HookPoint, Double> before = evaluate(trainer, aside);
      train(trainer, texts.subList(0, train));
      var found = new Found(before, evaluate(trainer, aside));
      trainer.tuned().save(output, opened.name());
      return found;
    }
  }

  private void train(TunedLensTrainer trainer, List<int[]> texts) {
    try (var bar = new ProgressBar("tuning")) {
      for (int epoch = 0; epoch < epochs; epoch++) {
        for (int i = 0; i < texts.size(); i++) {
          double done = (epoch + i / (double) texts.size()) / epochs;
          bar.update(done, "");
          trainer.run(texts.subList(i, i + 1));
        }
      }
    }
  }

  /** Returns the mean divergence in bits at each hook point. */
  private static Map<HookPoint, Double> evaluate(TunedLensTrainer trainer, List<int[]> texts) {
    Map<HookPoint, Double> sums = new LinkedHashMap<>();
    for (int[] tokens : texts) {
      trainer.evaluate(tokens).forEach((point, kl) -> sums.merge(point, kl, Double::sum));
    }
    sums.replaceAll((point, sum) -> sum / texts.size() / Math.log(2));
    return sums;
  }

  @Override
  protected void print(Found found) {
    String later = ahead == 0 ? "" : " " + ahead + (ahead == 1 ? " token" : " tokens") + " later";
    System.out.println("mean KL divergence from the model's prediction" + later + ", in bits");
    String lens = ahead == 0 ? "tuned lens" : "future lens";
    System.out.printf("%-28s %10s %11s%n", "hook", "logit lens", lens);
    found.before.forEach(
        (point, kl) ->
            System.out.printf("%-28s %10.3f %11.3f%n", point.name(), kl, found.after.get(point)));
    Hint.print(
        "'vidrio lens logits "
            + (ahead == 0 ? "--tuned " : "--ahead ")
            + output
            + "' reads through these translators.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var points = new JsonObject();
    found.before.forEach(
        (point, kl) ->
            points.put(
                point.name(),
                new JsonObject()
                    .with("kl_bits_untuned", kl)
                    .with("kl_bits", found.after.get(point))));
    object.with("file", output.toString());
    if (ahead > 0) {
      object.put("ahead", ahead);
    }
    object.put("hooks", points);
  }
}
