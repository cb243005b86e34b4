package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs sequences of a model step by step, with their key-value cache. A step takes any mix of
 * prompt chunks and single tokens:
 *
 * {@snippet file="GenerationExamples.java" region="session"}
 *
 * <p>Not thread-safe.
 */
public final class Session implements BatchFeed, AutoCloseable {
  /** Tokens that {@link #candidates} gives, where the vocabulary has as many. */
  public static final int CANDIDATES = 64;

  private final Model model;
  private final SessionOptions options;
  private final Limits limits;
  private final Arena arena = Arena.ofShared();
  private final KvCache cache;
  private final ExecutablePlan plan;
  private final Batch batch;
  private final OutputRows logits;
  private final CandidateSearch search;
  private final List<Running> inBatch = new ArrayList<>();
  private final Consumer<Session> onClose;
  private final @Nullable AdapterSlots adapters;
  private final boolean ownsAdapters;
  private final @Nullable AdapterPlan adapted;
  private volatile boolean closed;

  /** A sequence in a step, and how long it was before. */
  private record Running(Sequence sequence, int lengthBefore) {}

  /**
   * @param shared the session whose cache and adapters it uses, or null for its own
   */
  Session(
      Model model,
      SessionOptions options,
      Plan steps,
      @Nullable Session shared,
      Consumer<Session> onClose) {
    this.model = model;
    this.options = options.withContext(positions(model, options));
    this.onClose = onClose;
    this.limits = limits(model, options);
    try {
      this.cache = shared == null ? cache(model, options) : shared.cache;
      this.batch = new Batch(limits, arena);
      Op.TopK topK = CandidateSearch.operation(output(steps));
      Plan exact = plan(model, options, steps);
      this.adapters =
          shared == null ? AdapterSlots.of(model, exact, options) : shared.adapters(options);
      this.ownsAdapters = shared == null;
      this.adapted = adapters == null ? null : new AdapterPlan(exact, adapters);
      Plan whole = (adapted == null ? exact : adapted.plan()).then(topK);
      this.plan = model.executor().prepare(whole, limits, cache);
      this.logits = OutputRows.of(plan, topK.x());
      this.search = new CandidateSearch(plan, topK);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Its adapters, for a session that runs its sequences too. */
  private @Nullable AdapterSlots adapters(SessionOptions other) {
    if (adapters != null && other.sequences() > limits.sequences()) {
      throw new InvalidInputException(
          "sequences",
          Integer.toString(other.sequences()),
          "adapters are chosen for at most the " + limits.sequences() + " of the other session");
    }
    return adapters;
  }

  private KvCache cache(Model model, SessionOptions options) {
    KvShape shape = model.architecture().kvShape();
    options.requireFits(shape);
    int blocks = options.blocks(limits, shape);
    int slots = options.slots(shape);
    return new KvCache(model.executor(), shape, options.kvType(), blocks, slots, arena);
  }

  private static Buffer output(Plan steps) {
    if (steps.outputs().size() != 1 || steps.outputs().iterator().next().rows() != Rows.LOGITS) {
      throw new IllegalArgumentException(
          "a session's plan needs one output of rows that ask for logits, not " + steps.outputs());
    }
    return steps.outputs().iterator().next();
  }

  private static Plan plan(Model model, SessionOptions options, Plan exact) {
    if (!options.fast()) {
      return exact;
    }
    if (!model.executor().hasFastProducts()) {
      throw new InvalidInputException(
          "fast", "", "the executor " + model.executor().name() + " has no fast products");
    }
    return exact.fast();
  }

  private static Limits limits(Model model, SessionOptions options) {
    return new Limits(
        options.batch(),
        options.logits(),
        options.sequences(),
        positions(model, options),
        model.architecture().vocabulary());
  }

  /** The context's length: what the options ask for, or the default. */
  static int positions(Model model, SessionOptions options) {
    int declared = model.architecture().contextLength();
    int context = options.context();
    if (context > declared) {
      throw new InvalidInputException(
          "context", Integer.toString(context), "the model was made for " + declared + " tokens");
    }
    return context == 0 ? Math.min(declared, SessionOptions.DEFAULT_CONTEXT) : context;
  }

  @Override
  public Limits limits() {
    return limits;
  }

  /** The model that it runs. */
  public Model model() {
    return model;
  }

  /**
   * What it has room for, and how it computes; its context is that of the model where none was
   * given.
   */
  public SessionOptions options() {
    return options;
  }

  /** A new, empty sequence, with the adapter of the options. */
  @Override
  public Sequence newSequence() {
    requireOpen();
    var sequence = new Sequence(cache, limits.positions(), adapters);
    sequence.adapt(options.adaptation());
    return sequence;
  }

  /** The cache that its sequences share. */
  public KvCache cache() {
    return cache;
  }

  /** Whether one more sequence could have this adapter now. */
  public boolean hasRoomFor(Adapter adapter) {
    return adapters != null && adapters.hasRoomFor(adapter);
  }

  @Override
  public void begin() {
    requireOpen();
    clear();
  }

  private void clear() {
    batch.clear();
    inBatch.clear();
    search.clear();
  }

  @Override
  public void add(Sequence sequence, int token, boolean wantsLogits) {
    sequence.requireIn(cache);
    requireToken(token);
    if (sequence.length() >= limits.positions()) {
      throw new InvalidInputException(
          "context", "", "all " + limits.positions() + " positions are taken");
    }
    if (batch.tokenCount() == limits.tokens()
        || (wantsLogits && batch.logitCount() == limits.logits())) {
      throw new InvalidInputException(
          "step",
          "",
          "has room for " + limits.tokens() + " tokens and " + limits.logits() + " rows of logits");
    }
    boolean another = inBatch.isEmpty() || inBatch.getLast().sequence != sequence;
    if (another && inBatch.size() == limits.sequences()) {
      throw new InvalidInputException(
          "step", "", "has room for " + limits.sequences() + " sequences");
    }
    int position = sequence.extend();
    if (another) {
      inBatch.add(new Running(sequence, position));
      int unused =
          batch.addSequence(sequence.blocks(), sequence.blockCount(), sequence.stateSlot());
      assert unused == inBatch.size() - 1;
    } else {
      batch.extendSequence(inBatch.size() - 1, sequence.blocks(), sequence.blockCount());
    }
    batch.add(token, position, inBatch.size() - 1, wantsLogits);
  }

  @Override
  public void run() {
    try {
      requireOpen();
      chooseAdapters();
      plan.run(batch, 0, search.index());
    } catch (Throwable e) {
      inBatch.forEach(running -> running.sequence.goBack(running.lengthBefore));
      clear();
      throw e;
    }
  }

  /** Just before a run, since other sessions may use the same table. */
  private void chooseAdapters() {
    if (adapters != null) {
      adapters.chooseNone();
      for (int i = 0; i < inBatch.size(); i++) {
        inBatch.get(i).sequence.choose(i);
      }
    }
  }

  /**
   * Runs a part of the step: operations [begin, end) of the plan that the session was opened with.
   * What earlier operations left in {@link #data} may be read and changed before. Where it fails,
   * the sequences of the step are for the caller to {@linkplain Sequence#truncate cut back}.
   */
  public void run(int begin, int end) {
    requireOpen();
    chooseAdapters();
    if (adapted == null) {
      Objects.checkFromToIndex(begin, end, search.index());
      plan.run(batch, begin, end);
    } else {
      Objects.checkFromToIndex(begin, end, adapted.originalOps());
      plan.run(batch, adapted.start(begin), adapted.start(end));
    }
  }

  /**
   * An activation of the step, f32 [room for rows, width]. It holds its values from the operation
   * that writes it to the last one that reads it; a part of a step that begins between the two
   * takes what the caller puts there.
   *
   * @throws IllegalArgumentException when the plan has no such activation
   */
  public MemorySegment data(Buffer activation) {
    requireOpen();
    return plan.data(activation);
  }

  @Override
  public void requireFits(Sequence sequence, int[] tokens) {
    sequence.requireIn(cache);
    if (tokens.length == 0) {
      throw new InvalidInputException("prompt", "", "has no tokens");
    }
    int free = limits.positions() - sequence.length();
    if (tokens.length > free) {
      throw new InvalidInputException(
          "prompt",
          tokens.length + " tokens",
          "only " + free + " of the " + limits.positions() + " positions of the context are free");
    }
    for (int token : tokens) {
      requireToken(token);
    }
    sequence.requireRoom(tokens.length);
  }

  private void requireToken(int token) {
    if (token < 0 || token >= limits.vocabulary()) {
      throw new InvalidInputException(
          "token id", Integer.toString(token), "must be 0 to " + (limits.vocabulary() - 1));
    }
  }

  @Override
  public int logitRows() {
    return batch.logitCount();
  }

  /** {@inheritDoc} With another plan than the model's it is row i of its output. */
  @Override
  public MemorySegment logits(int i) {
    requireRow(i);
    return logits.row(i);
  }

  /**
   * {@inheritDoc} The executor's workers find those of all rows when the first of a step is asked
   * for.
   */
  @Override
  public Candidates candidates(int i) {
    requireRow(i);
    return search.row(batch, i);
  }

  private void requireRow(int i) {
    requireOpen();
    if (i < 0 || i >= batch.logitCount()) {
      throw new IndexOutOfBoundsException(
          "row " + i + " of logits, but the step has " + batch.logitCount());
    }
  }

  /**
   * Checks that it is open, and with it the model.
   *
   * @throws IllegalStateException when it is closed
   */
  public void requireOpen() {
    if (isClosed()) {
      throw new IllegalStateException("the session of " + model.name() + " is closed");
    }
  }

  /** Whether it is closed, itself or with the model; by any thread. */
  public boolean isClosed() {
    return closed || model.isClosed();
  }

  /** Frees its memory. Waits for a step that is running. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      plan.close();
      if (adapters != null && ownsAdapters) {
        adapters.close();
      }
      arena.close();
      onClose.accept(this);
    }
  }
}
