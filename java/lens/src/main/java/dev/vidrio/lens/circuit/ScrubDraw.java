package dev.vidrio.lens.circuit;

import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The texts that a hypothesis is computed from for one text, by branch of its tree. */
final class ScrubDraw {
  /**
   * A text that agrees with that of the reader on the claim's properties; for the logits, the text
   * itself.
   */
  final int[] agreeing;

  /**
   * A text without conditions, which inputs are taken from that no claim is about; −1 for claims
   * that are computed from a whole text.
   */
  final int[] random;

  private ScrubDraw(int branches) {
    this.agreeing = new int[branches];
    this.random = new int[branches];
    Arrays.fill(random, -1);
  }

  /** Draws texts of a data set for the branches of a tree. */
  static final class Source {
    private final ScrubTree tree;

    /** The texts with equally many tokens, by text. */
    private final List<int[]> groups;

    /** The texts that agree with each text, by claim. */
    private final Map<String, List<int[]>> classes = new HashMap<>();

    /** Groups the texts by the properties that each claim depends on. */
    Source(ScrubTree tree, ScrubHypothesis hypothesis, List<ScrubText> texts) {
      this.tree = tree;
      this.groups = partition(texts, List.of());
      hypothesis
          .claims()
          .forEach((name, claim) -> classes.put(name, partition(texts, claim.dependsOn())));
    }

    /** Returns for each text those that agree with it, in their order. */
    private static List<int[]> partition(List<ScrubText> texts, List<String> properties) {
      Map<List<Object>, List<Integer>> byValue = new HashMap<>();
      List<List<Object>> values = new ArrayList<>();
      for (int i = 0; i < texts.size(); i++) {
        ScrubText text = texts.get(i);
        List<Object> value = new ArrayList<>(List.of(text.length(), text.metric().positions()));
        properties.forEach(property -> value.add(text.property(property)));
        values.add(value);
        byValue.computeIfAbsent(value, key -> new ArrayList<>()).add(i);
      }
      Map<List<Object>, int[]> arrays = new HashMap<>();
      byValue.forEach(
          (value, all) -> arrays.put(value, all.stream().mapToInt(Integer::intValue).toArray()));
      return values.stream().map(value -> arrays.getOrDefault(value, new int[0])).toList();
    }

    /** Returns the texts that are resampled for a text: those with equally many tokens. */
    int[] group(int text) {
      return groups.get(text);
    }

    /**
     * Returns the texts that are resampled for a text, or some that are drawn if there are more.
     */
    int[] some(int text, int most, SplitMix64 random) {
      int[] all = group(text);
      return all.length <= most
          ? all
          : IntStream.range(0, most).map(i -> one(all, random)).toArray();
    }

    /** Returns the texts that agree with a text on what a claim depends on. */
    int[] agreeing(String claim, int text) {
      return classes.getOrDefault(claim, List.of()).get(text);
    }

    /**
     * Draws for a text: at each claim, a random text and then those of the claims that it reads.
     */
    ScrubDraw draw(int text, SplitMix64 random) {
      var draw = new ScrubDraw(tree.branches().size());
      draw(tree.branches().getFirst(), text, random, draw);
      return draw;
    }

    private void draw(ScrubTree.Branch branch, int text, SplitMix64 random, ScrubDraw draw) {
      draw.agreeing[branch.index] = text;
      if (branch.leaf) {
        return;
      }
      draw.random[branch.index] = one(group(text), random);
      for (ScrubTree.Branch child : branch.children) {
        draw(child, one(agreeing(child.claim(), text), random), random, draw);
      }
    }

    private static int one(int[] texts, SplitMix64 random) {
      return texts[(int) (random.nextDouble() * texts.length)];
    }
  }
}
