package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds retrieval heads (Wu et al. 2024, arXiv 2404.15574): a needle is inserted into a text at
 * several depths, a question follows, and the model answers greedily. A head copies a token of the
 * needle if the model generates the token while the head's largest weight is on it.
 *
 * @param trials number of answers, one per depth
 * @param recalled the fraction of the needle's distinct tokens in the answers, averaged over the
 *     trials
 * @param heads by layer and head
 * @see "docs/lens/mechanisms.md"
 */
public record RetrievalHeads(int trials, double recalled, List<Score> heads) {
  /** Tokens of an answer in addition to those of the needle. */
  private static final int MORE = 8;

  /**
   * A head's retrieval score.
   *
   * @param score the fraction of the needle's distinct tokens that the head copied, averaged over
   *     the trials
   */
  public record Score(int layer, int head, double score) implements ScoredHead {}

  public RetrievalHeads {
    heads = List.copyOf(heads);
  }

  /**
   * Runs the trials.
   *
   * @param text tokens, with BOS if the model requires it
   * @param needle tokens that are inserted at each depth
   * @param question tokens after the text
   * @param depths at least 1: evenly spaced from the beginning to the end
   * @throws InvalidInputException if the needle is empty, or the context is too short
   */
  public static RetrievalHeads of(Lens lens, int[] text, int[] needle, int[] question, int depths) {
    Preconditions.require(needle.length != 0, "needle", "", "has no tokens");
    Preconditions.requireRange("depths", depths, 1, 1000);
    long all = (long) text.length + 2L * needle.length + question.length + MORE;
    int context = lens.model().architecture().contextLength();
    String limit = "with needle, question and answer must be at most " + context;
    Preconditions.require(all <= context, "text", all + " tokens", limit);
    List<Trial> trials = new ArrayList<>();
    for (int i = 0; i < depths; i++) {
      int at = depths == 1 ? text.length / 2 : 1 + (text.length - 1) * i / (depths - 1);
      trials.add(Trial.run(lens, text, needle, question, Math.min(at, text.length)));
    }
    HookMap hooks = HookMap.of(lens.model());
    List<Score> heads = new ArrayList<>();
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      for (int h = 0; h < hooks.heads(l); h++) {
        var head = new Node.Head(l, h);
        double mean = trials.stream().mapToDouble(t -> t.score(head)).average().orElseThrow();
        heads.add(new Score(l, h, mean));
      }
    }
    double recalled = trials.stream().mapToDouble(Trial::recalled).average().orElseThrow();
    return new RetrievalHeads(depths, recalled, heads);
  }

  /** Returns the heads in descending order of score. */
  public List<Score> ranked() {
    return heads.stream().sorted(Comparator.comparingDouble(Score::score).reversed()).toList();
  }

  /** One answer. */
  private static final class Trial {
    private final int[] needle;
    private final int begin;
    private final List<Integer> answer = new ArrayList<>();
    private final Set<Copied> copied = new HashSet<>();

    /** A token of the needle that a head copied. */
    private record Copied(Node.Head head, int token) {}

    private Trial(int[] needle, int begin) {
      this.needle = needle;
      this.begin = begin;
    }

    static Trial run(Lens lens, int[] text, int[] needle, int[] question, int at) {
      int[] prompt =
          Stream.of(
                  Arrays.copyOf(text, at),
                  needle,
                  Arrays.copyOfRange(text, at, text.length),
                  question)
              .flatMapToInt(Arrays::stream)
              .toArray();
      var trial = new Trial(needle, at);
      Model model = lens.model();
      int length = needle.length + MORE;
      int asked = prompt.length - 1;
      var options = SessionOptions.exact(prompt.length + length, 512, 1, 1);
      Capture capture = Capture.of("*.hook_pattern").positions(asked, prompt.length + length);
      try (LensSession session = lens.open(capture, options)) {
        Sequence sequence = session.newSequence();
        session.feed(sequence, prompt);
        int token = session.candidates().id(0);
        while (trial.answer.size() < length && !model.tokenizer().isSpecial(token)) {
          trial.answer.add(token);
          session.feed(sequence, token);
          token = session.candidates().id(0);
        }
        trial.read(session.cache(sequence));
      }
      return trial;
    }

    /** Row i of the patterns is that of the query that predicted token i of the answer. */
    private void read(ActivationCache cache) {
      for (HookPoint point : cache.points()) {
        Activation pattern = cache.get(point);
        int keys = pattern.shape().get(2);
        for (int h = 0; h < pattern.shape().getFirst(); h++) {
          float[] rows = pattern.row(h);
          for (int i = 0; i < answer.size(); i++) {
            int most = greatest(rows, i * keys, keys) - begin;
            if (most >= 0 && most < needle.length && needle[most] == answer.get(i)) {
              copied.add(new Copied(new Node.Head(point.layer(), h), needle[most]));
            }
          }
        }
      }
    }

    private static int greatest(float[] values, int from, int count) {
      int best = 0;
      for (int j = 1; j < count; j++) {
        best = values[from + j] > values[from + best] ? j : best;
      }
      return best;
    }

    double score(Node.Head head) {
      return share(copied.stream().filter(c -> c.head.equals(head)).count());
    }

    double recalled() {
      return share(Arrays.stream(needle).distinct().filter(answer::contains).count());
    }

    private double share(long tokens) {
      return tokens / (double) Arrays.stream(needle).distinct().count();
    }
  }
}
