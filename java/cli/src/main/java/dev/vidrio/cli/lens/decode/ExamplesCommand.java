package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.MaxActivatingExamples;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.decode.ScalarFeature;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens examples}. */
@Command(
    name = "examples",
    description = {
      "Max-activating examples: finds the tokens of a text at which a neuron, head or feature"
          + " is most active.",
      "One line per example: the activation, and the text around the token, which is in"
          + " brackets."
    })
public final class ExamplesCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private ChunksOption chunks = new ChunksOption();

  @ArgGroup(multiplicity = "1")
  private UnitOption unit = new UnitOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Examples to print. Default: ${DEFAULT-VALUE}.")
  private int top = 10;

  @Option(
      names = "--around",
      paramLabel = "N",
      description = "Tokens to show before and after the token. Default: ${DEFAULT-VALUE}.")
  private int around = 8;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** The mutually exclusive units. */
  private static final class UnitOption {
    @Option(
        names = "--neuron",
        paramLabel = "HOOK:N",
        description = "Element N at a hook point, such as blocks.2.mlp.hook_post:17.")
    private @Nullable String neuron;

    @Option(
        names = "--head",
        paramLabel = "L1.H3",
        description = "A head, by the norm of its output.")
    private @Nullable String head;

    @ArgGroup(exclusive = false)
    private @Nullable FeatureOption feature;
  }

  /** A feature of an autoencoder. */
  private static final class FeatureOption {
    @Option(
        names = "--sae",
        paramLabel = "DIRECTORY",
        required = true,
        description = "A sparse autoencoder, with cfg.json and sae_weights.safetensors.")
    private Path directory = Path.of("");

    @Option(
        names = "--feature",
        paramLabel = "N",
        required = true,
        description = "The feature's number.")
    private int number;
  }

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      Lens lens = Lens.of(opened);
      if (unit.feature == null) {
        find(lens, unit.neuron == null ? head(String.valueOf(unit.head)) : neuron(lens));
      } else {
        try (SparseAutoencoder sae =
            SparseAutoencoder.load(opened.executor(), unit.feature.directory)) {
          find(lens, ScalarFeature.Feature.of(lens, sae, unit.feature.number));
        }
      }
    }
    return 0;
  }

  private ScalarFeature neuron(Lens lens) {
    String name = String.valueOf(unit.neuron);
    int colon = name.lastIndexOf(':');
    if (colon < 0 || !name.substring(colon + 1).matches("\\d{1,9}")) {
      throw new InvalidInputException("neuron", name, "must be a hook point, a colon and a number");
    }
    List<HookPoint> points = lens.points(name.substring(0, colon));
    if (points.size() != 1) {
      throw new InvalidInputException("neuron", name, "must be of one hook point");
    }
    return new ScalarFeature.Element(
        points.getFirst(), Integer.parseInt(name.substring(colon + 1)));
  }

  private static ScalarFeature head(String text) {
    HeadName name = HeadName.parse(text);
    return new ScalarFeature.Head(name.layer(), name.head());
  }

  private void find(Lens lens, ScalarFeature wanted) {
    MaxActivatingExamples found =
        MaxActivatingExamples.of(lens, chunks.of(lens.model()), wanted, top, around);
    if (json) {
      Json.print(contents(lens.model(), wanted, found));
      return;
    }
    System.out.println("activation chunk:pos  text");
    for (Example example : found.examples()) {
      System.out.printf(
          "%10.3f %5d:%-4d %s%n",
          example.value(), example.text(), example.position(), text(lens.model(), example));
    }
    System.out.printf("%d tokens, active at %.1f %%%n", found.tokens(), 100 * found.active());
  }

  private static String text(Model opened, Example example) {
    int at = example.position() - example.from();
    int[] ids = example.context().stream().mapToInt(Integer::intValue).toArray();
    var line = new StringBuilder();
    for (int i = 0; i < ids.length; i++) {
      String quoted = TokenText.of(opened, ids[i]);
      String piece = quoted.substring(1, quoted.length() - 1);
      line.append(i == at ? "[" + piece + "]" : piece);
    }
    return line.toString();
  }

  private static Map<String, Object> contents(
      Model opened, ScalarFeature wanted, MaxActivatingExamples found) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("hook", wanted.point().name());
    result.put("tokens", found.tokens());
    result.put("active", found.active());
    result.put(
        "examples",
        found.examples().stream()
            .map(
                example -> {
                  Map<String, Object> entry = new LinkedHashMap<>();
                  entry.put("value", example.value());
                  entry.put("text", example.text());
                  entry.put("position", example.position());
                  entry.put("from", example.from());
                  entry.put("context", example.context());
                  return entry;
                })
            .toList());
    return result;
  }
}
