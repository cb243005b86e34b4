package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs whole texts through an encoder and pools the hidden states of their tokens. Texts of any
 * lengths share steps without padding, as many as fit; the vector of a text does not depend on the
 * others, bit for bit. Its session and memory serve all calls; they grow with the longest text. Not
 * thread-safe.
 */
public final class TextEncoder implements AutoCloseable {
  /** Maximum tokens of a step, unless a single text is longer. */
  private static final int BATCH = 512;

  /** Maximum texts of a step. */
  private static final int SEQUENCES = 128;

  private final Model model;
  private final SessionOptions options;
  private @Nullable Session session;

  /**
   * Creates an encoder without memory yet.
   *
   * @param options the adapter and the arithmetic; sizes and the element type of the cache are
   *     ignored: keys and values live for one step and are F32
   * @throws InvalidInputException if the model is not an encoder
   */
  public TextEncoder(Model model, SessionOptions options) {
    if (!model.architecture().isEncoder()) {
      throw new InvalidInputException("model", model.name(), "is not an encoder");
    }
    this.model = model;
    this.options = options;
  }

  /**
   * Returns the pooled vectors [d] of texts.
   *
   * @param texts the token ids of each text
   * @param types the token types of each text, or null if all are 0
   * @param progress receives the fraction done
   * @throws InvalidInputException if a text has no tokens, exceeds the model's positions, or has an
   *     unknown id or type
   */
  public List<float[]> pooled(
      List<int[]> texts, @Nullable List<int[]> types, Pooling pooling, DoubleConsumer progress) {
    Embeddings.requireLengths(model, texts);
    int longest = 1;
    for (int i = 0; i < texts.size(); i++) {
      requireTypes(i, texts.get(i), types == null ? null : types.get(i));
      longest = Math.max(longest, texts.get(i).length);
    }
    Session running = session(longest);
    List<float[]> vectors = new ArrayList<>();
    while (vectors.size() < texts.size()) {
      step(running, texts, types, pooling, vectors);
      progress.accept((double) vectors.size() / texts.size());
    }
    return vectors;
  }

  private static void requireTypes(int i, int[] ids, int @Nullable [] types) {
    if (types != null && types.length != ids.length) {
      throw new InvalidInputException(
          "text " + i, types.length + " token types", "must have one for each token");
    }
  }

  /**
   * Returns the hidden states [n][d] of a text's tokens, which pooling combines.
   *
   * @throws InvalidInputException if the text has no tokens, exceeds the model's positions, or has
   *     an unknown id
   */
  float[][] hidden(int[] ids) {
    Embeddings.requireLengths(model, List.of(ids));
    Session running = session(ids.length);
    running.begin();
    try (Sequence sequence = running.newSequence()) {
      for (int id : ids) {
        running.add(sequence, id, 0, true);
      }
      running.run();
      var rows = new float[ids.length][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = pool(running, i, 1, Pooling.FIRST);
      }
      return rows;
    }
  }

  /** Returns a session for texts of at most a length, which replaces a smaller one. */
  private Session session(int longest) {
    Session current = session;
    if (current != null && current.limits().tokens() >= longest && !current.isClosed()) {
      return current;
    }
    close();
    int batch = Math.max(BATCH, Integer.highestOneBit(2 * longest - 1));
    batch =
        Math.max(longest, Math.min(batch, Math.max(BATCH, model.architecture().contextLength())));
    var sized =
        new SessionOptions(
                Math.min(batch, model.architecture().contextLength()), batch, SEQUENCES, batch)
            .withKvType(KvType.F32)
            .withArithmetic(options.arithmetic())
            .withAdaptation(options.adaptation())
            .withBlocks(KvCache.blocksFor(batch) + SEQUENCES);
    Session opened = model.newSession(sized);
    session = opened;
    return opened;
  }

  /** Runs the next texts, and adds their vectors. */
  private static void step(
      Session running,
      List<int[]> texts,
      @Nullable List<int[]> types,
      Pooling pooling,
      List<float[]> vectors) {
    List<Sequence> sequences = new ArrayList<>();
    try {
      running.begin();
      int first = vectors.size();
      int end = first;
      int tokens = 0;
      while (end < texts.size()
          && end - first < SEQUENCES
          && tokens + texts.get(end).length <= running.limits().tokens()) {
        int[] ids = texts.get(end);
        Sequence sequence = running.newSequence();
        sequences.add(sequence);
        for (int i = 0; i < ids.length; i++) {
          int type = types == null ? 0 : types.get(end)[i];
          running.add(sequence, ids[i], type, wants(pooling, i, ids.length));
        }
        tokens += ids.length;
        end++;
      }
      running.run();
      int row = 0;
      for (int i = first; i < end; i++) {
        int rows = pooling == Pooling.MEAN || pooling == Pooling.MAX ? texts.get(i).length : 1;
        vectors.add(pool(running, row, rows, pooling));
        row += rows;
      }
    } finally {
      sequences.forEach(Sequence::close);
    }
  }

  private static boolean wants(Pooling pooling, int i, int n) {
    return switch (pooling) {
      case MEAN, MAX -> true;
      case FIRST -> i == 0;
      case LAST -> i == n - 1;
    };
  }

  private static float[] pool(Session running, int row, int rows, Pooling pooling) {
    int width = running.model().architecture().width();
    if (rows == 1) {
      return running.logits(row).asSlice(0, 4L * width).toArray(JAVA_FLOAT);
    }
    if (pooling == Pooling.MAX) {
      float[] maxima = running.logits(row).asSlice(0, 4L * width).toArray(JAVA_FLOAT);
      for (int r = row + 1; r < row + rows; r++) {
        MemorySegment values = running.logits(r);
        for (int i = 0; i < width; i++) {
          maxima[i] = Math.max(maxima[i], values.getAtIndex(JAVA_FLOAT, i));
        }
      }
      return maxima;
    }
    var sums = new double[width];
    for (int r = row; r < row + rows; r++) {
      MemorySegment values = running.logits(r);
      for (int i = 0; i < width; i++) {
        sums[i] += values.getAtIndex(JAVA_FLOAT, i);
      }
    }
    var mean = new float[width];
    for (int i = 0; i < width; i++) {
      mean[i] = (float) (sums[i] / rows);
    }
    return mean;
  }

  /** Frees the memory. */
  @Override
  public void close() {
    if (session != null) {
      session.close();
      session = null;
    }
  }
}
