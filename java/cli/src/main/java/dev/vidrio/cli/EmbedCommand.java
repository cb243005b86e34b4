package dev.vidrio.cli;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio embed}. */
@Command(
    name = "embed",
    description = {
      "Prints embeddings of texts, one array per line.",
      "An embedding is the residual stream after the final norm, pooled over the tokens."
    })
final class EmbedCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--batch",
      paramLabel = "FILE",
      description = "A JSON array of strings to embed one by one.")
  private @Nullable Path batch;

  @Option(
      names = "--pooling",
      paramLabel = "KIND",
      defaultValue = "mean",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Pooling pooling = Pooling.MEAN;

  @Option(names = "--normalize", description = "Normalize vectors to length 1.")
  private boolean normalize;

  @Option(names = "--json", description = "Print model and embeddings as one JSON object.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public Integer call() {
    if (batch != null && input.isPresent()) {
      throw new ParameterException(
          command.commandLine(), "--batch " + batch + ": -p, -f or --ids gives a second text");
    }
    try (Model opened = model.open()) {
      List<int[]> texts =
          batch == null
              ? List.of(input.requiredIds(opened))
              : Json.readStrings(batch).stream().map(opened.tokenizer()::encode).toList();
      List<float[]> embeddings;
      try (var bar = new ProgressBar("embedding")) {
        embeddings = Embeddings.of(opened, texts, pooling, normalize, done -> bar.update(done, ""));
      }
      if (json) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", opened.name());
        result.put("tokens", texts.stream().map(ids -> ids.length).toList());
        result.put("embeddings", embeddings);
        Json.print(result);
      } else {
        embeddings.forEach(embedding -> System.out.println(Arrays.toString(embedding)));
      }
    }
    return 0;
  }
}
