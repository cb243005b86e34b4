package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.SaeConfig;
import dev.vidrio.lens.decode.sae.SaeEvaluation;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code vidrio lens sae evaluate}. */
@Command(
    name = "evaluate",
    description =
        "Measures how well and how sparsely the features reconstruct the activations of a text.")
@JsonHelp("Print JSON, with the density of each feature.")
public final class EvaluateCommand extends ModelCommand<EvaluateCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();
  @Mixin private SaeOption sae = new SaeOption();

  /** The quality of an autoencoder. */
  record Found(SaeConfig config, SaeEvaluation evaluation) {}

  @Override
  protected Found run(Model opened) {
    try (SparseAutoencoder autoencoder = sae.open(opened)) {
      return new Found(
          autoencoder.config(), SaeEvaluation.of(Lens.of(opened), autoencoder, chunks.of(opened)));
    }
  }

  @Override
  protected void print(Found found) {
    SaeEvaluation evaluation = found.evaluation;
    System.out.printf(
        "%d tokens, %d features: %.1f active per token (L0), %d never active%n",
        evaluation.tokens(), found.config.dSae(), evaluation.l0(), evaluation.dead());
    System.out.printf("unexplained variance (fraction)    %6.3f%n", evaluation.unexplained());
    System.out.printf("model loss (nats per token)        %6.3f%n", evaluation.loss());
    System.out.printf("loss with reconstructions          %6.3f%n", evaluation.splicedLoss());
    System.out.printf("loss with zeros                    %6.3f%n", evaluation.ablatedLoss());
    System.out.printf("loss recovered (fraction)          %6.3f%n", evaluation.lossRecovered());
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    SaeEvaluation evaluation = found.evaluation;
    object.put("hook", found.config.hookIn());
    object.put("hook_out", found.config.hookOut());
    object.put("tokens", evaluation.tokens());
    object.put("l0", evaluation.l0());
    object.put("unexplained", evaluation.unexplained());
    object.put("loss", evaluation.loss());
    object.put("loss_spliced", evaluation.splicedLoss());
    object.put("loss_ablated", evaluation.ablatedLoss());
    object.put("loss_recovered", Json.finite(evaluation.lossRecovered()));
    object.put("dead", evaluation.dead());
    object.put("density", evaluation.density());
  }
}
