package dev.vidrio.engine.text;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenLogProbability;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The log-probabilities that a request asks for. */
final class LogProbabilities {
  private final GenerationRequest request;
  private final List<@Nullable TokenLogProbability> prompt = new ArrayList<>();
  private final List<TokenLogProbability> tokens = new ArrayList<>();

  LogProbabilities(GenerationRequest request) {
    this.request = request;
    if (request.promptLogProbabilities() >= 0) {
      prompt.add(null);
    }
  }

  /** Whether the logits after a token of the prompt are wanted, for the token after it. */
  boolean wantsPrompt(int position) {
    return request.promptLogProbabilities() >= 0
        && position + 1 < request.promptTokens()
        && position + 1 >= prompt.size();
  }

  /** Takes the logits for a token of the prompt. */
  void takePrompt(int token, BatchFeed feed, int row) {
    prompt.add(of(token, feed.candidates(row), feed.logits(row), request.promptLogProbabilities()));
  }

  /** Takes those of a request with the same prompt. */
  void takePrompt(LogProbabilities other) {
    prompt.clear();
    prompt.addAll(other.prompt);
  }

  /** Takes the logits that a token was chosen from; null where nothing is asked for. */
  @Nullable TokenLogProbability take(int token, Candidates candidates, MemorySegment logits) {
    if (request.logProbabilities() < 0) {
      return null;
    }
    TokenLogProbability taken = of(token, candidates, logits, request.logProbabilities());
    tokens.add(taken);
    return taken;
  }

  /** Takes a token of a beam search; null where nothing is asked for. */
  @Nullable TokenLogProbability take(TokenLogProbability found) {
    if (request.logProbabilities() < 0) {
      return null;
    }
    tokens.add(found);
    return found;
  }

  private static TokenLogProbability of(
      int token, Candidates candidates, MemorySegment logits, int top) {
    return new TokenLogProbability(
        token,
        candidates.logProbability(logits.getAtIndex(JAVA_FLOAT, token)),
        alternatives(candidates, top));
  }

  /** The most likely tokens of a row. */
  static List<TokenLogProbability.Alternative> alternatives(Candidates candidates, int top) {
    List<TokenLogProbability.Alternative> alternatives = new ArrayList<>();
    for (int i = 0; i < Math.min(top, candidates.count()); i++) {
      alternatives.add(
          new TokenLogProbability.Alternative(
              candidates.id(i), candidates.logProbability(candidates.value(i))));
    }
    return List.copyOf(alternatives);
  }

  List<@Nullable TokenLogProbability> prompt() {
    return Collections.unmodifiableList(prompt);
  }

  List<TokenLogProbability> tokens() {
    return Collections.unmodifiableList(tokens);
  }
}
