package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.ActivationFile;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens gradients}. */
@Command(
    name = "gradients",
    description = {
      "Computes the gradients of the logit of the next token, or of another --metric, with respect"
          + " to activations.",
      "Prints their shapes and statistics, or writes a tensor per hook point under its name,"
          + " `tokens`, and the value of the metric as `metric`."
    })
@JsonHelp("Print the metric, shapes and statistics as JSON.")
final class GradientsCommand extends ModelCommand<GradientsCommand.Found> {
  /** The command, for errors about metrics without a gradient. */
  private static final String METHOD = "lens gradients";

  @Mixin private TextInput input = new TextInput();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private FastGradientsOption fast = new FastGradientsOption();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      showDefaultValue = Help.Visibility.ALWAYS,
      description =
          "Hook points, separated by commas (see 'vidrio lens hooks'): blocks.0-3.attn.hook_z for"
              + " some layers.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.safetensors",
      description = "Write the gradients to a file.")
  private @Nullable Path output;

  /**
   * The gradients.
   *
   * @param session has their memory
   * @param measured the text and the metric
   * @param value of the metric
   * @param gradients in the order of a forward pass
   */
  record Found(
      GradientSession session, Measured measured, double value, List<Activation> gradients) {}

  @Override
  protected void check() {
    metric.requireGradient(METHOD, true);
    if (output != null) {
      OutputFile.check(output, ".safetensors");
    }
  }

  @Override
  protected Found run(Model opened) {
    int[] given = input.requiredIds(opened);
    Lens lens = fast.of(edits.apply(Lens.of(opened), given));
    Measured measured = target.of(lens, given, metric, MetricKind.LOGIT);
    DifferentiableMetric differentiable = measured.differentiable(METHOD);
    int[] text = measured.text();
    var options = GradientOptions.of(hooks, text.length).withLogits(differentiable.positions());
    GradientSession session = GradientSession.open(lens, options);
    try {
      double value = session.run(text, differentiable);
      List<Activation> gradients = session.points().stream().map(session::gradient).toList();
      return new Found(session, measured, value, gradients);
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  @Override
  protected @Nullable String write(Found found) throws IOException {
    if (output == null) {
      return null;
    }
    int[] tokens = found.measured.text();
    ActivationFile.writeGradients(found.gradients, tokens, found.value, modelName(), output);
    return isJson() ? null : output + ": gradients at " + found.gradients.size() + " hook points";
  }

  @Override
  protected void close(Found found) {
    found.session.close();
  }

  @Override
  protected void print(Found found) {
    System.out.printf("%s: %.3f%n", found.measured.name(), found.value);
    int width =
        found.gradients.stream().mapToInt(g -> g.point().name().length()).max().orElseThrow();
    Statistics.printHead(width, "g");
    for (Activation gradient : found.gradients) {
      Statistics.of(gradient).print(width, gradient.point().name());
    }
    Hint.print("'-o FILE.safetensors' writes the gradients.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", found.measured.text());
    found.measured.fill(object);
    object.put("metric", found.value);
    var points = new JsonObject();
    for (Activation gradient : found.gradients) {
      points.put(gradient.point().name(), Statistics.of(gradient).toJson());
    }
    object.put("hooks", points);
  }
}
