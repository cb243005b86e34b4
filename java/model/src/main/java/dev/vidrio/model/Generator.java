package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.Sampler;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import org.jspecify.annotations.Nullable;

/**
 * Continues a sequence token by token:
 *
 * {@snippet file="GenerationExamples.java" region="steps"}
 *
 * <p>The step that computes the logits after a token runs only when the next token is requested.
 */
public final class Generator implements PrimitiveIterator.OfInt {

  /** Why generation ended. */
  public enum Finish {
    /** The model ended its text or turn, or the grammar's text is whole. */
    STOP,
    /** The wanted number of tokens is there. */
    LENGTH,
    /** The context is full. */
    CONTEXT,
    /** The caller did not want more. */
    CANCELED,
    /** Its time was over. */
    TIMEOUT
  }

  /**
   * When to end.
   *
   * @param tokens the greatest number of tokens
   * @param ignoreEnd whether tokens that end a text or a turn count like any other
   */
  public record Limit(int tokens, boolean ignoreEnd) {
    /** Checks the number. */
    public Limit {
      if (tokens < 0) {
        throw new InvalidInputException(
            "number of tokens", Integer.toString(tokens), "must not be negative");
      }
    }
  }

  private final Model model;
  private final Feed feed;
  private final Sampler sampler;
  private final Limit limit;
  private @Nullable ConstraintState constraint;
  private @Nullable Sequence sequence;
  private @Nullable MemorySegment logits;
  private int count;
  private int last = -1;
  private int chosen = -1;
  private @Nullable Finish finish;

  /** A generator that uses a session alone until it has finished. */
  public Generator(Model model, Feed feed, Sampler sampler, Limit limit) {
    this(model, feed, sampler, limit, null);
  }

  /**
   * A generator that does as options say, but for their stop texts.
   *
   * @throws InvalidInputException when they do not fit the model
   */
  public Generator(Model model, Feed feed, GenerationOptions options) {
    this(
        model,
        feed,
        new Sampler(options.sampling(), model.architecture().vocabulary()),
        new Limit(options.tokens(), options.ignoreEnd()),
        options.grammar() == null ? null : model.constraints().get(options.grammar()).start());
  }

  private Generator(
      Model model, Feed feed, Sampler sampler, Limit limit, @Nullable ConstraintState constraint) {
    this.model = model;
    this.feed = feed;
    this.sampler = sampler;
    this.limit = limit;
    this.constraint = constraint;
  }

  /**
   * Runs a prompt, from which generation continues.
   *
   * @throws InvalidInputException as {@link Session#feed} does
   */
  public void prompt(Sequence target, int... tokens) {
    prompt(target, tokens, 0);
  }

  /** Runs a prompt of whose tokens the sequence holds the first ones already. */
  void prompt(Sequence target, int[] tokens, int cached) {
    logits = feed.feed(target, Arrays.copyOfRange(tokens, cached, tokens.length));
    sequence = target;
    for (int token : tokens) {
      sampler.accept(token);
    }
  }

  @Override
  public boolean hasNext() {
    if (chosen < 0 && finish == null) {
      choose();
    }
    return finish == null;
  }

  private void choose() {
    Sequence current = sequence;
    MemorySegment row = logits;
    if (current == null) {
      throw new IllegalStateException("there is no prompt");
    }
    if (constraint != null && constraint.mustEnd()) {
      finish = Finish.STOP;
      return;
    }
    if (count == limit.tokens()) {
      finish = Finish.LENGTH;
      return;
    }
    if (row == null) {
      if (current.length() == feed.limits().positions()) {
        finish = Finish.CONTEXT;
        return;
      }
      row = feed.feed(current, last);
      logits = row;
    }
    long[] allowed = constraint == null ? null : constraint.mask();
    int token = sampler.sample(feed.candidates(), row, allowed);
    // A grammar lets the text end where it is whole, and nothing can follow.
    boolean ends = constraint != null || !limit.ignoreEnd();
    if (ends && model.tokenizer().isEndOfGeneration(token)) {
      finish = Finish.STOP;
      return;
    }
    chosen = token;
  }

  @Override
  public int nextInt() {
    if (!hasNext()) {
      throw new NoSuchElementException("generation has ended: " + finish);
    }
    last = chosen;
    chosen = -1;
    logits = null;
    sampler.accept(last);
    if (constraint != null) {
      constraint = constraint.after(last);
    }
    count++;
    return last;
  }

  /**
   * The logits that the next token is chosen from, while {@link #hasNext} holds; valid until {@link
   * #nextInt}.
   */
  public MemorySegment logits() {
    boolean more = hasNext();
    MemorySegment row = logits;
    if (!more || row == null) {
      throw new NoSuchElementException("generation has ended: " + finish);
    }
    return row;
  }

  /** The most likely of the tokens that the next one is chosen from, as {@link #logits}. */
  public Candidates candidates() {
    if (!hasNext()) {
      throw new NoSuchElementException("generation has ended: " + finish);
    }
    return feed.candidates();
  }

  /** The token that {@link #nextInt} will give, while {@link #hasNext} holds. */
  public int peek() {
    if (!hasNext()) {
      throw new NoSuchElementException("generation has ended: " + finish);
    }
    return chosen;
  }

  /** Why it ended; null while it goes on. */
  public @Nullable Finish finish() {
    return finish;
  }
}
