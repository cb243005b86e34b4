package dev.vidrio.engine.request;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.session.BatchRunner;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Collects the log-probabilities that a request asks for. */
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

  /** Returns whether the logits at a position of the prompt are needed, for the token after it. */
  boolean wantsPrompt(int position) {
    return request.promptLogProbabilities() >= 0
        && position + 1 < request.promptTokens()
        && position + 1 >= prompt.size();
  }

  /** Adds a token of the prompt, with the logits before it. */
  void addPrompt(int token, BatchRunner runner, int row) {
    prompt.add(
        of(token, runner.candidates(row), runner.logits(row), request.promptLogProbabilities()));
  }

  /** Copies those of a request with the same prompt. */
  void copyPrompt(LogProbabilities other) {
    prompt.clear();
    prompt.addAll(other.prompt);
  }

  /** Adds a generated token with its logits; returns null if none are requested. */
  @Nullable TokenLogProbability add(int token, Candidates candidates, MemorySegment logits) {
    return request.logProbabilities() < 0
        ? null
        : add(of(token, candidates, logits, request.logProbabilities()));
  }

  /** Adds a token of a beam search; returns null if none are requested. */
  @Nullable TokenLogProbability add(TokenLogProbability found) {
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

  /** Returns the most likely tokens of a row. */
  static List<TokenLogProbability.Alternative> alternatives(Candidates candidates, int top) {
    return IntStream.range(0, Math.min(top, candidates.count()))
        .mapToObj(
            i ->
                new TokenLogProbability.Alternative(
                    candidates.id(i), candidates.logProbability(candidates.value(i))))
        .toList();
  }

  /** Returns those of the prompt; null for the first token. */
  List<@Nullable TokenLogProbability> prompt() {
    return Collections.unmodifiableList(prompt);
  }

  /** Returns those of the generated tokens. */
  List<TokenLogProbability> tokens() {
    return Collections.unmodifiableList(tokens);
  }
}
