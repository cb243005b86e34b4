package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.TextTraining;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A training of features on a text: its steps, memory and checkpoints. */
final class TrainingOption {
  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = "--rate",
      paramLabel = "X",
      description = "Learning rate of Adam; it falls to 0 in the last fifth of the steps.")
  private double rate = SaeOptions.DEFAULT.learningRate();

  @Option(names = "--batch", paramLabel = "N", description = "Tokens per step.")
  private int batch = SaeOptions.DEFAULT.batch();

  @Option(names = "--steps", paramLabel = "N", description = "Steps of training.")
  private int steps = SaeOptions.DEFAULT.steps();

  @Option(
      names = "--dead-after",
      paramLabel = "N",
      description = "Steps without activity after which a feature counts as dead.")
  private int deadAfter = SaeOptions.DEFAULT.deadAfter();

  @Option(
      names = "--buffer",
      paramLabel = "MIB",
      description = "Memory for activations, which are shuffled within it, in MiB.")
  private int buffer = SaeOptions.DEFAULT.buffer();

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

  /** Checks that the checkpoint can be written. */
  void check() {
    if (checkpoint != null) {
      InputOutput.requireWritable(checkpoint);
    }
  }

  double rate() {
    return rate;
  }

  int batch() {
    return batch;
  }

  int steps() {
    return steps;
  }

  int deadAfter() {
    return deadAfter;
  }

  int buffer() {
    return buffer;
  }

  long seed() {
    return seed;
  }

  /** Returns the file for the state of the training, or null. */
  @Nullable CheckpointFile checkpoint() {
    Path file = checkpoint;
    return file == null ? null : OptionValues.of(() -> new CheckpointFile(file, checkpointSteps));
  }

  /** Writes the result of a training. */
  @FunctionalInterface
  interface Saver<T> {
    void save(T training) throws IOException;
  }

  /**
   * Trains on the text, as often as there are steps, and shows the progress.
   *
   * @param prepare returns the training, which passes its progress to the argument
   * @param saver writes the result
   */
  <T extends TextTraining> TrainingResult run(
      Model opened, Function<Consumer<TrainingProgress>, T> prepare, Saver<T> saver)
      throws IOException {
    try (var bar = new ProgressBar("training")) {
      var done = new Progress(bar);
      try (T training = prepare.apply(done::take)) {
        passes(opened, training);
        saver.save(training);
        return new TrainingResult(steps, batch, done.last, training.dead());
      }
    }
  }

  private void passes(Model opened, TextTraining training) throws IOException {
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
        if (!training.isDone() && !chunks.isRepeatable()) {
          throw new UsageException(
              "standard input: has too few tokens for --steps and does not fit into --buffer;"
                  + " needs a file, which is read again (-f)");
        }
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** The progress of the training. */
  private final class Progress {
    final ProgressBar bar;
    @Nullable TrainingProgress last;

    Progress(ProgressBar bar) {
      this.bar = bar;
    }

    void take(TrainingProgress step) {
      last = step;
      bar.update(
          step.step() / (double) steps,
          "error %.3f, L0 %.1f, %d dead".formatted(step.loss(), step.l0(), step.dead()));
    }
  }
}
