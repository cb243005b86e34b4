package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Perplexity;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio eval perplexity}. */
@Command(
    name = "perplexity",
    description = {
      "Computes the perplexity of a text.",
      "As in llama-perplexity, the text is split into windows, and their second halves are scored."
    })
final class PerplexityCommand extends ModelCommand<Perplexity> {
  @Mixin private SessionOption session = new SessionOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Tokens per window.")
  private int context = Perplexity.DEFAULT_CONTEXT;

  @Override
  protected Perplexity run(Model opened) {
    try (var bar = new ProgressBar("perplexity")) {
      return Perplexity.of(
          opened,
          input.requiredIds(opened),
          context,
          session.of(opened),
          done -> bar.update(done, ""));
    }
  }

  @Override
  protected void print(Perplexity result) {
    System.out.printf(
        "perplexity %.4f ± %.5f over %d tokens in %d windows of %d%n",
        result.perplexity(), result.error(), result.count(), result.windows(), result.context());
  }

  @Override
  protected void fill(JsonObject object, Perplexity result) {
    object.put("perplexity", result.perplexity());
    object.put("error", result.error());
    object.put("mean_nll", result.meanNll());
    object.put("tokens", result.count());
    object.put("windows", result.windows());
    object.put("context", result.context());
  }
}
