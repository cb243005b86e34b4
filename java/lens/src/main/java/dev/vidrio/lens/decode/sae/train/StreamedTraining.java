package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.lens.decode.sae.train.TrainingCheckpoint.Position;
import dev.vidrio.lens.resolve.Preconditions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Trains on a text of any length that streams through a model.
 *
 * <p>Training has rounds. In each, activations of the next part of the text are collected outside
 * the heap, up to {@link Schedule#buffer}, and then used once, in random order; the rest of a chunk
 * that does not fit is left out. At the end of the text it starts again; a text that fits into one
 * round runs through the model only once.
 *
 * <p>Checkpoints are written at the end of rounds. A training with equal settings and text that is
 * given the file continues there, and its result has the bits of one that was not interrupted.
 *
 * <p>Not thread-safe.
 *
 * @param <P> the measurements of a step
 */
public final class StreamedTraining<P> implements AutoCloseable {
  private static final int MAXIMUM_ROWS = 1 << 24;

  private final BatchTrainer<P> trainer;
  private final Schedule schedule;
  private final Function<int[], float[][]> activations;
  private final ActivationRows rows;
  private final @Nullable TrainingCheckpoint checkpoint;
  private final Consumer<P> progress;

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
   * Prepares a training.
   *
   * @param trainer closed with this, also if the constructor fails
   * @param activations returns those of the tokens of a chunk, [n][columns]
   * @param checkpoint the file for the state of the training; null for none
   * @param progress receives the measurements of each step
   * @throws InvalidInputException if the buffer is smaller than a batch, or the checkpoint is of a
   *     training with other settings
   * @throws ModelFileException if the checkpoint is damaged
   */
  public StreamedTraining(
      BatchTrainer<P> trainer,
      Schedule schedule,
      Function<int[], float[][]> activations,
      @Nullable TrainingCheckpoint checkpoint,
      Consumer<P> progress) {
    this.trainer = trainer;
    this.schedule = schedule;
    this.activations = activations;
    this.checkpoint = checkpoint;
    this.progress = progress;
    try {
      long capacity = schedule.capacity(trainer.columns());
      Preconditions.require(
          capacity >= schedule.batch(),
          "buffer",
          schedule.buffer() + " MiB",
          "holds %d tokens, fewer than a batch of %d".formatted(capacity, schedule.batch()));
      if (checkpoint != null && checkpoint.exists()) {
        Position position = checkpoint.read(trainer.state());
        resumed = position;
        round = position.round();
        saved = trainer.state().steps();
        first = position.end() ? 0 : position.chunks();
      }
      this.rows = new ActivationRows(trainer.columns(), (int) Math.min(capacity, MAXIMUM_ROWS));
    } catch (Throwable e) {
      trainer.close();
      throw e;
    }
  }

  /** Returns whether all steps have run; more text is then ignored. */
  public boolean isDone() {
    return trainer.state().steps() >= schedule.steps();
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
    var bytes = ByteBuffer.allocate(Integer.BYTES * chunk.length);
    bytes.asIntBuffer().put(chunk);
    checksum.update(bytes.array());
    if (chunks > first) {
      for (float[] row : activations.apply(chunk)) {
        if (!rows.isFull()) {
          rows.add(row);
        }
      }
    }
    if (resumed != null && chunks == resumed.chunks()) {
      requireText(checksum.getValue() == resumed.checksum());
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
    if (!isDone() && (whole || rows.size() >= schedule.batch())) {
      Preconditions.require(
          rows.size() >= schedule.batch(),
          "text",
          rows.size() + " tokens",
          "must have at least as many as a batch, %d, without the first of each chunk"
              .formatted(schedule.batch()));
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
    TrainingState state = trainer.state();
    if (state.steps() == 0) {
      trainer.prepare(rows);
    }
    round++;
    var batches =
        new ShuffledBatches(rows, trainer.columns(), schedule.batch(), schedule.seed() + round);
    while (batches.hasNext() && !isDone()) {
      progress.accept(trainer.step(batches.next()));
    }
    if (checkpoint != null && (isDone() || state.steps() - saved >= checkpoint.interval())) {
      checkpoint.write(state, new Position(round, chunks, checksum.getValue(), end));
      saved = state.steps();
    }
  }

  @Override
  public void close() {
    rows.close();
    trainer.close();
  }
}
