package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.SaeTraining;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae train}. */
@Command(
    name = "train",
    description = {
      "Trains a sparse autoencoder on the activations of a text of any length, or with --hook-out a"
          + " transcoder.",
      "Writes a directory that SAELens and the other commands read."
    })
public final class TrainCommand extends ModelCommand<TrainingResult> {
  @Mixin private TrainingOption training = new TrainingOption();

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
        "Not with --kind topk, abstopk, matching_pursuit or gated."
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
  private int features = SaeOptions.DEFAULT.features();

  @Option(
      names = "--resample",
      paramLabel = "N",
      description =
          "Every N steps, let dead features begin again with the directions of tokens that are"
              + " reconstructed badly, until the learning rate falls. Default: never.")
  private int resample = SaeOptions.DEFAULT.resample();

  @Mixin private KindOption kind = new KindOption();

  @Override
  protected void check() {
    if (skip && hookOut == null) {
      throw new UsageException("--skip: needs --hook-out");
    }
    SaeOptions options = options();
    if (hookOut != null && !options.kind().hasTranscoders()) {
      throw new UsageException(
          "--hook-out: SAELens has no format for transcoders with --kind %s; batchtopk is similar to topk"
              .formatted(kind.name()));
    }
    InputOutput.requireWritableDirectory(output);
    training.check();
  }

  @Override
  protected TrainingResult run(Model opened) throws IOException {
    SaeOptions options = options();
    return training.run(opened, progress -> prepare(opened, options, progress), this::save);
  }

  private SaeOptions options() {
    return OptionValues.of(
        () ->
            new SaeOptions(
                features,
                kind.toKind(),
                kind.warmUp(),
                kind.deadWeight(),
                training.rate(),
                training.batch(),
                training.steps(),
                training.deadAfter(),
                resample,
                training.buffer(),
                training.seed()));
  }

  private SaeTraining prepare(
      Model opened, SaeOptions options, Consumer<TrainingProgress> progress) {
    Lens lens = Lens.of(opened);
    HookPoint in = lens.point(hook);
    CheckpointFile file = training.checkpoint();
    return hookOut == null
        ? SaeTraining.ofAutoencoder(lens, in, options, file, progress)
        : SaeTraining.ofTranscoder(lens, in, lens.point(hookOut), skip, options, file, progress);
  }

  private void save(SaeTraining trained) throws IOException {
    try (SparseAutoencoder result = trained.result()) {
      result.save(output, modelName());
    }
  }

  @Override
  protected void print(TrainingResult found) {
    found.print(output, kind(), features);
    Hint.print(
        hookOut == null
            ? "'vidrio lens sae features --sae " + output + " -p TEXT' shows active features."
            : "'vidrio lens graph --transcoders " + output + " -p TEXT' shows what they cause.");
  }

  private String kind() {
    return hookOut == null ? "autoencoder" : "transcoder";
  }

  @Override
  protected void fill(JsonObject object, TrainingResult found) {
    object.put("kind", kind());
    object.put("hook", hook);
    if (hookOut != null) {
      object.put("hook_out", hookOut);
    }
    object.put("features", features);
    found.fill(object);
  }
}
