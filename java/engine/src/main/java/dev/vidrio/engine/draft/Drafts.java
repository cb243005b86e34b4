package dev.vidrio.engine.draft;

import dev.vidrio.engine.text.Active;
import java.util.List;

/**
 * Guesses how texts go on, to be checked in one step (speculative decoding: Leviathan et al. 2023,
 * arXiv 2211.17192; Chen et al. 2023, arXiv 2302.01318). A guess counts only where it is the token
 * that the model chooses anyway, so that answers stay the same, token by token.
 */
public interface Drafts extends AutoCloseable {
  /** Gets ready to guess for those of the requests that generate. */
  void prepare(List<Active> running);

  /**
   * A guess.
   *
   * @param most tokens of it
   */
  int[] guess(Active active, int most);

  /** A request has ended or lost its memory. */
  void end(Active active);

  @Override
  void close();

  /** Guesses by {@linkplain PromptLookup looking up} what came before. */
  Drafts LOOK_UP =
      new Drafts() {
        @Override
        public void prepare(List<Active> running) {}

        @Override
        public int[] guess(Active active, int most) {
          return PromptLookup.guess(active.branch(), most);
        }

        @Override
        public void end(Active active) {}

        @Override
        public void close() {}
      };
}
