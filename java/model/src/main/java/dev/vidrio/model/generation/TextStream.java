package dev.vidrio.model.generation;

import dev.vidrio.error.ModelException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A text while it is generated. Read it once, in one of four ways: as pieces of text in a loop, as
 * {@link #tokens}, through a {@link Flow.Subscriber}, or all at once with {@link #result}:
 *
 * {@snippet file="GenerationExamples.java" region="stream"}
 *
 * <p>The pieces concatenate to the text; none is empty or splits a character. The model runs only
 * when the next piece is requested. Any thread may call {@link #cancel}; everything else is for one
 * thread. The stream frees its memory when the text ends or when it is closed.
 */
public final class TextStream implements Iterable<String>, Flow.Publisher<String>, AutoCloseable {
  private final Generator generator;
  private final int promptTokens;
  private final Runnable prompt;
  private final AnswerDecoder decoder;
  private final Consumer<GenerationResult> onEnd;
  private final Runnable onFailure;
  private final Queue<GeneratedToken> unread = new ArrayDeque<>();
  private boolean prompted;
  private boolean taken;
  private boolean failed;
  private volatile boolean canceled;
  private @Nullable GenerationResult result;

  /**
   * Creates a stream over a generator that has no prompt yet. Applications call {@code
   * Model.generate}.
   *
   * @param prompt runs the prompt, when the first token is requested
   * @param onEnd receives the result, once
   * @param onFailure is called instead if generation throws
   */
  public TextStream(
      Generator generator,
      int promptTokens,
      Runnable prompt,
      Consumer<GenerationResult> onEnd,
      Runnable onFailure) {
    this.generator = generator;
    this.promptTokens = promptTokens;
    this.prompt = prompt;
    this.decoder = generator.newDecoder();
    this.onEnd = onEnd;
    this.onFailure = onFailure;
  }

  /**
   * Returns the pieces of the text.
   *
   * @throws IllegalStateException if the stream was read before
   */
  @Override
  public Iterator<String> iterator() {
    take();
    return pieces();
  }

  private Iterator<String> pieces() {
    return new PullIterator<>(this::hasPiece, this::takePiece);
  }

  /**
   * Returns the tokens with their texts and log-probabilities. A last one of id -1 has the text
   * that was held back, if any.
   *
   * @throws IllegalStateException if the stream was read before
   */
  public Iterator<GeneratedToken> tokens() {
    take();
    return new PullIterator<>(this::hasToken, this::takeToken);
  }

  /**
   * Generates on a new thread, no faster than the subscriber requests pieces.
   *
   * @throws IllegalStateException if the stream was read before
   */
  @Override
  public void subscribe(Flow.Subscriber<? super String> subscriber) {
    Objects.requireNonNull(subscriber, "subscriber");
    take();
    var _ =
        Thread.ofPlatform()
            .daemon()
            .name("vidrio-stream")
            .start(new PullSubscription<>(pieces(), this::cancel, this::close, subscriber)::run);
  }

  private synchronized void take() {
    if (taken) {
      throw new IllegalStateException("the stream was read before");
    }
    taken = true;
  }

  /**
   * Generates the rest and returns the whole text, also if pieces have been read before.
   *
   * @throws ModelException if generation fails
   * @throws IllegalStateException if generation failed before
   */
  public synchronized GenerationResult result() {
    while (hasToken()) {
      unread.clear();
    }
    GenerationResult whole = result;
    if (whole == null) {
      throw new IllegalStateException("the stream has failed");
    }
    return whole;
  }

  /** Ends the text after the token that is being generated. Thread-safe. */
  public void cancel() {
    canceled = true;
  }

  /** Cancels the generation and frees the memory. Waits for a running step. */
  @Override
  public synchronized void close() {
    cancel();
    if (result == null && !failed) {
      end(FinishReason.CANCELED);
    }
  }

  private synchronized GeneratedToken takeToken() {
    if (!hasToken()) {
      throw new NoSuchElementException("the text has ended");
    }
    return unread.remove();
  }

  private synchronized String takePiece() {
    if (!hasPiece()) {
      throw new NoSuchElementException("the text has ended");
    }
    return unread.remove().text();
  }

  /** Generates until there is a token with text, and drops those before it. */
  private synchronized boolean hasPiece() {
    while (hasToken()) {
      GeneratedToken next = unread.element();
      if (!next.text().isEmpty()) {
        return true;
      }
      unread.remove();
    }
    return false;
  }

  /** Generates until there is a token or the text ends. */
  private synchronized boolean hasToken() {
    while (unread.isEmpty() && result == null && !failed) {
      try {
        step();
      } catch (Throwable e) {
        fail();
        throw e;
      }
    }
    return !unread.isEmpty();
  }

  private void fail() {
    if (result == null) {
      failed = true;
      onFailure.run();
    }
  }

  private void step() {
    if (canceled) {
      end(FinishReason.CANCELED);
      return;
    }
    if (!prompted) {
      prompted = true;
      prompt.run();
    }
    if (generator.hasNext()) {
      TokenLogProbability logProbability = generator.logProbability();
      unread.add(decoder.accept(generator.nextInt(), logProbability));
      if (decoder.isStopped()) {
        end(FinishReason.STOP);
      }
    } else {
      end(Objects.requireNonNull(generator.finish()));
    }
  }

  private void end(FinishReason reason) {
    GeneratedToken rest = decoder.finish();
    if (!rest.text().isEmpty() || !rest.markedText().isEmpty()) {
      unread.add(rest);
    }
    GenerationResult whole =
        decoder
            .result(promptTokens, reason)
            .withReceipt(generator.receipt(decoder.tokens(), reason));
    result = whole;
    onEnd.accept(whole);
  }
}
