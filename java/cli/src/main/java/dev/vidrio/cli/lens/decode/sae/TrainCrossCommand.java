package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.cross.ActivationSources;
import dev.vidrio.lens.decode.sae.cross.CheckpointFile;
import dev.vidrio.lens.decode.sae.cross.CrossOptions;
import dev.vidrio.lens.decode.sae.cross.CrossProgress;
import dev.vidrio.lens.decode.sae.cross.CrossTraining;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
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
public final class TrainCrossCommand extends ModelCommand<TrainCrossCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();
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

  @Option(
      names = "--rate",
      paramLabel = "X",
      description = "Learning rate of Adam; it falls to 0 in the last fifth of the steps.")
  private double rate = CrossOptions.DEFAULT.learningRate();

  @Option(names = "--batch", paramLabel = "N", description = "Tokens per step.")
  private int batch = CrossOptions.DEFAULT.batch();

  @Option(names = "--steps", paramLabel = "N", description = "Steps of training.")
  private int steps = CrossOptions.DEFAULT.steps();

  @Option(
      names = "--buffer",
      paramLabel = "MIB",
      description = "Memory for activations, which are shuffled within it, in MiB.")
  private int buffer = CrossOptions.DEFAULT.buffer();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the initial weights and the order of tokens.")
  private long seed;

  @Option(
      names = "--checkpoint",
      paramLabel = "FILE",
      description =
          "Write the state of the training to FILE, and continue from it if it exists. The result"
              + " has the bits of a training without an interruption.")
  private @Nullable Path checkpoint;

  @Option(
      names = "--checkpoint-steps",
      paramLabel = "N",
      description = "Minimum number of steps between two checkpoints.")
  private int checkpointSteps = 500;

  /** The measurements of the last step; null if the checkpoint was complete. */
  record Found(@Nullable CrossProgress last, int dead) {}

  @Override
  protected void check() {
    if (hookOut != null && adapted.isPresent()) {
      throw new UsageException("--adapter: is for crosscoders, without --hook-out");
    }
    InputOutput.requireWritableDirectory(output);
    if (checkpoint != null) {
      InputOutput.requireWritable(checkpoint);
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    CrossOptions options =
        OptionValues.of(
            () ->
                new CrossOptions(
                    features,
                    penalty > 0 ? 0 : k,
                    penalty,
                    rate,
                    batch,
                    steps,
                    CrossOptions.DEFAULT.deadAfter(),
                    buffer,
                    seed));
    Path saved = checkpoint;
    CheckpointFile file =
        saved == null ? null : OptionValues.of(() -> new CheckpointFile(saved, checkpointSteps));
    try (var bar = new ProgressBar("training")) {
      var done = new Progress(bar);
      try (var training =
          new CrossTraining(
              opened.executor(), sources(Lens.of(opened)), options, file, done::take)) {
        train(opened, training);
        if (hookOut == null) {
          training.saveCrosscoder(output);
        } else {
          training.saveTranscoder(output, modelName());
        }
        return new Found(done.last, training.dead());
      }
    }
  }

  private ActivationSources sources(Lens lens) {
    if (hookOut != null) {
      return ActivationSources.ofCrossLayer(lens, lens.points(hook), lens.points(hookOut));
    }
    Lens other = adapted.of(lens);
    return other == null
        ? ActivationSources.ofLayers(lens, lens.points(hook))
        : ActivationSources.ofModels(lens, other, lens.point(hook));
  }

  private void train(Model opened, CrossTraining training) throws IOException {
    try {
      while (!training.isDone()) {
        chunks.each(
            opened,
            (chunk, read) -> {
              try {
                training.add(chunk);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
        training.endText();
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  @Override
  protected void print(Found found) {
    CrossProgress last = found.last;
    System.out.printf(
        "%s: %s of %d features, %d steps of %d tokens%n",
        output, hookOut == null ? "crosscoder" : "cross-layer transcoder", features, steps, batch);
    if (last == null) {
      System.out.println("the checkpoint was complete");
    } else {
      System.out.printf(
          "last step: squared error %.3f (relative), %.1f active per token (L0), %d dead"
              + " features%n",
          last.loss(), last.l0(), found.dead);
    }
    Hint.print(
        hookOut == null
            ? "'vidrio lens sae norms --sae " + output + "' shows where features are."
            : "'vidrio lens graph --transcoders " + output + " -p TEXT' shows what they cause.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("kind", hookOut == null ? "crosscoder" : "cross_layer_transcoder");
    object.put("hook", hook);
    if (hookOut != null) {
      object.put("hook_out", hookOut);
    }
    object.put("features", features);
    object.put("steps", steps);
    CrossProgress last = found.last;
    if (last != null) {
      object.put("error", Json.finite(last.loss()));
      object.put("l0", last.l0());
    }
    object.put("dead", found.dead);
  }

  /** The progress of the training. */
  private final class Progress {
    final ProgressBar bar;
    @Nullable CrossProgress last;

    Progress(ProgressBar bar) {
      this.bar = bar;
    }

    void take(CrossProgress step) {
      last = step;
      bar.update(
          step.step() / (double) steps,
          "error %.3f, L0 %.1f, %d dead".formatted(step.loss(), step.l0(), step.dead()));
    }
  }
}
