package dev.vidrio.model;

import dev.vidrio.error.ModelException;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A text while it is generated. Read it once, in one of three ways: piece by piece in a loop,
 * through a {@link Flow.Subscriber}, or all at once with {@link #result}:
 *
 * {@snippet file="GenerationExamples.java" region="stream"}
 *
 * <p>The pieces concatenate to the text; none is empty or splits a character. The model runs only
 * when the next piece is requested. Any thread may call {@link #cancel}; everything else is for one
 * thread. The stream frees its memory when the text ends or when it is closed.
 */
public final class TokenStream implements Iterable<String>, Flow.Publisher<String>, AutoCloseable {
  private final Generator generator;
  private final int promptTokens;
  private final Runnable prompt;
  private final AnswerText answer;
  private final Consumer<GenerationResult> onEnd;
  private final Runnable onFailure;
  private String piece = "";
  private boolean prompted;
  private boolean taken;
  private boolean failed;
  private volatile boolean canceled;
  private @Nullable GenerationResult result;

  /**
   * A stream over a generator that has no prompt yet.
   *
   * @param prompt runs it
   * @param onEnd is told the result, once
   * @param onFailure is told in place of it where generation fails
   */
  TokenStream(
      Model model,
      Generator generator,
      int promptTokens,
      Runnable prompt,
      List<String> stop,
      Consumer<GenerationResult> onEnd,
      Runnable onFailure) {
    this.generator = generator;
    this.promptTokens = promptTokens;
    this.prompt = prompt;
    this.answer = new AnswerText(model.tokenizer(), stop);
    this.onEnd = onEnd;
    this.onFailure = onFailure;
  }

  /**
   * The pieces of the text.
   *
   * @throws IllegalStateException when the stream is read already
   */
  @Override
  public Iterator<String> iterator() {
    take();
    return pieces();
  }

  private Iterator<String> pieces() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return advance();
      }

      @Override
      public String next() {
        return takePiece();
      }
    };
  }

  /**
   * Generates on a thread of its own, as fast as the subscriber asks.
   *
   * @throws IllegalStateException when the stream is read already
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
      throw new IllegalStateException("a stream of tokens is read once");
    }
    taken = true;
  }

  /**
   * Generates what is left and returns the whole text, also after the pieces have been read.
   *
   * @throws ModelException when generation fails
   * @throws IllegalStateException when it has failed
   */
  public synchronized GenerationResult result() {
    while (advance()) {
      var _ = takePiece();
    }
    GenerationResult whole = result;
    if (whole == null) {
      throw new IllegalStateException("the stream has failed");
    }
    return whole;
  }

  /** Ends the text after the token that is being generated. */
  public void cancel() {
    canceled = true;
  }

  /** Cancels, and frees the memory. Waits for a step that is running. */
  @Override
  public synchronized void close() {
    cancel();
    if (result == null && !failed) {
      end(Generator.Finish.CANCELED);
    }
  }

  synchronized String takePiece() {
    if (!advance()) {
      throw new NoSuchElementException("the text has ended");
    }
    String next = piece;
    piece = "";
    return next;
  }

  /** Generates until there is a piece; whether there is one. */
  synchronized boolean advance() {
    while (piece.isEmpty() && result == null && !failed) {
      try {
        step();
      } catch (Throwable e) {
        fail();
        throw e;
      }
    }
    return !piece.isEmpty();
  }

  private void fail() {
    if (result == null) {
      failed = true;
      onFailure.run();
    }
  }

  private void step() {
    if (canceled) {
      end(Generator.Finish.CANCELED);
      return;
    }
    if (!prompted) {
      prompted = true;
      prompt.run();
    }
    if (generator.hasNext()) {
      int token = generator.nextInt();
      piece = answer.accept(token);
      if (answer.isStopped()) {
        end(Generator.Finish.STOP);
      }
    } else {
      end(generator.finish());
    }
  }

  private void end(Generator.@Nullable Finish finish) {
    piece += answer.finish();
    GenerationResult whole =
        answer.result(promptTokens, finish == null ? Generator.Finish.CANCELED : finish);
    result = whole;
    onEnd.accept(whole);
  }
}
