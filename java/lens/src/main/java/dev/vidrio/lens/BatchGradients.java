package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.pass.CopyInsertion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes gradients of several texts in one step, with respect to activations of a plan. Texts may
 * begin with prefixes that run once, with constant activations, as in {@link
 * GradientSession#prefix}. Each text has the bits of a step of its own.
 *
 * <p>Methods that need gradients of many texts use this class; {@link GradientSession} has hook
 * points, edits, rules and seeds. Models with recurrent states are not supported. Not thread-safe.
 */
public final class BatchGradients implements AutoCloseable {
  private final Limits limits;
  private final Buffer logits;
  private final Gradient gradient;
  private final MemorySegment seed;
  private final Arena arena = Arena.ofShared();
  private final Batch batch;
  private final int[][] blocks;
  private final ExecutablePlan plan;

  /** The position of the first token of each text of a step. */
  private int[] starts = {};

  /** The number of rows of logits of each text of the last step. */
  private int[] read = {};

  /** Overwrites an activation in the middle of a forward pass. */
  public record Write(Buffer at, Consumer<MemorySegment> values) {}

  /**
   * Prepares a plan.
   *
   * @param model a plan of the model
   * @param logits of the plan
   * @param wanted the activations to compute gradients for
   * @param kept the activations that keep their values
   * @param cut the activations that become constants of the gradient when they are overwritten
   * @param tokens maximum tokens of a step
   * @param logitRows maximum rows of logits of a step
   * @param texts maximum texts of a step
   * @param positions maximum length of a text, with its prefix
   */
  public BatchGradients(
      Lens lens,
      Plan model,
      Buffer logits,
      Set<Buffer> wanted,
      Set<Buffer> kept,
      Set<Buffer> cut,
      int tokens,
      int logitRows,
      int texts,
      int positions) {
    TokenLimit.check(positions, texts);
    lens.requireUnedited("gradients of several texts");
    Executor executor = lens.model().executor();
    int vocabulary = lens.model().architecture().vocabulary();
    this.limits = new Limits(tokens, logitRows, texts, positions, vocabulary);
    this.logits = logits;
    Set<Buffer> outputs = new HashSet<>(model.outputs());
    outputs.addAll(kept);
    outputs.add(logits);
    Set<Buffer> all = new HashSet<>(outputs);
    all.addAll(wanted);
    Set<Buffer> differentiated = new HashSet<>(wanted);
    cut.forEach(buffer -> differentiated.add(CopyInsertion.computed(buffer)));
    List<Op> written = CopyInsertion.apply(model.ops(), cut);
    all.addAll(differentiated);
    List<Op> ops = new GatherHoisting().apply(new Plan(written, model.kv(), all)).ops();
    try {
      this.seed =
          executor.allocate(Math.multiplyExact(4L * logits.width(), limits.logits()), arena);
      this.gradient =
          lens.computed(
              new Differentiation(Map.of(logits, seed), differentiated, GradientRules.EXACT)
                  .differentiate(new Plan(ops, model.kv(), outputs)));
      this.batch = new Batch(limits, arena);
      int count = limits.blocksPerSequence();
      var cache =
          new KvCache(
              executor, model.kv(), KvType.F32, Math.multiplyExact(count, texts), texts, arena);
      this.blocks = new int[texts][];
      for (int i = 0; i < texts; i++) {
        blocks[i] = IntStream.generate(cache::acquire).limit(count).toArray();
      }
      this.plan = executor.prepare(gradient.plan(), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns the sizes. */
  public Limits limits() {
    return limits;
  }

  /** Runs the prefixes of the next steps' texts, which may be empty, in as many steps as needed. */
  public void prefixes(List<int[]> prefixes) {
    starts = prefixes.stream().mapToInt(prefix -> prefix.length).toArray();
    int text = 0;
    int from = 0;
    while (text < starts.length) {
      batch.clear();
      while (text < starts.length && batch.tokenCount() < limits.tokens()) {
        if (from == starts[text]) {
          text++;
          from = 0;
          continue;
        }
        int s = batch.addSequence(blocks[text], blocks[text].length);
        int to = Math.min(starts[text], from + limits.tokens() - batch.tokenCount());
        for (; from < to; from++) {
          batch.add(prefixes.get(text)[from], from, s, false);
        }
      }
      if (batch.tokenCount() > 0) {
        Interruption.run(plan, batch, 0, gradient.forwardOps());
      }
    }
  }

  private void begin(List<int[]> texts, int[] reads) {
    read = reads.clone();
    batch.clear();
    for (int t = 0; t < texts.size(); t++) {
      int s = batch.addSequence(blocks[t], blocks[t].length);
      int[] tokens = texts.get(t);
      for (int i = 0; i < tokens.length; i++) {
        batch.add(tokens[i], starts[t] + i, s, i >= tokens.length - read[t]);
      }
    }
  }

  /**
   * Runs a forward pass of texts.
   *
   * @param texts the tokens after each prefix, one or more; their rows follow each other
   * @param reads the number of last tokens of each text to compute logits for
   * @param write an activation to overwrite, or null
   */
  public void forward(List<int[]> texts, int[] reads, @Nullable Write write) {
    begin(texts, reads);
    int begin = 0;
    if (write != null) {
      begin = 1 + writer(write.at);
      Interruption.run(plan, batch, 0, begin);
      write.values.accept(values(write.at));
    }
    Interruption.run(plan, batch, begin, gradient.forwardOps());
  }

  /**
   * Runs a forward pass that stops after some activations, in the order in which they are computed,
   * so that they can be read and overwritten.
   *
   * @param texts the tokens after each prefix, one or more; their rows follow each other
   * @param reads the number of last tokens of each text to compute logits for
   * @param stops kept activations
   * @param at receives each of them
   */
  public void forward(List<int[]> texts, int[] reads, Set<Buffer> stops, Consumer<Buffer> at) {
    begin(texts, reads);
    run(0, gradient.forwardOps(), stops, buffer -> buffer, at);
  }

  /** Runs operations, and stops after those that write what {@code written} returns. */
  private void run(
      int begin, int end, Set<Buffer> stops, UnaryOperator<Buffer> written, Consumer<Buffer> at) {
    List<Buffer> ordered = new ArrayList<>(stops);
    ordered.sort(Comparator.comparingInt(buffer -> writer(written.apply(buffer))));
    int from = begin;
    for (Buffer stop : ordered) {
      int to = 1 + writer(written.apply(stop));
      if (to > from) {
        Interruption.run(plan, batch, from, to);
        from = to;
      }
      at.accept(stop);
    }
    Interruption.run(plan, batch, from, end);
  }

  private int writer(Buffer buffer) {
    List<Op> ops = gradient.plan().ops();
    return IntStream.range(0, ops.size())
        .filter(i -> ops.get(i).writes().contains(buffer))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the metric of each text after a forward pass. */
  public double[] metrics(List<? extends Metric> metrics) {
    MemorySegment all = plan.data(logits);
    return IntStream.range(0, metrics.size())
        .mapToDouble(i -> metrics.get(i).of(rows(all, i)))
        .toArray();
  }

  /**
   * Runs the backward pass of each text's metric and returns the metrics.
   *
   * @param cut an overwritten activation that is a constant of the gradient, or null
   */
  public double[] backward(List<DifferentiableMetric> metrics, @Nullable Buffer cut) {
    double[] values = seed(metrics);
    int begin = gradient.forwardOps();
    if (cut != null) {
      Buffer ofComputed = gradient.of(CopyInsertion.computed(cut));
      int end = 1 + writer(ofComputed);
      Interruption.run(plan, batch, begin, end);
      values(ofComputed).fill((byte) 0);
      begin = end;
    }
    Interruption.run(plan, batch, begin, gradient.plan().ops().size());
    return values;
  }

  /**
   * Runs the backward pass of each text's metric, which stops after the gradients with respect to
   * some activations, in the order in which they are computed, so that they can be overwritten.
   *
   * @param cuts activations that were prepared as constants
   * @param at receives each of them and its gradient, [rows, width]
   * @return the metrics
   */
  public double[] backward(
      List<? extends DifferentiableMetric> metrics,
      Set<Buffer> cuts,
      BiConsumer<Buffer, MemorySegment> at) {
    double[] values = seed(metrics);
    run(
        gradient.forwardOps(),
        gradient.plan().ops().size(),
        cuts,
        cut -> gradient.of(CopyInsertion.computed(cut)),
        cut -> at.accept(cut, values(gradient.of(CopyInsertion.computed(cut)))));
    return values;
  }

  /** Sets the gradients of the logits and returns the metric of each text. */
  private double[] seed(List<? extends DifferentiableMetric> metrics) {
    MemorySegment all = plan.data(logits);
    seed.fill((byte) 0);
    return IntStream.range(0, metrics.size())
        .mapToDouble(i -> metrics.get(i).of(rows(all, i), rows(seed, i)))
        .toArray();
  }

  /** Returns a text's rows of logits or their gradients. */
  private MemorySegment rows(MemorySegment all, int text) {
    long row = 4L * logits.width();
    long first = Arrays.stream(read, 0, text).sum();
    return all.asSlice(first * row, read[text] * row, JAVA_FLOAT.byteAlignment());
  }

  /** Returns the values of a kept activation, [rows, width], valid until the next step. */
  public MemorySegment values(Buffer buffer) {
    return plan.data(buffer).asSlice(0, 4L * buffer.width() * batch.rows(buffer.rows()));
  }

  /** Returns the gradient of a wanted activation, [rows, width], valid until the next step. */
  public MemorySegment gradient(Buffer buffer) {
    return values(gradient.of(buffer));
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
