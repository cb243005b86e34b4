package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.JacobianLens;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens jacobian}. */
@Command(
    name = "jacobian",
    description = {
      "The Jacobian lens: the mean derivative of the last residual stream with respect to each"
          + " layer's, over a text, for 'lens logits --jacobian'.",
      "One line per layer: the mean of the diagonal, which is 1 if the layers after it pass the"
          + " stream on, and the Frobenius norms of the Jacobian and of what differs from the"
          + " identity, divided by that of the identity. One backward pass per element of the"
          + " stream and chunk."
    })
public final class JacobianCommand extends ModelCommand<JacobianCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();
  @Mixin private FastGradientsOption fast = new FastGradientsOption();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.safetensors",
      required = true,
      description = "Where to write the Jacobians.")
  private Path output = Path.of("");

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "The residual streams to differentiate by.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--skip",
      paramLabel = "N",
      description = "Tokens at the beginning of each chunk that are left out.")
  private int skip = JacobianLens.SKIP;

  @Option(
      names = "--chunks",
      paramLabel = "N",
      description = "Use at most this many chunks of the text.")
  private int limit = 8;

  /**
   * The Jacobians.
   *
   * @param chunks number of chunks in the mean
   */
  record Found(int chunks, Map<HookPoint, Size> sizes) {}

  /** Properties of a Jacobian. */
  record Size(double diagonal, double norm, double change) {
    static Size of(float[][] rows) {
      int d = rows.length;
      double diagonal = 0;
      double squares = 0;
      for (int j = 0; j < d; j++) {
        diagonal += rows[j][j];
        for (float value : rows[j]) {
          squares += (double) value * value;
        }
      }
      double change = squares - 2 * diagonal + d;
      return new Size(diagonal / d, Math.sqrt(squares / d), Math.sqrt(Math.max(0, change) / d));
    }
  }

  @Override
  protected void check() {
    OutputFile.check(output, ".safetensors");
    if (limit < 1) {
      throw new InvalidInputException("chunks", Integer.toString(limit), "must be at least 1");
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    List<int[]> all = chunks.of(opened);
    List<int[]> texts =
        all.stream().filter(tokens -> tokens.length >= skip + 2).limit(limit).toList();
    if (texts.isEmpty()) {
      throw new InvalidInputException(
          "text",
          all.getFirst().length + " tokens",
          "must have a chunk of at least " + (skip + 2) + " tokens; --skip leaves out fewer");
    }
    JacobianLens fitted;
    try (var bar = new ProgressBar("differentiating")) {
      Lens lens = fast.of(Lens.of(opened));
      fitted = JacobianLens.fit(lens, texts, hooks, skip, done -> bar.update(done, ""));
    }
    fitted.save(output, modelName());
    Map<HookPoint, Size> sizes = new LinkedHashMap<>();
    fitted.points().forEach(point -> sizes.put(point, Size.of(fitted.jacobian(point))));
    return new Found(texts.size(), sizes);
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "mean Jacobian J of the last residual stream, %d chunk%s of the text%n",
        found.chunks, found.chunks == 1 ? "" : "s");
    System.out.printf("%-28s %10s %8s %8s%n", "hook", "tr J / d", "‖J‖", "‖J − I‖");
    found.sizes.forEach(
        (point, size) ->
            System.out.printf(
                "%-28s %10.3f %8.3f %8.3f%n", point.name(), size.diagonal, size.norm, size.change));
    Hint.print("'vidrio lens logits --jacobian " + output + "' reads through these Jacobians.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var points = new JsonObject();
    found.sizes.forEach(
        (point, size) ->
            points.put(
                point.name(),
                new JsonObject()
                    .with("mean_diagonal", size.diagonal)
                    .with("relative_norm", size.norm)
                    .with("relative_norm_of_change", size.change)));
    object.with("file", output.toString()).with("chunks", found.chunks).with("hooks", points);
  }
}
