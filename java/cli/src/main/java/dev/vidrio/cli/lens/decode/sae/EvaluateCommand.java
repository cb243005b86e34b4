package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.SaeEvaluation;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae evaluate}. */
@Command(
    name = "evaluate",
    description =
        "Measures how well and how sparsely the features reconstruct the activations of a text.")
public final class EvaluateCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private ChunksOption chunks = new ChunksOption();
  @Mixin private SaeOption sae = new SaeOption();

  @Option(names = "--json", description = "Print JSON, with the density of each feature.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open();
        SparseAutoencoder autoencoder = sae.open(opened)) {
      SaeEvaluation found = SaeEvaluation.of(Lens.of(opened), autoencoder, chunks.of(opened));
      if (json) {
        Json.print(contents(opened, autoencoder, found));
      } else {
        print(autoencoder, found);
      }
    }
    return 0;
  }

  private static void print(SparseAutoencoder autoencoder, SaeEvaluation found) {
    System.out.printf(
        "%d tokens, %d features: %.1f active per token (L0), %d never active%n",
        found.tokens(), autoencoder.config().dSae(), found.l0(), found.dead());
    System.out.printf("unexplained variance (fraction)    %6.3f%n", found.unexplained());
    System.out.printf("model loss (nats per token)        %6.3f%n", found.loss());
    System.out.printf("loss with reconstructions          %6.3f%n", found.splicedLoss());
    System.out.printf("loss with zeros                    %6.3f%n", found.ablatedLoss());
    System.out.printf("loss recovered (fraction)          %6.3f%n", found.lossRecovered());
  }

  private static Map<String, Object> contents(
      Model opened, SparseAutoencoder autoencoder, SaeEvaluation found) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("hook", autoencoder.config().hookIn());
    result.put("hook_out", autoencoder.config().hookOut());
    result.put("tokens", found.tokens());
    result.put("l0", found.l0());
    result.put("unexplained", found.unexplained());
    result.put("loss", found.loss());
    result.put("loss_spliced", found.splicedLoss());
    result.put("loss_ablated", found.ablatedLoss());
    result.put("loss_recovered", Json.finite(found.lossRecovered()));
    result.put("dead", found.dead());
    result.put("density", found.density());
    return result;
  }
}
