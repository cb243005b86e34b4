package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.AdaptedLens;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.cross.ActivationSources;
import dev.vidrio.lens.decode.sae.cross.CrossOptions;
import dev.vidrio.lens.decode.sae.cross.CrossTraining;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae train-cross}. */
@Command(
    name = "train-cross",
    description = {
      "Trains features that several layers or two models share, on a text of any length: a"
          + " crosscoder of the activations of --hook, or with --hook-out a cross-layer"
          + " transcoder.",
      "Writes a directory in the format of dictionary_learning, or of circuit-tracer, that the"
          + " other commands read."
    })
public final class TrainCrossCommand extends ModelCommand<TrainingResult> {
  @Mixin private TrainingOption training = new TrainingOption();
  @Mixin private AdaptedOption adapted = new AdaptedOption();

  @Option(
      names = "--hook",
      paramLabel = "NAMES",
      required = true,
      description = {
        "The hook points: of a crosscoder of layers two or more, such as"
            + " blocks.*.hook_resid_post; of one of two models (--adapter) one.",
        "Of a cross-layer transcoder, the input of each layer, such as *.ln2.hook_normalized."
      })
  private String hook = "";

  @Option(
      names = "--hook-out",
      paramLabel = "NAMES",
      description = "Train a cross-layer transcoder from --hook to these points, *.hook_mlp_out.")
  private @Nullable String hookOut;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIRECTORY",
      required = true,
      description = "Where to write the files.")
  private Path output = Path.of("");

  @Option(
      names = "--features",
      paramLabel = "N",
      description = "Number of features; of a cross-layer transcoder, of each layer.")
  private int features = CrossOptions.DEFAULT.features();

  @Option(
      names = "-k",
      paramLabel = "K",
      description = "Features active per token, on average, of all layers together (BatchTopK).")
  private int k = CrossOptions.DEFAULT.k();

  @Option(
      names = "--penalty",
      paramLabel = "X",
      showDefaultValue = Help.Visibility.NEVER,
      description =
          "Use ReLU with a penalty of X times the sum of activations and decoder norms instead of"
              + " K.")
  private double penalty;

  @Override
  protected void check() {
    if (hookOut != null && adapted.isPresent()) {
      throw new UsageException("--adapter: is for crosscoders, without --hook-out");
    }
    InputOutput.requireWritableDirectory(output);
    training.check();
  }

  @Override
  protected TrainingResult run(Model opened) throws IOException {
    CrossOptions options =
        OptionValues.of(
            () ->
                new CrossOptions(
                    features,
                    penalty > 0 ? 0 : k,
                    penalty,
                    training.rate(),
                    training.batch(),
                    training.steps(),
                    training.deadAfter(),
                    training.buffer(),
                    training.seed()));
    CheckpointFile file = training.checkpoint();
    Lens lens = Lens.of(opened);
    try (AdaptedLens other = adapted.open(lens)) {
      ActivationSources sources = sources(lens, other == null ? null : other.lens());
      return training.run(
          opened,
          progress -> new CrossTraining(opened.executor(), sources, options, file, progress),
          this::save);
    }
  }

  private void save(CrossTraining trained) throws IOException {
    if (hookOut == null) {
      trained.saveCrosscoder(output);
    } else {
      trained.saveTranscoder(output, modelName());
    }
  }

  private ActivationSources sources(Lens lens, @Nullable Lens other) {
    if (hookOut != null) {
      return ActivationSources.ofCrossLayer(lens, lens.points(hook), lens.points(hookOut));
    }
    return other == null
        ? ActivationSources.ofLayers(lens, lens.points(hook))
        : ActivationSources.ofModels(lens, other, lens.point(hook));
  }

  @Override
  protected void print(TrainingResult found) {
    found.print(output, hookOut == null ? "crosscoder" : "cross-layer transcoder", features);
    Hint.print(
        hookOut == null
            ? "'vidrio lens sae norms --sae " + output + "' shows where features are."
            : "'vidrio lens graph --transcoders " + output + " -p TEXT' shows what they cause.");
  }

  @Override
  protected void fill(JsonObject object, TrainingResult found) {
    object.put("kind", hookOut == null ? "crosscoder" : "cross_layer_transcoder");
    object.put("hook", hook);
    if (hookOut != null) {
      object.put("hook_out", hookOut);
    }
    object.put("features", features);
    found.fill(object);
  }
}
