package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The roles of heads in indirect object identification (Wang et al. 2023, arXiv 2211.00593). In
 * "When Mary and John went to the store, John gave a drink to", IO is the token of the right name,
 * S1 and S2 are the first and second occurrence of the wrong one, and END is the last token. A role
 * follows from where a head attends and what its output does:
 *
 * <ul>
 *   <li><i>Name movers</i> attend from END to IO more than to S1 and S2 and raise the logit
 *       difference; <i>negative name movers</i> lower it.
 *   <li><i>S-inhibition heads</i> attend from END to S2 more than to IO and S1, and through the
 *       queries of name movers raise the logit difference: without them, name movers attend to S
 *       too.
 *   <li><i>Duplicate-token heads</i> attend from S2 to S1, <i>induction heads</i> from S2 to the
 *       token after S1.
 * </ul>
 *
 * @param difference the logit difference of IO and S at END, over the pairs
 * @param movers the name movers with queries that receive {@link Head#queries}, in descending order
 *     of the direct effect
 * @param heads by layer and head
 * @see "docs/lens/corpus.md"
 */
public record IoiRoles(Estimate difference, List<Node.Head> movers, List<Head> heads) {
  /** The minimum weight on the token that a role is about. */
  public static final double ATTENTION = 0.1;

  /** The minimum effect through queries, as a fraction of that of the corrupted texts. */
  public static final double EFFECT = 0.01;

  /** The role of a head. */
  public enum Role {
    /** Copies IO to the output. */
    NAME_MOVER,
    /** Lowers the logit of IO. */
    NEGATIVE_NAME_MOVER,
    /** Keeps name movers from S. */
    S_INHIBITION,
    /** Attends to the earlier occurrence of S. */
    DUPLICATE_TOKEN,
    /** Attends to the token after the earlier occurrence of S. */
    INDUCTION,
    /** None of these. */
    OTHER
  }

  /**
   * A head's attention and effects: means over the pairs.
   *
   * @param direct effect on the logit difference of IO and S by direct logit attribution
   * @param io weight from END to IO
   * @param s1 weight from END to S1
   * @param s2 weight from END to S2
   * @param duplicate weight from S2 to S1
   * @param induction weight from S2 to the token after S1
   * @param queries the fraction of the difference between clean and corrupted texts that is lost if
   *     the queries of the name movers receive this head's output of the corrupted text (path
   *     patching); 0 if no name mover is in a later layer
   */
  public record Head(
      int layer,
      int head,
      Estimate direct,
      double io,
      double s1,
      double s2,
      double duplicate,
      double induction,
      double queries)
      implements ScoredHead {
    /** Returns the role, by {@link #ATTENTION} and intervals of 95 % that exclude 0. */
    public Role role() {
      boolean attends = io >= ATTENTION && io > s1 + s2;
      if (attends && direct.mean() - direct.halfWidth() > 0) {
        return Role.NAME_MOVER;
      }
      if (attends && direct.mean() + direct.halfWidth() < 0) {
        return Role.NEGATIVE_NAME_MOVER;
      }
      if (s2 >= ATTENTION && s2 > Math.max(io, s1) && queries >= EFFECT) {
        return Role.S_INHIBITION;
      }
      if (Math.max(duplicate, induction) >= ATTENTION) {
        return duplicate > induction ? Role.DUPLICATE_TOKEN : Role.INDUCTION;
      }
      return Role.OTHER;
    }
  }

  public IoiRoles {
    movers = List.copyOf(movers);
    heads = List.copyOf(heads);
  }

  /**
   * A pair of texts with the two names.
   *
   * @param answer IO
   * @param wrong S
   */
  public record Names(TextPair pair, int answer, int wrong) {
    int io() {
      return position(answer, 0);
    }

    int s1() {
      return position(wrong, 0);
    }

    int s2() {
      return position(wrong, s1() + 1);
    }

    private int position(int token, int from) {
      int[] text = pair.clean();
      return IntStream.range(from, text.length)
          .filter(i -> text[i] == token)
          .findFirst()
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      "clean text",
                      "token " + token,
                      "must have the answer once and the wrong name twice"));
    }
  }

  /**
   * Runs pairs. Takes as many runs per pair as the model has heads, for the paths through queries.
   *
   * @param pairs at least 2, since a role needs an interval
   * @param movers maximum number of name movers with queries as receivers
   * @throws InvalidInputException if a clean text does not have the names, or as {@link
   *     PathPatching} does
   */
  public static IoiRoles of(Lens lens, List<Names> pairs, int movers) {
    Preconditions.require(
        pairs.size() >= 2, "pairs", pairs.size(), "must be at least 2, for intervals");
    Preconditions.requirePositive("movers", movers);
    TextPair.requireFit(lens.model(), pairs.stream().map(Names::pair).toList());
    Preconditions.requireAttention(lens.model(), "roles of heads");
    var seen = new Attention();
    pairs.forEach(pair -> seen.add(lens, pair));
    List<Head> plain = seen.heads(pairs.size(), Map.of());
    List<Node.Head> found =
        plain.stream()
            .filter(head -> head.role() == Role.NAME_MOVER)
            .sorted(Comparator.comparingDouble((Head head) -> -head.direct.mean()))
            .limit(movers)
            .map(head -> new Node.Head(head.layer, head.head))
            .toList();
    Estimate difference = Estimate.of(seen.differences.stream().mapToDouble(x -> x).toArray());
    if (found.isEmpty()) {
      return new IoiRoles(difference, found, plain);
    }
    List<PathPatching.Head> receivers =
        found.stream().map(head -> new PathPatching.Head(head.layer(), head.head())).toList();
    PathPatching paths =
        PathPatching.toHeads(lens, pairs.stream().map(Names::pair).toList(), HookSite.Q, receivers);
    Map<Node.Head, Double> lost = new HashMap<>();
    for (int l = 0; l < paths.scores().size(); l++) {
      for (int h = 0; h < paths.scores().get(l).size(); h++) {
        lost.put(new Node.Head(l, h), 1 - paths.scores().get(l).get(h));
      }
    }
    return new IoiRoles(difference, found, seen.heads(pairs.size(), lost));
  }

  /** Returns the heads with a role, in descending order of the effect that defines it. */
  public List<Head> of(Role role) {
    Comparator<Head> order =
        switch (role) {
          case NAME_MOVER -> Comparator.comparingDouble(head -> -head.direct.mean());
          case NEGATIVE_NAME_MOVER -> Comparator.comparingDouble(head -> head.direct.mean());
          case S_INHIBITION -> Comparator.comparingDouble(head -> -head.queries);
          case DUPLICATE_TOKEN -> Comparator.comparingDouble(head -> -head.duplicate);
          case INDUCTION -> Comparator.comparingDouble(head -> -head.induction);
          case OTHER -> Comparator.comparingDouble(head -> -Math.abs(head.direct.mean()));
        };
    return heads.stream().filter(head -> head.role() == role).sorted(order).toList();
  }

  /** Sums of attention weights, and the direct effects of each pair. */
  private static final class Attention {
    private static final int WEIGHTS = 5;

    final Map<String, double[]> weights = new HashMap<>();
    final Map<String, List<Double>> effects = new HashMap<>();
    final List<Node.Head> order = new ArrayList<>();
    final List<Double> differences = new ArrayList<>();

    void add(Lens lens, Names names) {
      int[] text = names.pair.clean();
      int end = text.length - 1;
      int io = names.io();
      int s1 = names.s1();
      int s2 = names.s2();
      try (ActivationCache cache = lens.run(text, Capture.of("*.hook_pattern"))) {
        for (HookPoint point : cache.points()) {
          Activation pattern = cache.get(point);
          for (int h = 0; h < pattern.shape().getFirst(); h++) {
            var head = new Node.Head(point.layer(), h);
            if (!weights.containsKey(head.name())) {
              weights.put(head.name(), new double[WEIGHTS]);
              order.add(head);
            }
            double[] own = weights.getOrDefault(head.name(), new double[WEIGHTS]);
            own[0] += pattern.at(h, end, io);
            own[1] += pattern.at(h, end, s1);
            own[2] += pattern.at(h, end, s2);
            own[3] += pattern.at(h, s2, s1);
            own[4] += s1 + 1 < s2 ? pattern.at(h, s2, s1 + 1) : 0;
          }
        }
      }
      var parts = DirectLogitAttribution.of(lens, text, end, names.answer, names.wrong, By.HEAD);
      differences.add(parts.logit());
      parts
          .parts()
          .forEach(
              part ->
                  effects
                      .computeIfAbsent(part.component(), ignored -> new ArrayList<>())
                      .add(part.value()));
    }

    List<Head> heads(int pairs, Map<Node.Head, Double> queries) {
      return order.stream()
          .map(
              head -> {
                double[] sums = weights.getOrDefault(head.name(), new double[WEIGHTS]);
                double[] means = Arrays.stream(sums).map(sum -> sum / pairs).toArray();
                List<Double> own = effects.getOrDefault(head.name(), List.of());
                return new Head(
                    head.layer(),
                    head.head(),
                    Estimate.of(own.stream().mapToDouble(x -> x).toArray()),
                    means[0],
                    means[1],
                    means[2],
                    means[3],
                    means[4],
                    queries.getOrDefault(head, 0.0));
              })
          .toList();
    }
  }
}
