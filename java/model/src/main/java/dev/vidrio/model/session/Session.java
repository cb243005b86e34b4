package dev.vidrio.model.session;

import static dev.vidrio.error.InvalidInputException.requireRange;

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
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.adapter.AdapterSlots;
import dev.vidrio.model.adapter.LoraInsertion;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs sequences of a model step by step over one key-value cache. A step takes any mix of prompt
 * chunks and single tokens of several sequences, and computes logits [V] after the tokens that ask
 * for them:
 *
 * {@snippet file="GenerationExamples.java" region="session"}
 *
 * <p>For text rather than logits, use {@code Model.generate}. Logits are valid until the next step.
 * A step that fails restores the lengths of its sequences. A prompt that does not fit throws {@link
 * InvalidInputException}; a full cache throws {@link IllegalStateException}. Not thread-safe,
 * except {@link #close} and {@link #isClosed}.
 */
public final class Session implements BatchRunner, AutoCloseable {
  /** The number of tokens in {@link #candidates}, if the vocabulary is not smaller. */
  public static final int CANDIDATES = 64;

  private final LoadedModel model;
  private final SessionOptions options;
  private final Limits limits;
  private final Arena arena = Arena.ofShared();
  private final KvCache cache;
  private final ExecutablePlan plan;
  private final Batch batch;
  private final BufferRows logits;
  private final CandidateSearch search;
  private final List<Running> inBatch = new ArrayList<>();
  private final Consumer<Session> onClose;
  private final @Nullable AdapterSlots adapters;
  private final boolean ownsAdapters;
  private final LoraInsertion.@Nullable Inserted adapted;
  private final int types;
  private final Plan steps;
  private final boolean bidirectional;
  private volatile boolean closed;

  /** A sequence of the current step, and its length before the step. */
  private record Running(Sequence sequence, int lengthBefore) {}

  /**
   * Opens a session, which is closed with the model. Applications call {@code Model.newSession}.
   *
   * @param plan has one output, of rows that ask for logits
   * @param shared the session that shares its cache and adapters with the new one; null if the new
   *     one has its own
   * @throws InvalidInputException if the options do not fit the model
   */
  public static Session open(
      LoadedModel model, SessionOptions options, Plan plan, @Nullable Session shared) {
    return model.register(
        onClose -> new Session(model, options, plan, shared, onClose), Session::close);
  }

  private Session(
      LoadedModel model,
      SessionOptions options,
      Plan steps,
      @Nullable Session shared,
      Consumer<Session> onClose) {
    this.model = model;
    this.options = options.withContext(options.positions(model.architecture()));
    this.onClose = onClose;
    this.limits = limits(model, options);
    this.steps = steps;
    this.types = steps.types();
    this.bidirectional = model.architecture().isBidirectional();
    try {
      this.cache = shared == null ? cache(model, options) : shared.cache;
      this.batch = new Batch(limits, arena);
      Op.TopK topK = CandidateSearch.operation(output(steps));
      Plan products = steps.in(options.arithmetic());
      this.adapters =
          shared == null
              ? AdapterSlots.of(model, products, options.adapters(), options.sequences())
              : shared.adapters(options);
      this.ownsAdapters = shared == null;
      this.adapted = adapters == null ? null : new LoraInsertion(adapters).insert(products);
      Plan whole = (adapted == null ? products : adapted.plan()).then(topK);
      this.plan = model.executor().prepare(whole, limits, cache);
      this.logits = BufferRows.of(plan, topK.x());
      this.search = new CandidateSearch(plan, topK);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns the adapter slots, for another session that runs the same sequences. */
  private @Nullable AdapterSlots adapters(SessionOptions other) {
    if (adapters != null && other.sequences() > limits.sequences()) {
      throw new InvalidInputException(
          "sequences",
          other.sequences(),
          "must be at most the %s of the other session, which has adapters"
              .formatted(limits.sequences()));
    }
    return adapters;
  }

  private KvCache cache(LoadedModel model, SessionOptions options) {
    KvShape shape = model.architecture().kvShape();
    options.requireFits(shape);
    int blocks = options.blocks(limits, shape);
    int slots = options.slots(shape);
    return new KvCache(model.executor(), shape, options.kvType(), blocks, slots, arena);
  }

  private static Buffer output(Plan steps) {
    if (steps.outputs().size() != 1 || steps.outputs().iterator().next().rows() != Rows.LOGITS) {
      throw new IllegalArgumentException(
          "the plan of a session must have one output of rows that ask for logits, not "
              + steps.outputs());
    }
    return steps.outputs().iterator().next();
  }

  private static Limits limits(LoadedModel model, SessionOptions options) {
    return new Limits(
        options.batch(),
        options.logits(),
        options.sequences(),
        options.positions(model.architecture()),
        model.architecture().vocabulary());
  }

  @Override
  public Limits limits() {
    return limits;
  }

  @Override
  public LoadedModel model() {
    return model;
  }

  /** Returns the options, with the context length that was chosen if none was given. */
  public SessionOptions options() {
    return options;
  }

  /**
   * Returns whether the context is so long that the model uses another plan, with other factors of
   * RoPE (LongRoPE, arXiv 2402.13753). The bits of all sequences depend on it.
   */
  public boolean hasLongContext() {
    return model.architecture().isLong(limits.positions());
  }

  /** Returns whether the session runs the model's own plan and thus computes its bits. */
  public boolean runsPlanOfModel() {
    int positions = limits.positions();
    return steps.equals(SessionPlans.of(model, positions))
        || steps.equals(model.architecture().plan(positions));
  }

  /** Returns a new, empty sequence with the adapter of the options. */
  @Override
  public Sequence newSequence() {
    requireOpen();
    var sequence = new Sequence(cache, limits.positions(), adapters);
    sequence.adapt(options.adaptation());
    return sequence;
  }

  /** Returns the key-value cache that the sequences share. */
  public KvCache cache() {
    return cache;
  }

  /** Returns whether one more sequence can use an adapter now. */
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
    add(sequence, token, 0, wantsLogits);
  }

  /**
   * Adds the next token of a sequence to the step, as {@link #add(Sequence, int, boolean)} does.
   * All tokens of a sequence of a model with bidirectional attention must be in one step.
   *
   * @param type the token type of models that have such: 0 in the first text of a pair
   * @throws InvalidInputException also if the model does not have the type, or attention is
   *     bidirectional and earlier tokens of the sequence have run
   */
  public void add(Sequence sequence, int token, int type, boolean wantsLogits) {
    sequence.requireIn(cache);
    requireToken(token);
    if (type != 0) {
      requireRange("token type", type, 0, Math.max(0, types - 1));
    }
    if (sequence.length() >= limits.positions()) {
      throw new InvalidInputException(
          "context", "", "all " + limits.positions() + " positions are used");
    }
    if (batch.tokenCount() == limits.tokens()
        || (wantsLogits && batch.logitCount() == limits.logits())) {
      throw new InvalidInputException(
          "step",
          "",
          "is full: at most %s tokens and %s rows of logits"
              .formatted(limits.tokens(), limits.logits()));
    }
    boolean another = inBatch.isEmpty() || inBatch.getLast().sequence != sequence;
    if (another && bidirectional && sequence.length() > 0) {
      throw new InvalidInputException(
          "sequence",
          sequence.length() + " tokens",
          "have run, and later tokens change them in a model with bidirectional attention");
    }
    if (another && inBatch.size() == limits.sequences()) {
      throw new InvalidInputException(
          "step", "", "is full: at most " + limits.sequences() + " sequences");
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
    batch.add(token, type, position, inBatch.size() - 1, wantsLogits);
  }

  @Override
  public void run() {
    try {
      requireOpen();
      chooseAdapters();
      plan.run(batch, 0, search.index());
    } catch (Throwable e) {
      inBatch.forEach(running -> running.sequence.rollBack(running.lengthBefore));
      clear();
      throw e;
    }
  }

  /** Called just before a run, since other sessions may use the same table. */
  private void chooseAdapters() {
    if (adapters != null) {
      adapters.chooseNone();
      for (int i = 0; i < inBatch.size(); i++) {
        inBatch.get(i).sequence.choose(i);
      }
    }
  }

  /**
   * Runs operations [begin, end) of the plan on the current step. Before the call, {@link #data} of
   * earlier operations may be read and changed. After a failure the caller must {@linkplain
   * Sequence#truncate truncate} the sequences of the step.
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
   * Returns an activation of the step, f32 [rows of the limits, width]. It is valid from the
   * operation that writes it to the last one that reads it. {@link #run(int, int)} that begins
   * between the two reads what the caller wrote there.
   *
   * @throws IllegalArgumentException if the plan has no such activation
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
    if (bidirectional && tokens.length > limits.tokens()) {
      throw new InvalidInputException(
          "prompt",
          tokens.length + " tokens",
          "must be at most the batch of " + limits.tokens() + ", since attention is bidirectional");
    }
    for (int token : tokens) {
      requireToken(token);
    }
    sequence.requireCapacity(tokens.length);
  }

  private void requireToken(int token) {
    requireRange("token id", token, 0, limits.vocabulary() - 1);
  }

  @Override
  public int logitRows() {
    return batch.logitCount();
  }

  /** {@inheritDoc} If the session runs another plan, returns row i of its output. */
  @Override
  public MemorySegment logits(int i) {
    requireRow(i);
    return logits.row(i);
  }

  /** {@inheritDoc} The first call of a step computes the candidates of all its rows. */
  @Override
  public Candidates candidates(int i) {
    requireRow(i);
    return search.row(batch, i);
  }

  private void requireRow(int i) {
    requireOpen();
    if (i < 0 || i >= batch.logitCount()) {
      throw new IndexOutOfBoundsException(
          "row " + i + " of logits: the step has " + batch.logitCount());
    }
  }

  /**
   * Checks that the session and its model are open.
   *
   * @throws IllegalStateException if one of them is closed
   */
  public void requireOpen() {
    if (isClosed()) {
      throw new IllegalStateException("the session of " + model.name() + " is closed");
    }
  }

  /** Returns whether the session or its model is closed. Thread-safe. */
  public boolean isClosed() {
    return closed || model.isClosed();
  }

  /**
   * Runs an action that uses the memory of the cache on any thread, unless the session is closed.
   * {@link #close} waits for its end. Thread-safe.
   *
   * @return false if the session is closed
   */
  public synchronized boolean runIfOpen(Runnable action) {
    if (isClosed()) {
      return false;
    }
    action.run();
    return true;
  }

  /** Frees the memory of the session. Waits for a running step. */
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
