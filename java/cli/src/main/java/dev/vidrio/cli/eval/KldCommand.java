package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.Json;
import dev.vidrio.model.evaluation.Divergence;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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
final class KldCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "REFERENCE", description = "The reference logits.")
  private @Nullable Path reference;

  @Parameters(index = "1", paramLabel = "CANDIDATE", description = "The logits to compare.")
  private @Nullable Path candidate;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    if (reference == null || candidate == null) {
      throw new IllegalStateException("picocli requires the parameters");
    }
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
    return 0;
  }

  private static Map<String, Object> toJson(Divergence result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("mean_kld", result.mean());
    json.put("error", result.error());
    json.put("max_kld", result.max());
    json.put("max_position", result.maxPosition());
    json.put("same_top", result.sameTop());
    json.put("positions", result.positions());
    return json;
  }
}
