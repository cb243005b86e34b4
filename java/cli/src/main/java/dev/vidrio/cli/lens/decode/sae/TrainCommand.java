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
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.SaeTrainer;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae train}. */
@Command(
    name = "train",
    description = {
      "Trains a small sparse autoencoder on the activations of a text, or with --hook-out a"
          + " transcoder.",
      "Writes a directory that SAELens and the other commands read."
    })
public final class TrainCommand extends ModelCommand<TrainCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = "--hook",
      paramLabel = "NAME",
      required = true,
      description = "The hook point, such as blocks.1.hook_resid_post.")
  private String hook = "";

  @Option(
      names = "--hook-out",
      paramLabel = "NAME",
      description = {
        "Train a transcoder from --hook to this point, such as from blocks.1.ln2.hook_normalized to"
            + " blocks.1.hook_mlp_out.",
        "Needs --batch-topk or --penalty."
      })
  private @Nullable String hookOut;

  @Option(
      names = "--skip",
      description = "Give the transcoder a skip connection, a linear map from input to output.")
  private boolean skip;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIRECTORY",
      required = true,
      description = "Where to write cfg.json and sae_weights.safetensors.")
  private Path output = Path.of("");

  @Option(names = "--features", paramLabel = "N", description = "Number of features.")
  private int features = 1024;

  @Option(names = "-k", paramLabel = "K", description = "Features active per token.")
  private int k = 16;

  @Option(
      names = "--batch-topk",
      description =
          "Average K features per token over a batch, rather than K for each token (BatchTopK).")
  private boolean batchTopK;

  @Option(
      names = "--penalty",
      paramLabel = "X",
      showDefaultValue = Help.Visibility.NEVER,
      description = "Use ReLU with a penalty of X times the sum of activations instead of K.")
  private double penalty;

  @Option(names = "--rate", paramLabel = "X", description = "Learning rate of Adam.")
  private double rate = 0.001;

  @Option(names = "--batch", paramLabel = "N", description = "Tokens per step.")
  private int batch = 256;

  @Option(names = "--steps", paramLabel = "N", description = "Steps of training.")
  private int steps = 1000;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the initial weights and the order of tokens.")
  private long seed;

  /**
   * The result of a training.
   *
   * @param activations the number of rows of the training
   * @param error the squared error of the last step, relative to the variance
   * @param dead the number of features that are never active
   */
  record Found(int activations, double error, int dead) {}

  @Override
  protected void check() {
    if (skip && hookOut == null) {
      throw new UsageException("--skip: needs --hook-out");
    }
    InputOutput.requireWritableDirectory(output);
  }

  @Override
  protected Found run(Model opened) throws IOException {
    boolean relu = penalty > 0;
    SaeOptions options =
        OptionValues.of(
            () ->
                new SaeOptions(
                    features,
                    relu ? 0 : k,
                    batchTopK,
                    penalty,
                    rate,
                    batch,
                    steps,
                    SaeOptions.DEFAULT.deadAfter(),
                    seed));
    Lens lens = Lens.of(opened);
    HookPoint in = lens.point(hook);
    if (hookOut == null) {
      float[][] rows = TextChunks.activations(lens, hook, chunks.of(opened));
      try (var trainer = new SaeTrainer(opened.executor(), rows, options)) {
        return train(opened, trainer, in, in, rows.length);
      }
    }
    HookPoint out = lens.point(hookOut);
    List<float[][]> rows = TextChunks.activations(lens, List.of(in, out), chunks.of(opened));
    try (var trainer =
        SaeTrainer.ofTranscoder(
            opened.executor(), rows.getFirst(), rows.getLast(), skip, options)) {
      return train(opened, trainer, in, out, rows.getFirst().length);
    }
  }

  private Found train(
      Model opened, SaeTrainer trainer, HookPoint in, HookPoint out, int activations)
      throws IOException {
    try (var bar = new ProgressBar("training")) {
      var done = new Progress();
      trainer.run(loss -> bar.update(++done.steps / (double) steps, done.of(loss)));
      try (SparseAutoencoder trained = trainer.result(opened.executor(), in.name(), out.name())) {
        trained.save(output, modelName());
      }
      return new Found(activations, done.loss, trainer.dead());
    }
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s: %d features from %d activations; squared error %.3f (relative), %d dead features%n",
        output, features, found.activations, found.error, found.dead);
    Hint.print(
        hookOut == null
            ? "'vidrio lens sae features --sae " + output + " -p TEXT' shows active features."
            : "'vidrio lens graph --transcoders " + output + " -p TEXT' shows what they cause.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("hook", hook);
    if (hookOut != null) {
      object.put("hook_out", hookOut);
    }
    object.put("features", features);
    object.put("activations", found.activations);
    object.put("error", Json.finite(found.error));
    object.put("dead", found.dead);
  }

  /** The progress of the training. */
  private static final class Progress {
    int steps;
    double loss;

    String of(double newLoss) {
      loss = newLoss;
      return String.format("error %.3f", newLoss);
    }
  }
}
