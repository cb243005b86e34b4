package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Trains a crosscoder (Lindsey et al. 2024, transformer-circuits.pub/2024/crosscoders) or a
 * cross-layer transcoder (Ameisen et al. 2025) on a text that streams through the model: which
 * features do several layers, or two models, share?
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="crosscoder"}
 *
 * <p>Training has rounds. In each, activations of the next part of the text are collected outside
 * the heap, up to {@link CrossOptions#buffer}, and then used once, in random order; the rest of a
 * chunk that does not fit is left out. At the end of the text it starts again; a text that fits
 * into one round runs through the model only once.
 *
 * <p>Checkpoints are written at the end of rounds. A training with equal options and text that is
 * given the file continues there, and its result has the bits of one that was not interrupted.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/dictionaries.md"
 */
public final class CrossTraining implements AutoCloseable {
  private final ActivationSources sources;
  private final CrossOptions options;
  private final CrossTrainer trainer;
  private final ActivationRows rows;
  private final @Nullable CheckpointFile checkpoint;
  private final Consumer<CrossProgress> progress;

  /** Number of rounds so far. */
  private int round;

  /** Number of steps at the last checkpoint. */
  private int saved;

  /** Number of chunks of the text in this pass through it, and a checksum of their tokens. */
  private int chunks;

  private final CRC32 checksum = new CRC32();

  /** The begin of the round within the text. */
  private int first;

  /** The position at which a checkpoint was written; null after the text was compared there. */
  private @Nullable Position resumed;

  /**
   * A position between two rounds.
   *
   * @param round number of rounds
   * @param chunks of the text before it, in the pass through the text
   * @param checksum of their tokens
   * @param end whether it is the end of the text
   */
  record Position(int round, int chunks, long checksum, boolean end) {}

  /**
   * Prepares a training.
   *
   * @param sources the activations; their lenses must stay open
   * @param checkpoint the file for the state of the training; null for none
   * @param progress receives the measurements of each step
   * @throws InvalidInputException if the buffer is smaller than a batch, or the checkpoint is of a
   *     training with other options
   * @throws dev.vidrio.error.ModelFileException if the checkpoint is damaged
   */
  public CrossTraining(
      Executor executor,
      ActivationSources sources,
      CrossOptions options,
      @Nullable CheckpointFile checkpoint,
      Consumer<CrossProgress> progress) {
    this.sources = sources;
    this.options = options;
    this.checkpoint = checkpoint;
    this.progress = progress;
    int columns = sources.layout().columns();
    long capacity = ((long) options.buffer() << 20) / (4L * columns);
    Preconditions.require(
        capacity >= options.batch(),
        "buffer",
        options.buffer() + " MiB",
        "holds %d tokens, fewer than a batch of %d".formatted(capacity, options.batch()));
    this.trainer = new CrossTrainer(executor, sources.layout(), options);
    try {
      if (checkpoint != null && Files.exists(checkpoint.path())) {
        resumed = CrossCheckpoint.read(checkpoint.path(), trainer, sources);
        round = resumed.round;
        saved = trainer.steps;
        first = resumed.end ? 0 : resumed.chunks;
      }
      this.rows = new ActivationRows(columns, (int) Math.min(capacity, 1 << 24));
    } catch (Throwable e) {
      trainer.close();
      throw e;
    }
  }

  /** Returns whether all steps have run; more text is then ignored. */
  public boolean isDone() {
    return trainer.steps >= options.steps();
  }

  /** Returns the number of features that were not active for some time. */
  public int dead() {
    return trainer.dead();
  }

  /**
   * Adds the next chunk of the text, and trains if the activations in memory are complete.
   *
   * @throws IOException if a checkpoint cannot be written
   * @throws InvalidInputException if the text is not that of the checkpoint
   */
  public void add(int[] chunk) throws IOException {
    if (isDone()) {
      return;
    }
    chunks++;
    var bytes = ByteBuffer.allocate(4 * chunk.length);
    bytes.asIntBuffer().put(chunk);
    checksum.update(bytes.array());
    if (chunks > first) {
      for (float[] row : sources.rows(chunk)) {
        if (!rows.isFull()) {
          rows.add(row);
        }
      }
    }
    if (resumed != null && chunks == resumed.chunks) {
      requireText(checksum.getValue() == resumed.checksum);
      resumed = null;
    }
    if (rows.isFull()) {
      train(false);
      rows.clear();
      first = chunks;
    }
  }

  /**
   * Ends a pass through the text. The next chunk is the first again; if {@link #isDone()} is false,
   * the text is to be passed once more.
   *
   * @throws IOException if a checkpoint cannot be written
   * @throws InvalidInputException if the text has fewer tokens than a batch, or is not that of the
   *     checkpoint
   */
  public void endText() throws IOException {
    requireText(resumed == null);
    boolean whole = first == 0;
    if (!isDone() && (whole || rows.size() >= options.batch())) {
      Preconditions.require(
          rows.size() >= options.batch(),
          "text",
          rows.size() + " tokens",
          "must have at least as many as a batch, %d, without the first of each chunk"
              .formatted(options.batch()));
      do {
        train(true);
      } while (whole && !isDone());
    }
    rows.clear();
    chunks = 0;
    first = 0;
    checksum.reset();
  }

  private static void requireText(boolean equal) {
    Preconditions.require(equal, "text", "", "is not that of the checkpoint");
  }

  /** Uses the activations in memory once, in random order. */
  private void train(boolean end) throws IOException {
    if (trainer.steps == 0) {
      trainer.prepare(rows);
    }
    round++;
    int[] order = shuffled();
    int batch = options.batch();
    for (int at = 0; at + batch <= order.length && !isDone(); at += batch) {
      var x = new float[batch][sources.layout().columns()];
      for (int b = 0; b < batch; b++) {
        rows.copy(order[at + b], x[b]);
      }
      progress.accept(trainer.step(x));
    }
    if (checkpoint != null && (isDone() || trainer.steps - saved >= checkpoint.steps())) {
      var position = new Position(round, chunks, checksum.getValue(), end);
      CrossCheckpoint.write(checkpoint.path(), trainer, sources, position);
      saved = trainer.steps;
    }
  }

  private int[] shuffled() {
    var random = new SplitMix64(options.seed() + round);
    var order = new int[rows.size()];
    for (int i = 0; i < order.length; i++) {
      int j = (int) (random.nextDouble() * (i + 1));
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  /**
   * Writes the crosscoder into a directory, in the format of dictionary_learning. The file also has
   * the names of the hook points.
   *
   * @throws IOException if the files cannot be written; existing files are unchanged then
   * @throws IllegalStateException if it is a cross-layer transcoder
   */
  public void saveCrosscoder(Path directory) throws IOException {
    requireKind(true);
    CrosscoderFile.write(directory, trainer, sources);
  }

  /**
   * Writes the cross-layer transcoder into a directory, in the format of circuit-tracer.
   *
   * @param model the name of the model
   * @throws IOException if the files cannot be written; existing files are unchanged then
   * @throws IllegalStateException if it is a crosscoder
   */
  public void saveTranscoder(Path directory, String model) throws IOException {
    requireKind(false);
    CrossLayerFiles.write(directory, trainer, sources, model);
  }

  private void requireKind(boolean crosscoder) {
    if (sources.layout().reconstructs() != crosscoder) {
      throw new IllegalStateException(
          crosscoder ? "trains a cross-layer transcoder" : "trains a crosscoder");
    }
  }

  @Override
  public void close() {
    rows.close();
    trainer.close();
  }
}
