package dev.vidrio.cli.chat;

import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TextStream;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** An answer while a session or an engine generates it. */
public interface Answer extends AutoCloseable {
  /**
   * Draft tokens of an answer.
   *
   * @param proposed number of draft tokens in steps
   * @param accepted number of draft tokens that the model chose, too
   */
  record Drafts(long proposed, long accepted) {}

  /** Returns an iterator that generates or waits for the next token. */
  Iterator<GeneratedToken> tokens();

  /** Returns the whole answer, after waiting for its end. */
  GenerationResult result();

  /** Ends the answer after the token that is being generated. Thread-safe. */
  void cancel();

  /** Returns the draft tokens so far; null without speculative decoding. */
  @Nullable Drafts drafts();

  /** Cancels the answer and frees its memory. */
  @Override
  void close();

  /** Returns the answer that a session generates. */
  static Answer of(TextStream stream) {
    return new Answer() {
      @Override
      public Iterator<GeneratedToken> tokens() {
        return stream.tokens();
      }

      @Override
      public GenerationResult result() {
        return stream.result();
      }

      @Override
      public void cancel() {
        stream.cancel();
      }

      @Override
      public @Nullable Drafts drafts() {
        return null;
      }

      @Override
      public void close() {
        stream.close();
      }
    };
  }
}
