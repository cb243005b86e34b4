package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.AdapterOption;
import dev.vidrio.cli.option.FastOption;
import dev.vidrio.cli.option.KvOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Perplexity;
import dev.vidrio.model.session.SessionOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio eval perplexity}. */
@Command(
    name = "perplexity",
    description = {
      "Computes the perplexity of a text.",
      "As in llama-perplexity, the text is split into windows, whose second halves are scored."
    })
final class PerplexityCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private KvOption kv = new KvOption();
  @Mixin private FastOption fast = new FastOption();
  @Mixin private AdapterOption adapter = new AdapterOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Tokens per window. Default: ${DEFAULT-VALUE}.")
  private int context = Perplexity.DEFAULT_CONTEXT;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      Perplexity result;
      try (var bar = new ProgressBar("perplexity")) {
        result =
            Perplexity.of(
                opened,
                input.requiredIds(opened),
                context,
                SessionOptions.DEFAULT
                    .withKvType(kv.type())
                    .withFast(fast.asked())
                    .withAdaptation(adapter.open(opened)),
                done -> bar.update(done, ""));
      }
      if (json) {
        Json.print(toJson(opened, result));
      } else {
        System.out.printf(
            "perplexity %.4f ± %.5f over %d tokens in %d windows of %d%n",
            result.perplexity(),
            result.error(),
            result.count(),
            result.windows(),
            result.context());
      }
    }
    return 0;
  }

  private static Map<String, Object> toJson(Model model, Perplexity result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model.name());
    json.put("perplexity", result.perplexity());
    json.put("error", result.error());
    json.put("mean_nll", result.meanNll());
    json.put("tokens", result.count());
    json.put("windows", result.windows());
    json.put("context", result.context());
    return json;
  }
}
