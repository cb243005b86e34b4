package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.DependencySentence.Word;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which heads follow which syntactic relations (Voita et al. 2019, arXiv 1905.09418; Clark et al.
 * 2019, arXiv 1906.04341)? For each pair of a word and the word that it depends on, the later one
 * attends to the earlier one: a head is right if its largest weight among the earlier words of the
 * sentence is on it. Accuracy is to be compared with the best fixed distance in words, since a head
 * that always attends two words back knows no syntax.
 *
 * <p>The weight from word to word is the mean over the tokens of the later word of the sum over the
 * tokens of the earlier one. The first position of a text, an attention sink, is ignored, as are
 * words without a token of their own.
 *
 * @param sentences number of sentences
 * @param relations by label and direction, in order of occurrence
 * @see "docs/lens/corpus.md"
 */
public record SyntacticHeads(int sentences, List<Relation> relations) {
  /** Tokens per run, unless a sentence is longer. */
  private static final int LENGTH = 256;

  /** The word that attends. */
  public enum Direction {
    /** The dependent attends to its head, which comes before it. */
    TO_HEAD,
    /** The head attends to its dependent, which comes before it. */
    TO_DEPENDENT
  }

  /**
   * A relation in one direction.
   *
   * @param label of the dependency
   * @param pairs number of pairs of words
   * @param offset the distance in words that is most frequent
   * @param baseline the fraction of pairs at this distance
   * @param heads the accuracy of each head, by layer and head
   */
  public record Relation(
      String label,
      Direction direction,
      long pairs,
      int offset,
      double baseline,
      List<Accuracy> heads) {
    public Relation {
      heads = List.copyOf(heads);
    }

    /** Returns the head with the highest accuracy; the first among equals. */
    public Accuracy best() {
      return heads.stream().reduce((a, b) -> b.accuracy > a.accuracy ? b : a).orElseThrow();
    }
  }

  /**
   * A head's accuracy.
   *
   * @param accuracy the fraction of pairs for which the head finds the earlier word
   */
  public record Accuracy(int layer, int head, double accuracy) implements ScoredHead {}

  public SyntacticHeads {
    relations = List.copyOf(relations);
  }

  /**
   * Runs sentences, several in a text.
   *
   * @throws InvalidInputException if there are no pairs of words, a sentence is too long for the
   *     model, the tokenizer changes a text so that tokens cannot be assigned to words, or the
   *     model has no attention
   */
  public static SyntacticHeads of(Lens lens, List<DependencySentence> sentences) {
    var counts = new Counts(lens);
    List<DependencySentence> group = new ArrayList<>();
    int tokens = 0;
    for (DependencySentence sentence : sentences) {
      int own = lens.model().tokenizer().encode(" " + sentence.text()).length;
      if (!group.isEmpty() && tokens + own > Math.min(LENGTH, counts.longest())) {
        counts.add(group);
        group.clear();
        tokens = 0;
      }
      group.add(sentence);
      tokens += own;
    }
    if (!group.isEmpty()) {
      counts.add(group);
    }
    return counts.result(sentences.size());
  }

  /** Counts pairs, and those that heads find. */
  private static final class Counts {
    private final Lens lens;
    private final List<HookPoint> points;
    private final Map<Key, Tally> tallies = new LinkedHashMap<>();

    private record Key(String label, Direction direction) {}

    /** Counts of one relation: of pairs by distance, and of hits by point and head. */
    private static final class Tally {
      final Map<Integer, Long> distances = new LinkedHashMap<>();
      final Map<HookPoint, long[]> hits = new LinkedHashMap<>();
      long pairs;
    }

    /**
     * A pair of words.
     *
     * @param words the tokens of each word of the sentence up to the one that attends
     * @param target the word that is to be found
     */
    private record Pair(Tally tally, List<int[]> words, int target) {}

    Counts(Lens lens) {
      this.lens = lens;
      this.points = lens.points().stream().filter(p -> p.site() == HookSite.PATTERN).toList();
      Preconditions.require(!points.isEmpty(), "syntactic heads", "", "the model has no attention");
    }

    int longest() {
      return lens.model().architecture().contextLength();
    }

    void add(List<DependencySentence> group) {
      String text = String.join(" ", group.stream().map(DependencySentence::text).toList());
      int[] tokens = lens.model().tokenizer().encode(text);
      int[] characters = characters(lens.model().tokenizer(), tokens, text);
      List<Pair> pairs = new ArrayList<>();
      int begin = 0;
      for (DependencySentence sentence : group) {
        addPairs(sentence, begin, characters, pairs);
        begin += sentence.text().length() + 1;
      }
      try (ActivationCache cache = lens.run(tokens, Capture.of("*.hook_pattern"))) {
        for (HookPoint point : points) {
          Activation pattern = cache.get(point);
          int heads = pattern.shape().getFirst();
          boolean[][] found =
              IntStream.range(0, heads)
                  .parallel()
                  .mapToObj(h -> found(pairs, pattern.row(h), tokens.length))
                  .toArray(boolean[][]::new);
          for (int i = 0; i < pairs.size(); i++) {
            long[] hits =
                pairs.get(i).tally.hits.computeIfAbsent(point, ignored -> new long[heads]);
            for (int h = 0; h < heads; h++) {
              hits[h] += found[h][i] ? 1 : 0;
            }
          }
        }
      }
    }

