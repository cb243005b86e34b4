package dev.vidrio.cli;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code vidrio embed}. */
@Command(
    name = "embed",
    description = {
      "Prints embeddings of texts, one array per line.",
      "An embedding is the residual stream after the final norm, or the output of an encoder,"
          + " pooled over the tokens."
    })
@JsonHelp("Print model and embeddings as one JSON object.")
final class EmbedCommand extends ModelCommand<EmbedCommand.Found> {
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--batch",
      paramLabel = "FILE",
      description =
          "A JSON array of texts to embed one by one: strings, or arrays of token ids as they are.")
  private @Nullable Path batch;

  @Option(
      names = "--prompt-name",
      paramLabel = "NAME",
      description =
          "Put the model file's prompt of this name before each text, such as query or document.")
  private @Nullable String promptName;

  @Option(
      names = "--pooling",
      paramLabel = "KIND",
      description = "${COMPLETION-CANDIDATES}. Default: that of the model file, or mean.")
  private @Nullable Pooling pooling;

  @Option(
      names = "--normalize",
      description = "Normalize vectors to length 1, also if the model file does not.")
  private boolean normalize;

  @Option(
      names = "--dimensions",
      paramLabel = "N",
      description = "Keep the first N elements, for models trained so (Matryoshka). Default: all.")
  private int dimensions;

  /** The embeddings of texts. */
  record Found(List<int[]> texts, List<float[]> embeddings) {}

  @Override
  protected void check() {
    if (dimensions < 0) {
      throw new UsageException("--dimensions " + dimensions + ": must be 1 or more");
    }
    if (batch != null && input.isPresent()) {
      throw new UsageException("--batch " + batch + ": -p, -f or --ids gives a second text");
    }
    if (promptName != null && input.isIds()) {
      throw new UsageException("--prompt-name " + promptName + ": must not be used with --ids");
    }
  }

  @Override
  protected Found run(Model opened) {
    String prompt = promptName == null ? "" : Embeddings.prompt(opened, promptName);
    List<int[]> texts = batch == null ? List.of(read(opened, prompt)) : read(opened, prompt, batch);
    if (dimensions != 0) {
      Matryoshka.check(dimensions, Embeddings.width(opened));
    }
    Pooling chosen = pooling == null ? Embeddings.pooling(opened) : pooling;
    boolean normalizes = normalize || Embeddings.normalizes(opened);
    try (var bar = new ProgressBar("embedding")) {
      List<float[]> vectors =
          Embeddings.of(opened, texts, chosen, normalizes, done -> bar.update(done, ""));
      return new Found(
          texts,
          dimensions == 0
              ? vectors
              : vectors.stream()
                  .map(vector -> Matryoshka.shorten(vector, dimensions, normalizes))
                  .toList());
    }
  }

  private int[] read(Model opened, String prompt) {
    return promptName == null
        ? input.requiredIds(opened)
        : opened.tokenizer().encode(prompt + input.requiredText());
  }

  private static List<int[]> read(Model opened, String prompt, Path file) {
    return Json.readArray(file).stream().map(text -> encode(opened, prompt, file, text)).toList();
  }

  private static int[] encode(Model opened, String prompt, Path file, JsonNode text) {
    if (text.isString()) {
      return opened.tokenizer().encode(prompt + text.stringValue());
    }
    if (!text.isArray() || !text.valueStream().allMatch(JsonNode::isInt)) {
      throw new CommandException(
          file + ": element " + text + ": must be a string or an array of token ids");
    }
    return text.valueStream().mapToInt(JsonNode::intValue).toArray();
  }

  @Override
  protected void print(Found found) {
    found.embeddings.forEach(embedding -> System.out.println(Arrays.toString(embedding)));
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", found.texts.stream().map(ids -> ids.length).toList());
    object.put("embeddings", found.embeddings);
  }
}
