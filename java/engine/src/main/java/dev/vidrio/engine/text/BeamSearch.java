package dev.vidrio.engine.text;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenLogProbability;
import dev.vidrio.model.AnswerText;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Beam search (Lowerre 1976; with ended texts kept aside as in transformers, Wolf et al. 2020): of
 * all tokens that may come after all texts, the most likely ones are ranked by the sum of
 * log-probabilities. Those that end a text and are among the first {@code width} become answers;
 * the first {@code width} of the others are the texts of the next step. They are branches of one
 * request, which share the blocks of the cache that they have in common. The next tokens are chosen
 * when the logits of all are there, in however many steps they come, so that memory and company
 * change nothing. Belongs to the scheduler's thread.
 */
public final class BeamSearch {
  /** The most likely first; of equals the one that was found first. */
  private static final Comparator<Candidate> MOST_LIKELY =
      Comparator.comparingDouble((Candidate candidate) -> candidate.sum).reversed();

  private static final Comparator<Hypothesis> BEST =
      Comparator.comparingDouble(Hypothesis::score).reversed();

  /**
   * An answer.
   *
   * @param tokens without the one that ends it
   * @param score as {@link BeamOptions} says
   */
  public record Hypothesis(List<TokenLogProbability> tokens, double score, Finish finish) {}

  /** A text that has not ended. */
  private static final class Beam {
    final Branch branch;
    final AllowedTokens allowed;
    final List<TokenLogProbability> tokens;
    final double sum;
    @Nullable List<Candidate> candidates;

    Beam(Branch branch, AllowedTokens allowed, List<TokenLogProbability> tokens, double sum) {
      this.branch = branch;
      this.allowed = allowed;
      this.tokens = tokens;
      this.sum = sum;
    }
  }

  /** A token that may come after a text. */
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
   * @param first has the prompt
   * @param positions of a sequence at most
   */
  BeamSearch(
      Model model, GenerationRequest request, BeamOptions beams, Branch first, int positions) {
    this.model = model;
    this.request = request;
    this.options = request.options();
    this.beams = beams;
    var allowed = new AllowedTokens(request, model);
    this.live = List.of(new Beam(first, allowed, List.of(), 0));
    // Where as many texts as can end do, enough are left to go on with.
    this.ranks = beams.width() * Math.max(2, 1 + allowed.ends().size());
    // The last token need not run.
    this.longest = (int) Math.min(options.tokens(), positions + 1L - request.promptTokens());
  }

  /** Texts that may have sequences at a time. */
  int width() {
    return beams.width();
  }

  /** The text that runs first, whose prompt the others share. */
  Branch first() {
    return live.getFirst().branch;
  }

  /** The texts that have sequences. */
  List<Branch> branches() {
    return live.stream().map(beam -> beam.branch).filter(Branch::isRunning).toList();
  }

  /** Takes the logits after the last token of a text. */
  public void take(Branch branch, BatchFeed feed, int row) {
    for (Beam beam : live) {
      if (beam.branch == branch) {
        beam.candidates = candidates(beam, feed.candidates(row), feed.logits(row));
      }
    }
  }

  private List<Candidate> candidates(Beam beam, Candidates likely, MemorySegment logits) {
    List<TokenLogProbability.Alternative> top =
        LogProbabilities.alternatives(likely, Math.max(0, request.logProbabilities()));
    List<Candidate> candidates = new ArrayList<>();
    for (int id : likely.mostLikely(ranks, logits, beam.allowed.next(beam.tokens.size()))) {
      double logProbability = likely.logProbability(logits.getAtIndex(JAVA_FLOAT, id));
      if (logProbability > Double.NEGATIVE_INFINITY) {
        var token = new TokenLogProbability(id, logProbability, top);
        candidates.add(new Candidate(beam, token, beam.sum + logProbability));
      }
    }
    return candidates;
  }

  /** Goes as far as it can: to the next tokens, when the logits of all texts are there. */
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
      Finish finish = finish(candidate);
      if (finish == null) {
        next.add(candidate);
      } else if (rank < width()) {
        answers.add(hypothesis(candidate, finish));
      }
    }
    ended = best(answers, width());
    follow(next);
  }

  /** Those that lost their memory share the prompt again, when the first has run it. */
  private void rejoin() {
    Branch first = first();
    for (Beam beam : live) {
      if (!beam.branch.isRunning() && first.hasRunPrompt()) {
        beam.branch.rejoin(first);
      }
    }
  }

  /** Why a text ends with a token, or null. */
  private @Nullable Finish finish(Candidate candidate) {
    Beam beam = candidate.beam;
    int token = candidate.token.token();
    if (beam.allowed.ends().contains(token)
        || beam.allowed.after(token).mustEnd()
        || hasStopText(candidate)) {
      return Finish.STOP;
    }
    if (beam.tokens.size() + 1 < longest) {
      return null;
    }
    return longest == options.tokens() ? Finish.LENGTH : Finish.CONTEXT;
  }

  private boolean hasStopText(Candidate candidate) {
    if (options.stop().isEmpty()) {
      return false;
    }
    var text = new AnswerText(model.tokenizer(), options.stop());
    return tokens(candidate)
        .anyMatch(
            token -> {
              var _ = text.accept(token.token());
              return text.isStopped();
            });
  }

  private static Stream<TokenLogProbability> tokens(Candidate candidate) {
    return Stream.concat(candidate.beam.tokens.stream(), Stream.of(candidate.token));
  }

  private Hypothesis hypothesis(Candidate candidate, Finish finish) {
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

  /** Goes on with these tokens; the last one after a text takes its sequence over. */
  private void follow(List<Candidate> next) {
    Map<Beam, Integer> left = new HashMap<>();
    next.forEach(candidate -> left.merge(candidate.beam, 1, Integer::sum));
    live.stream().filter(beam -> !left.containsKey(beam)).forEach(beam -> beam.branch.stop());
    List<Beam> following = new ArrayList<>();
    for (Candidate candidate : next) {
      Beam beam = candidate.beam;
      boolean last = left.merge(beam, -1, Integer::sum) == 0;
      Branch branch = last ? beam.branch : beam.branch.fork();
      int token = candidate.token.token();
      branch.append(token);
      following.add(
          new Beam(branch, beam.allowed.after(token), tokens(candidate).toList(), candidate.sum));
    }
    live = following;
  }

  /** Whether no better answers are looked for. */
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
      case HEURISTIC -> isHopeless(first.sum, first.tokens.size());
      // A sum only falls: it is worth most when it is divided by most.
      case EXACT ->
          isHopeless(first.sum, beams.lengthPenalty() > 0 ? longest : first.tokens.size());
    };
  }

  private boolean isHopeless(double sum, int tokens) {
    return ended.getLast().score() >= beams.score(sum, tokens);
  }

  /**
   * The answers, the best first.
   *
   * @param reason why those that have not ended do, where the search is not done
   */
  public List<Hypothesis> answers(Finish reason) {
    if (isDone()) {
      return ended;
    }
    List<Hypothesis> all = new ArrayList<>(ended);
    for (Beam beam : live) {
      // Before the first token there is no text that would have a score.
      if (!beam.tokens.isEmpty()) {
        all.add(new Hypothesis(beam.tokens, beams.score(beam.sum, beam.tokens.size()), reason));
      }
    }
    return best(all, width());
  }

  /** Gives its memory back; it goes on where it was when its first text has a sequence again. */
  void stop() {
    for (Beam beam : live) {
      beam.branch.stop();
      beam.candidates = null;
    }
  }
}