    /**
     * Returns the index in a text of the first visible character of each token; −1 for tokens
     * without one.
     */
    private static int[] characters(Tokenizer tokenizer, int[] tokens, String text) {
      var found = new int[tokens.length];
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      // Characters by bytes.
      var indices = new int[bytes.length];
      int at = 0;
      for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
        int count = Character.toString(text.codePointAt(i)).getBytes(StandardCharsets.UTF_8).length;
        for (int k = 0; k < count; k++) {
          indices[at++] = i;
        }
      }
      int next = 0;
      for (int i = 0; i < tokens.length; i++) {
        found[i] = -1;
        byte[] piece = tokenizer.isSpecial(tokens[i]) ? new byte[0] : tokenizer.bytes(tokens[i]);
        // Some tokenizers add a space at the beginning.
        int from = next == 0 && piece.length > 0 && piece[0] == ' ' && bytes[0] != ' ' ? 1 : 0;
        for (int k = from; k < piece.length; k++) {
          Preconditions.require(
              next < bytes.length && bytes[next] == piece[k],
              "sentence",
              text,
              "the tokenizer changes the text, so that tokens cannot be assigned to words");
          if (found[i] < 0 && piece[k] != ' ') {
            found[i] = indices[next];
          }
          next++;
        }
      }
      return found;
    }

    private void addPairs(
        DependencySentence sentence, int begin, int[] characters, List<Pair> pairs) {
      List<int[]> words =
          sentence.words().stream()
              .map(
                  word ->
                      IntStream.range(1, characters.length)
                          .filter(i -> characters[i] >= begin + word.begin())
                          .filter(i -> characters[i] < begin + word.end())
                          .toArray())
              .toList();
      for (int w = 0; w < words.size(); w++) {
        Word word = sentence.words().get(w);
        int head = word.head();
        if (head < 0 || words.get(w).length == 0 || words.get(head).length == 0) {
          continue;
        }
        Direction direction = head < w ? Direction.TO_HEAD : Direction.TO_DEPENDENT;
        Tally tally =
            tallies.computeIfAbsent(new Key(word.relation(), direction), ignored -> new Tally());
        int later = Math.max(head, w);
        int earlier = Math.min(head, w);
        tally.pairs++;
        tally.distances.merge(later - earlier, 1L, Long::sum);
        pairs.add(new Pair(tally, words.subList(0, later + 1), earlier));
      }
    }

    /** Returns whether a head's largest weight is on the target of each pair. */
    private static boolean[] found(List<Pair> pairs, float[] pattern, int keys) {
      var found = new boolean[pairs.size()];
      for (int p = 0; p < found.length; p++) {
        Pair pair = pairs.get(p);
        int[] later = pair.words.getLast();
        int best = -1;
        double most = -1;
        for (int w = 0; w < pair.words.size() - 1; w++) {
          double weight = 0;
          for (int i : later) {
            for (int j : pair.words.get(w)) {
              weight += j < i ? pattern[i * keys + j] : 0;
            }
          }
          if (weight > most && pair.words.get(w).length > 0) {
            most = weight;
            best = w;
          }
        }
        found[p] = best == pair.target;
      }
      return found;
    }

    SyntacticHeads result(int sentences) {
      Preconditions.require(
          !tallies.isEmpty(),
          "sentences",
          sentences,
          "must have at least one word that depends on another");
      List<Relation> relations = new ArrayList<>();
      tallies.forEach((key, tally) -> relations.add(relation(key, tally)));
      return new SyntacticHeads(sentences, relations);
    }

    private static Relation relation(Key key, Tally tally) {
      Map.Entry<Integer, Long> most =
          tally.distances.entrySet().stream()
              .max(
                  Map.Entry.<Integer, Long>comparingByValue()
                      .thenComparing(Map.Entry.comparingByKey(Comparator.reverseOrder())))
              .orElseThrow();
      double pairs = tally.pairs;
      List<Accuracy> heads = new ArrayList<>();
      tally.hits.forEach(
          (point, hits) -> {
            for (int h = 0; h < hits.length; h++) {
              heads.add(new Accuracy(point.layer(), h, hits[h] / pairs));
            }
          });
      return new Relation(
          key.label, key.direction, tally.pairs, most.getKey(), most.getValue() / pairs, heads);
    }
  }
}
