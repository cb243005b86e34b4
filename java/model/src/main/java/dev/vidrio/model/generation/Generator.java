package dev.vidrio.model.generation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.PrimitiveIterator;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Continues a sequence token by token, with access to the logits [V] of each choice:
 *
 * {@snippet file="GenerationExamples.java" region="steps"}
 *
 * <p>Stop strings of the options are not applied, since they need text; {@link TextStream} does.
 * The step that computes the logits after a token runs only when the next token is requested. Not
 * thread-safe; uses its session alone until it has finished.
 */
public final class Generator implements PrimitiveIterator.OfInt {
  private final BatchRunner runner;
  private final GenerationOptions options;
  private final TokenChooser chooser;
  private final @Nullable ReceiptRecorder recorder;
  private @Nullable Sequence sequence;
  private int[] prompt = {};
  private @Nullable MemorySegment logits;
  private int last = -1;
  private int chosen = -1;
  private @Nullable FinishReason finish;

  /**
   * Creates a generator without a prompt.
   *
   * @param runner the session that runs the tokens
   * @throws InvalidInputException if the options do not fit the model, or a receipt is requested
   *     and the runner is not a {@link Session} that computes the bits of the model
   */
  public Generator(BatchRunner runner, GenerationOptions options) {
    this.runner = runner;
    this.options = options;
    LoadedModel model = runner.model();
    model.requireDecoder();
    this.recorder = recorder(runner, options);
    this.chooser =
        new TokenChooser(
            Sampler.of(model, options.sampling()),
            new AllowedTokens(model, options, Set.of(), 0),
            options.tokens(),
            recorder);
  }

  private static @Nullable ReceiptRecorder recorder(BatchRunner runner, GenerationOptions options) {
    if (!options.receipt()) {
      return null;
    }
    if (runner instanceof Session session) {
      return new ReceiptRecorder(session, options, Set.of(), 0);
    }
    throw new InvalidInputException(
        "receipt", "", "not supported with the lens, because a receipt cannot express its edits");
  }

  /**
   * Runs a prompt, which generation continues.
   *
   * @throws InvalidInputException if the prompt is empty, has an unknown id, or does not fit the
   *     context
   */
  public void prompt(Sequence target, int... tokens) {
    prompt(target, tokens, 0);
  }

  /**
   * Runs the rest of a prompt after the sequence has run its first tokens.
   *
   * @param cached number of tokens that have run, fewer than the prompt has
   */
  public void prompt(Sequence target, int[] tokens, int cached) {
    logits = runner.feed(target, Arrays.copyOfRange(tokens, cached, tokens.length));
    sequence = target;
    prompt = tokens.clone();
    chooser.acceptPrompt(tokens);
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
    if (current == null) {
      throw new IllegalStateException("the generator has no prompt");
    }
    MemorySegment row = logits;
    boolean contextFull = row == null && current.length() == runner.limits().positions();
    finish = chooser.finishReason(contextFull);
    if (finish != null) {
      return;
    }
    if (row == null) {
      row = runner.feed(current, last);
      logits = row;
    }
    int token = chooser.choose(runner.candidates(), row);
    if (chooser.isEnd(token)) {
      finish = FinishReason.STOP;
    } else {
      chosen = token;
    }
  }

  @Override
  public int nextInt() {
    last = peek();
    chosen = -1;
    logits = null;
    chooser.accept(last);
    return last;
  }

  private void requireNext() {
    if (!hasNext()) {
      throw new NoSuchElementException("generation has ended: " + finish);
    }
  }

  /**
   * Returns the logits [V] from which the next token is chosen, f32, valid until {@link #nextInt}.
   *
   * @throws NoSuchElementException if generation has ended
   */
  public MemorySegment logits() {
    requireNext();
    return Objects.requireNonNull(logits);
  }

  /**
   * Returns the most likely tokens of {@link #logits}, valid until {@link #nextInt}.
   *
   * @throws NoSuchElementException if generation has ended
   */
  public Candidates candidates() {
    requireNext();
    return runner.candidates();
  }

  /**
   * Returns the token that {@link #nextInt} will return.
   *
   * @throws NoSuchElementException if generation has ended
   */
  public int peek() {
    requireNext();
    return chosen;
  }

  /**
   * Returns the log-probability of {@link #peek} under the model itself, without alternatives.
   *
   * @throws NoSuchElementException if generation has ended
   */
  public TokenLogProbability logProbability() {
    float logit = logits().getAtIndex(JAVA_FLOAT, chosen);
    return new TokenLogProbability(chosen, candidates().logProbability(logit), List.of());
  }

  /** Returns why generation ended, or null if it has not. */
  public @Nullable FinishReason finish() {
    return finish;
  }

  /**
   * Returns the receipt of an answer.
   *
   * @param answer the tokens that were taken
   * @return null if none is requested or the prompt has not run
   */
  @Nullable Receipt receipt(List<Integer> answer, FinishReason reason) {
    Sequence current = sequence;
    return recorder == null || current == null
        ? null
        : recorder.receipt(prompt, current.adaptation(), answer, reason);
  }

  /** Returns a decoder of the answer, with the stop strings of the options. */
  AnswerDecoder newDecoder() {
    return new AnswerDecoder(runner.model().tokenizer(), options.stop());
  }
}
