package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.lens.ActivationFile;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens cache}. */
@Command(
    name = "cache",
    description = {
      "Runs a text and captures activations, including those of generated tokens.",
      "Prints their shapes and statistics, or writes a tensor per hook point under its name, and"
          + " `tokens`. With several texts, which run in one batch, the names begin with the index"
          + " of the text, from 0: `0/hook_embed`."
    })
@JsonHelp("Print sizes and statistics as JSON.")
final class CacheCommand extends ModelCommand<CacheRun> {
  private static final String SAFETENSORS = ".safetensors";

  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionsOption positions = new PositionsOption();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description = "A file with a text on each line, instead of -p.")
  private @Nullable Path prompts;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Generate at most N tokens after each text, greedily unless --temp is given.")
  private int generated;

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      showDefaultValue = Help.Visibility.NEVER,
      description =
          "Hook points, separated by commas (see 'vidrio lens hooks'): blocks.0-3.* for some"
              + " layers.")
  private String hooks = "*";

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      defaultValue = "f32",
      description = "Element type in memory and in safetensors files: ${COMPLETION-CANDIDATES}.")
  private TapType type = TapType.F32;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Output file: FILE.safetensors or FILE.json.")
  private @Nullable Path output;

  @Override
  protected void check() {
    if (output != null) {
      OutputFile.check(output, SAFETENSORS, ".json");
    }
    if (generated < 0) {
      throw new UsageException("-n " + generated + ": must not be negative");
    }
  }

  @Override
  protected CacheRun run(Model opened) {
    List<int[]> texts = texts(opened);
    if (generated > 0) {
      opened.loaded().requireDecoder();
    }
    Lens lens = Lens.ofActivations(opened);
    Capture capture = positions.of(Capture.of(hooks).as(type), length(texts) + generated);
    List<List<Intervention>> edited = texts.stream().map(tokens -> edits.of(lens, tokens)).toList();
    return new CacheRun(lens, capture, texts, edited, generated, sampling.toOptions(0));
  }

  private List<int[]> texts(Model opened) {
    if (prompts == null) {
      return List.of(input.requiredIds(opened));
    }
    if (input.isPresent()) {
      throw new UsageException("--prompts " + prompts + ": -p, -f or --ids gives a second text");
    }
    List<int[]> texts = InputOutput.read(prompts).lines().map(opened.tokenizer()::encode).toList();
    if (texts.isEmpty() || texts.stream().anyMatch(tokens -> tokens.length == 0)) {
      throw new CommandException(prompts + ": must have a text on each line");
    }
    return texts;
  }

  /** Returns the longest text's tokens; with --positions, all texts must have one length. */
  private int length(List<int[]> texts) {
    int longest = texts.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    int shortest = texts.stream().mapToInt(tokens -> tokens.length).min().orElseThrow();
    if (positions.isAsked() && longest != shortest) {
      throw new InvalidInputException(
          "positions",
          "",
          "texts must have equal lengths, not " + shortest + " to " + longest + " tokens");
    }
    return longest;
  }

  @Override
  protected @Nullable String write(CacheRun run) throws IOException {
    if (output == null) {
      return null;
    }
    List<ActivationCache> caches = run.caches();
    if (output.toString().endsWith(SAFETENSORS)) {
      ActivationFile.write(caches, type, modelName(), output);
    } else {
      var object = new JsonObject().with("model", modelName());
      fill(object, caches, CacheCommand::values);
      Json.write(output, object);
    }
    int points = caches.getFirst().points().size();
    String of = caches.size() == 1 ? "" : " of " + caches.size() + " texts";
    return isJson() ? null : output + ": " + points + " activations and the tokens" + of;
  }

  @Override
  protected void close(CacheRun run) {
    run.close();
  }

  @Override
  protected void print(CacheRun run) {
    List<ActivationCache> caches = run.caches();
    String last = ActivationFile.prefix(caches.size(), caches.size() - 1);
    int width =
        caches.getFirst().points().stream()
            .mapToInt(point -> last.length() + point.name().length())
            .max()
            .orElse(0);
    Statistics.printHead(width, "x");
    for (int i = 0; i < caches.size(); i++) {
      ActivationCache cache = caches.get(i);
      String prefix = ActivationFile.prefix(caches.size(), i);
      for (HookPoint point : cache.points()) {
        Statistics.of(cache.get(point)).print(width, prefix + point.name());
      }
    }
    Hint.print("'-o FILE.safetensors' writes the activations.");
  }

  @Override
  protected void fill(JsonObject object, CacheRun run) {
    fill(object, run.caches(), activation -> Statistics.of(activation).toJson());
  }

  /** Adds the contents of a text, or of a list of texts. */
  private void fill(
      JsonObject object, List<ActivationCache> caches, Function<Activation, JsonObject> entry) {
    List<JsonObject> texts =
        caches.stream()
            .map(
                cache -> {
                  var points = new JsonObject();
                  cache
                      .points()
                      .forEach(point -> points.put(point.name(), entry.apply(cache.get(point))));
                  return new JsonObject()
                      .with("model", modelName())
                      .with("tokens", cache.tokens())
                      .with("from", cache.from())
                      .with("hooks", points);
                })
            .toList();
    if (texts.size() == 1) {
      object.putAll(texts.getFirst());
    } else {
      object.put("texts", texts);
    }
  }

  private static JsonObject values(Activation activation) {
    return new JsonObject()
        .with("shape", activation.shape())
        .with("values", finite(activation.toArray()));
  }

  /** Replaces infinities, which are masked scores, by null, because JSON has none. */
  private static List<@Nullable Float> finite(float[] values) {
    List<@Nullable Float> result = new ArrayList<>(values.length);
    for (float value : values) {
      result.add(Float.isFinite(value) ? value : null);
    }
    return result;
  }
}
