package dev.vidrio.engine.request;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.AllowedTokens;
import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.session.BatchRunner;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Beam search (Lowerre 1976; with finished hypotheses kept apart as in transformers, Wolf et al.
 * 2020). In each round the most likely continuations of all beams are ranked by the sum of their
 * log-probabilities. Those that end and are among the first {@code width} become hypotheses; the
 * first {@code width} of the others are the beams of the next round. Beams share the cache blocks
 * of their common prefix. A round begins when the logits of all beams are known, however many steps
 * that takes, so results do not depend on memory or on other requests. Used by the scheduler's
 * thread only.
 */
public final class BeamSearch {
  /** The most likely first; the sort is stable. */
  private static final Comparator<Candidate> MOST_LIKELY =
      Comparator.comparingDouble((Candidate candidate) -> candidate.sum).reversed();

  private static final Comparator<Hypothesis> BEST =
      Comparator.comparingDouble(Hypothesis::score).reversed();

  /**
   * A finished answer.
   *
   * @param tokens the generated tokens, without the end token
   * @param score the score as defined by {@link BeamOptions}
   * @param finish why it ended
   */
  public record Hypothesis(List<TokenLogProbability> tokens, double score, FinishReason finish) {}

  /** A hypothesis that has not ended. */
  private static final class Beam {
    final TokenSequence sequence;
    final AllowedTokens allowed;
    final List<TokenLogProbability> tokens;
    final double sum;
    @Nullable List<Candidate> candidates;

    Beam(
        TokenSequence sequence,
        AllowedTokens allowed,
        List<TokenLogProbability> tokens,
        double sum) {
      this.sequence = sequence;
      this.allowed = allowed;
      this.tokens = tokens;
      this.sum = sum;
    }
  }

  /** A continuation of a beam by one token. */
  private record Candidate(Beam beam, TokenLogProbability token, double sum) {}

  private final Model model;
  private final GenerationRequest request;
  private final GenerationOptions options;
  private final BeamOptions beams;
  private final int ranks;
  private final int longest;
  private List<Beam> live;
  private List<Hypothesis> ended = List.of();

  /**
   * Creates a search.
   *
   * @param allowed the tokens that may come first
   * @param first the sequence of the prompt
   * @param positions maximum length of a sequence
   */
  BeamSearch(
      Model model,
      GenerationRequest request,
      BeamOptions beams,
      AllowedTokens allowed,
      TokenSequence first,
      int positions) {
    this.model = model;
    this.request = request;
    this.options = request.options();
    this.beams = beams;
    this.live = List.of(new Beam(first, allowed, List.of(), 0));
    // Enough candidates that width beams remain even if every end token is among them.
    this.ranks = beams.width() * Math.max(2, 1 + allowed.ends().size());
    // The last token does not run.
    this.longest = (int) Math.min(options.tokens(), positions + 1L - request.promptTokens());
  }

  /** Returns the maximum number of sequences. */
  int width() {
    return beams.width();
  }

  /** Returns the sequence that runs the prompt, which the others share. */
  TokenSequence first() {
    return live.getFirst().sequence;
  }

  /** Returns the running sequences. */
  List<TokenSequence> sequences() {
    return live.stream().map(beam -> beam.sequence).filter(TokenSequence::isRunning).toList();
  }

  /** Adds the logits after the last token of a beam. */
  public void addLogits(TokenSequence sequence, BatchRunner runner, int row) {
    for (Beam beam : live) {
      if (beam.sequence == sequence) {
        beam.candidates = candidates(beam, runner.candidates(row), runner.logits(row));
      }
    }
  }

  private List<Candidate> candidates(Beam beam, Candidates likely, MemorySegment logits) {
    List<TokenLogProbability.Alternative> top =
        LogProbabilities.alternatives(likely, Math.max(0, request.logProbabilities()));
    List<Candidate> candidates = new ArrayList<>();
    for (int id : likely.mostLikely(ranks, logits, beam.allowed.mask(beam.tokens.size()))) {
      double logProbability = likely.logProbability(logits.getAtIndex(JAVA_FLOAT, id));
      if (logProbability > Double.NEGATIVE_INFINITY) {
        var token = new TokenLogProbability(id, logProbability, top);
        candidates.add(new Candidate(beam, token, beam.sum + logProbability));
      }
    }
    return candidates;
  }

