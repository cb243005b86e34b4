package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.model.evaluation.Divergence;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio eval kld}. */
@Command(
    name = "kld",
    description = {
      "Computes the KL divergence, in nats, between the logits of two models on one text.",
      "Both files are written by 'vidrio eval logits', for the same tokens."
    })
final class KldCommand implements Runnable {
  @Parameters(index = "0", paramLabel = "REFERENCE", description = "The reference logits.")
  private Path reference = Path.of("");

  @Parameters(index = "1", paramLabel = "CANDIDATE", description = "The logits to compare.")
  private Path candidate = Path.of("");

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Override
  public void run() {
    Divergence result = Divergence.of(reference, candidate);
    if (json) {
      Json.print(toJson(result));
    } else {
      System.out.printf(
          "mean KLD %.9f ± %.9f nats, max %.9f at position %d; same top token at %.4f %% of %d"
              + " positions%n",
          result.mean(),
          result.error(),
          result.max(),
          result.maxPosition(),
          100 * result.sameTop(),
          result.positions());
    }
  }

  private static JsonObject toJson(Divergence result) {
    return new JsonObject()
        .with("mean_kld", result.mean())
        .with("error", result.error())
        .with("max_kld", result.max())
        .with("max_position", result.maxPosition())
        .with("same_top", result.sameTop())
        .with("positions", result.positions());
  }
}
