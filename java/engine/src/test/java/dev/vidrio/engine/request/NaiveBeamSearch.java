package dev.vidrio.engine.request;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The definition of beam search as an oracle: every hypothesis runs alone from its first token, the
 * whole vocabulary is ranked after each token, and log-probabilities are summed in double.
 */
public final class NaiveBeamSearch implements AutoCloseable {
  /** An answer without its end token. */
  public record Answer(List<Integer> tokens, double score) {}

  private record Text(List<Integer> tokens, double sum) {
    Text with(int token, double logProbability) {
      return new Text(
          Stream.concat(tokens.stream(), Stream.of(token)).toList(), sum + logProbability);
    }
  }

  private final Model model;
  private final Session session;
  private final GenerationRequest request;
  private final BeamOptions beams;
  private final Set<Integer> ends;

  /** Opens a session. */
  public NaiveBeamSearch(
      Model model, GenerationRequest request, BeamOptions beams, SessionOptions options) {
    this.model = model;
    this.session = model.newSession(options);
    this.request = request;
    this.beams = beams;
    this.ends = new HashSet<>(request.stopTokens());
    if (!request.options().ignoreEnd()) {
      ends.addAll(model.tokenizer().endOfGeneration());
    }
  }

  /** Returns the answers, the best first. */
  public List<Answer> search() {
    List<Text> live = List.of(new Text(List.of(), 0));
    List<Answer> ended = List.of();
    do {
      List<Text> ranked = live.stream().flatMap(this::longer).sorted(byDescending()).toList();
      List<Answer> answers = new ArrayList<>(ended);
      List<Text> next = new ArrayList<>();
      for (int rank = 0; rank < ranked.size() && next.size() < beams.width(); rank++) {
        Text text = ranked.get(rank);
        if (!isEnded(text)) {
          next.add(text);
        } else if (rank < beams.width()) {
          answers.add(answer(text));
        }
      }
      ended =
          answers.stream()
              .sorted(Comparator.comparingDouble(Answer::score).reversed())
              .limit(beams.width())
              .toList();
      live = next;
    } while (!live.isEmpty() && goesOn(ended, live.getFirst()));
    return ended;
  }

  private static Comparator<Text> byDescending() {
    return Comparator.comparingDouble(Text::sum).reversed();
  }

  private Stream<Text> longer(Text text) {
    int[] prompt = request.prompt();
    int[] tokens =
        IntStream.concat(IntStream.of(prompt), text.tokens.stream().mapToInt(i -> i)).toArray();
    try (Sequence sequence = session.newSequence()) {
      MemorySegment logits = session.feed(sequence, tokens);
      double sum = LogProbability.logSum(logits);
      return IntStream.range(0, model.architecture().vocabulary())
          .filter(token -> text.tokens.size() >= request.minTokens() || !ends.contains(token))
          .mapToObj(token -> text.with(token, logits.getAtIndex(JAVA_FLOAT, token) - sum))
          .toList()
          .stream();
    }
  }

  private boolean isEnded(Text text) {
    String written = written(text.tokens);
    return ends.contains(text.tokens.getLast())
        || text.tokens.size() == request.options().tokens()
        || request.options().stop().stream().anyMatch(written::contains);
  }

  private String written(List<Integer> tokens) {
    return model.tokenizer().decode(tokens.stream().mapToInt(i -> i).toArray());
  }

  private Answer answer(Text text) {
    List<Integer> tokens = text.tokens;
    boolean end = ends.contains(tokens.getLast());
    return new Answer(
        end ? tokens.subList(0, tokens.size() - 1) : tokens, score(text.sum, tokens.size()));
  }

  private double score(double sum, int tokens) {
    return sum / Math.pow(tokens, beams.lengthPenalty());
  }

  private boolean goesOn(List<Answer> ended, Text best) {
    if (ended.size() < beams.width()) {
      return true;
    }
    int now = best.tokens.size();
    double worst = ended.getLast().score();
    return switch (beams.stopping()) {
      case FIRST -> false;
      case HEURISTIC -> score(best.sum, now) > worst;
      case EXACT ->
          Math.max(score(best.sum, now), score(best.sum, request.options().tokens())) > worst;
    };
  }

  @Override
  public void close() {
    session.close();
  }
}
