package dev.vidrio.bench;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** The embedded model: a prompt in one step, and tokens one by one from the start. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class ModelBenchmark extends ByExecutor {
  /** Tokens of the prompt. */
  @Param("512")
  public int prompt;

  /** Decoded tokens. */
  @Param("64")
  public int generated;

  private Loaded model;
  private int[] promptIds;
  private int[] generatedIds;

  /** Loads the model and checks the logits of both tasks. */
  @Setup
  public void open() {
    model = new Loaded(this::createExecutor);
    promptIds = model.randomIds(prompt);
    generatedIds = model.randomIds(generated);
    try (var scalar =
        new Loaded(() -> JavaExecutor.scalar(Runtime.getRuntime().availableProcessors()))) {
      Bits.requireSame(scalar.prefill(promptIds), model.prefill(promptIds), "prefill");
      Bits.requireSame(scalar.decode(generatedIds), model.decode(generatedIds), "decode");
    }
  }

  /** Runs the prompt in one step. */
  @Benchmark
  public MemorySegment prefill() {
    return model.prefill(promptIds);
  }

  /** Runs one step per token. */
  @Benchmark
  public MemorySegment decode() {
    return model.decode(generatedIds);
  }

  /** Frees all memory. */
  @TearDown
  public void close() {
    model.close();
  }

  /** The model on an executor, with one sequence. */
  private static final class Loaded implements AutoCloseable {
    private final Model model;
    private final Session session;
    private final Sequence sequence;

    Loaded(Supplier<Executor> executor) {
      this.model = BardModel.open(executor);
      this.session = model.newSession(SessionOptions.DEFAULT);
      this.sequence = session.newSequence();
    }

    int[] randomIds(int count) {
      return new SplittableRandom(1).ints(count, 0, model.architecture().vocabulary()).toArray();
    }

    MemorySegment prefill(int[] ids) {
      sequence.truncate(0);
      return session.feed(sequence, ids);
    }

    MemorySegment decode(int[] ids) {
      sequence.truncate(0);
      for (int i = 0; i < ids.length - 1; i++) {
        session.feed(sequence, ids[i]);
      }
      return session.feed(sequence, ids[ids.length - 1]);
    }

    @Override
    public void close() {
      model.close();
    }
  }
}
