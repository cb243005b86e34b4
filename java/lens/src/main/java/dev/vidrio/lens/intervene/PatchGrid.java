package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The components of a kind, as a table.
 *
 * @param rows labels: layers, or heads as {@code L3.H7}
 * @param columns labels: positions, or heads of a layer
 * @param targets row by row
 */
record PatchGrid(List<String> rows, List<String> columns, List<Target> targets) {
  /** Selects all heads or positions. */
  private static final int ALL = -1;

  /** A component: a point at one head or all, and at one position or all. */
  record Target(HookPoint point, int head, int position) {
    /** Returns a head at all positions. */
    static Target head(HookPoint point, int head) {
      return new Target(point, head, ALL);
    }

    /** Returns whether the component is one head of several. */
    boolean hasHead() {
      return head != ALL;
    }

    /** Returns whether the component is at a position or at one after it. */
    boolean reaches(int first) {
      return position == ALL || position >= first;
    }

    /** Restricts an intervention at the point to this component. */
    Intervention part(Intervention whole) {
      Intervention ofHead = head == ALL ? whole : whole.head(head);
      return position == ALL ? ofHead : ofHead.position(position);
    }

    /**
     * Returns the dot product of two activations of the point over this component.
     *
     * @param a rows of the positions from {@code from} to n, as of b; others count as 0
     * @param heads of the point
     */
    double product(float[] a, float[] b, int from, int n, int heads) {
      // Attention has the rows of a head contiguous, [H, n − from, keys].
      boolean headsFirst = point.site().axes() == HookSite.Axes.QUERY_KEY;
      int rows = headsFirst ? heads : n - from;
      int width = a.length / rows;
      int columns = headsFirst || head == ALL ? width : width / heads;
      int begin = headsFirst || head == ALL ? 0 : head * columns;
      int first = headsFirst ? head : position == ALL ? 0 : Math.max(0, position - from);
      int end = headsFirst ? head + 1 : position == ALL ? rows : position - from + 1;
      double sum = 0;
      for (int i = first; i < end; i++) {
        for (int j = i * width + begin; j < i * width + begin + columns; j++) {
          sum += (double) a[j] * b[j];
        }
      }
      return sum;
    }
  }

  /**
   * Returns the components of a kind in a model, for a text of n tokens.
   *
   * @throws InvalidInputException if the model has none, or its layers have different numbers of
   *     heads
   */
  static PatchGrid of(Lens lens, Site site, int n) {
    return of(lens, site, n, List.of());
  }

  /**
   * Returns the components of a kind in some layers, or in all if there are none.
   *
   * @throws InvalidInputException also if a layer has none
   */
  static PatchGrid of(Lens lens, Site site, int n, List<Integer> layers) {
    int count = lens.model().architecture().layers();
    for (int layer : layers) {
      Preconditions.requireRange("layer", layer, 0, count - 1);
      require(
          lens.has(new HookPoint(site.hook, layer)),
          site,
          "layer " + layer + " has no " + site.hook.suffix());
    }
    List<String> rows = new ArrayList<>();
    List<Target> targets = new ArrayList<>();
    int heads = site.parts == Site.Parts.POSITIONS ? 0 : heads(lens, site);
    for (int l = 0; l < count; l++) {
      var point = new HookPoint(site.hook, l);
      if (!lens.has(point) || (!layers.isEmpty() && !layers.contains(l))) {
        continue;
      }
      switch (site.parts) {
        case POSITIONS -> {
          rows.add("L" + l);
          IntStream.range(0, n).forEach(p -> targets.add(new Target(point, ALL, p)));
        }
        case HEADS -> {
          rows.add("L" + l);
          IntStream.range(0, heads).forEach(h -> targets.add(Target.head(point, h)));
        }
        case HEADS_BY_POSITION -> {
          for (int h = 0; h < heads; h++) {
            rows.add("L" + l + ".H" + h);
            int head = h;
            IntStream.range(0, n).forEach(p -> targets.add(new Target(point, head, p)));
          }
        }
      }
    }
    require(!rows.isEmpty(), site, "the model has no " + site.hook.suffix());
    return new PatchGrid(
        rows, site.parts == Site.Parts.HEADS ? names("H", heads) : names("", n), targets);
  }

  /** Returns the number of heads at a site: key-value heads for keys and values. */
  static int heads(Lens lens, Site site) {
    HookMap hooks = HookMap.of(lens.model());
    List<Integer> counts =
        IntStream.range(0, lens.model().architecture().layers())
            .filter(l -> lens.has(new HookPoint(site.hook, l)))
            .map(l -> isShared(site.hook) ? hooks.kvHeads(l) : hooks.heads(l))
            .distinct()
            .boxed()
            .toList();
    require(counts.size() <= 1, site, "layers have different numbers of heads: " + counts);
    return counts.isEmpty() ? 0 : counts.getFirst();
  }

  private static void require(boolean holds, Site site, String limit) {
    Preconditions.require(holds, "site", site.name().toLowerCase(Locale.ROOT), limit);
  }

  private static boolean isShared(HookSite hook) {
    return hook.axes() == HookSite.Axes.KV_HEADS;
  }

  /** Returns the first {@code rows · columns} of some results, row by row. */
  static List<List<Double>> table(List<Double> results, int rows, int columns) {
    return IntStream.range(0, rows)
        .mapToObj(row -> List.copyOf(results.subList(row * columns, (row + 1) * columns)))
        .toList();
  }

  /** Returns the table of a function of the corresponding cells of tables of equal shape. */
  static List<List<Double>> cellwise(
      List<List<List<Double>>> tables, ToDoubleFunction<List<Double>> function) {
    List<List<Double>> any = tables.getFirst();
    return IntStream.range(0, any.size())
        .mapToObj(
            l ->
                IntStream.range(0, any.get(l).size())
                    .mapToObj(h -> tables.stream().map(t -> t.get(l).get(h)).toList())
                    .map(function::applyAsDouble)
                    .toList())
        .toList();
  }

  /** Returns the mean of numbers. */
  static double mean(List<Double> numbers) {
    return numbers.stream().mapToDouble(Double::doubleValue).sum() / numbers.size();
  }

  /** Returns the names of {@code n} rows or columns. */
  static List<String> names(String prefix, int n) {
    return IntStream.range(0, n).mapToObj(i -> prefix + i).toList();
  }
}