  /** Chooses the next tokens, if the logits of all beams are known. */
  public void advance() {
    rejoin();
    List<Candidate> all = new ArrayList<>();
    for (Beam beam : live) {
      if (beam.candidates == null) {
        return;
      }
      all.addAll(beam.candidates);
    }
    all.sort(MOST_LIKELY);
    List<Hypothesis> answers = new ArrayList<>(ended);
    List<Candidate> next = new ArrayList<>();
    for (int rank = 0; rank < Math.min(ranks, all.size()) && next.size() < width(); rank++) {
      Candidate candidate = all.get(rank);
      FinishReason finish = finish(candidate);
      if (finish == null) {
        next.add(candidate);
      } else if (rank < width()) {
        answers.add(hypothesis(candidate, finish));
      }
    }
    ended = best(answers, width());
    follow(next);
  }

  /** Lets preempted beams share the prompt again, when the first one has run it. */
  private void rejoin() {
    TokenSequence first = first();
    for (Beam beam : live) {
      if (!beam.sequence.isRunning() && first.hasRunPrompt()) {
        beam.sequence.rejoin(first);
      }
    }
  }

  /** Returns why a candidate ends its beam, or null. */
  private @Nullable FinishReason finish(Candidate candidate) {
    Beam beam = candidate.beam;
    int token = candidate.token.token();
    if (beam.allowed.ends().contains(token)
        || beam.allowed.after(token).mustEnd()
        || hasStopText(candidate)) {
      return FinishReason.STOP;
    }
    if (beam.tokens.size() + 1 < longest) {
      return null;
    }
    return longest == options.tokens() ? FinishReason.LENGTH : FinishReason.CONTEXT;
  }

  private boolean hasStopText(Candidate candidate) {
    if (options.stop().isEmpty()) {
      return false;
    }
    var decoder = new AnswerDecoder(model.tokenizer(), options.stop());
    return tokens(candidate)
        .anyMatch(
            token -> {
              var _ = decoder.accept(token.token());
              return decoder.isStopped();
            });
  }

  private static Stream<TokenLogProbability> tokens(Candidate candidate) {
    return Stream.concat(candidate.beam.tokens.stream(), Stream.of(candidate.token));
  }

  private Hypothesis hypothesis(Candidate candidate, FinishReason finish) {
    Beam beam = candidate.beam;
    boolean end = beam.allowed.ends().contains(candidate.token.token());
    return new Hypothesis(
        end ? beam.tokens : tokens(candidate).toList(),
        beams.score(candidate.sum, beam.tokens.size() + 1),
        finish);
  }

  private static List<Hypothesis> best(List<Hypothesis> answers, int n) {
    return answers.stream().sorted(BEST).limit(n).toList();
  }

  /** Continues with these candidates; the last one of each beam takes over its sequence. */
  private void follow(List<Candidate> next) {
    Map<Beam, Integer> left = new HashMap<>();
    next.forEach(candidate -> left.merge(candidate.beam, 1, Integer::sum));
    live.stream().filter(beam -> !left.containsKey(beam)).forEach(beam -> beam.sequence.stop());
    List<Beam> following = new ArrayList<>();
    for (Candidate candidate : next) {
      Beam beam = candidate.beam;
      boolean last = left.merge(beam, -1, Integer::sum) == 0;
      TokenSequence sequence = last ? beam.sequence : beam.sequence.fork();
      int token = candidate.token.token();
      sequence.append(token);
      following.add(
          new Beam(sequence, beam.allowed.after(token), tokens(candidate).toList(), candidate.sum));
    }
    live = following;
  }

  /** Returns whether the search has ended. */
  public boolean isDone() {
    if (live.isEmpty()) {
      return true;
    }
    if (ended.size() < width()) {
      return false;
    }
    Beam first = live.getFirst();
    return switch (beams.stopping()) {
      case FIRST -> true;
      case HEURISTIC -> cannotImprove(first.sum, first.tokens.size());
      // Sums only decrease; with a positive penalty, the longest answer scores best.
      case EXACT ->
          cannotImprove(first.sum, beams.lengthPenalty() > 0 ? longest : first.tokens.size());
    };
  }

  private boolean cannotImprove(double sum, int tokens) {
    return ended.getLast().score() >= beams.score(sum, tokens);
  }

  /**
   * Returns the answers, the best first.
   *
   * @param reason the finish reason of beams that have not ended, if the search has not
   */
  public List<Hypothesis> answers(FinishReason reason) {
    if (isDone()) {
      return ended;
    }
    List<Hypothesis> all = new ArrayList<>(ended);
    for (Beam beam : live) {
      // A beam without tokens has no score.
      if (!beam.tokens.isEmpty()) {
        all.add(new Hypothesis(beam.tokens, beams.score(beam.sum, beam.tokens.size()), reason));
      }
    }
    return best(all, width());
  }

  /** Releases the memory. The search resumes when its first beam has a sequence again. */
  void stop() {
    for (Beam beam : live) {
      beam.sequence.stop();
      beam.candidates = null;
    }
  }
}
