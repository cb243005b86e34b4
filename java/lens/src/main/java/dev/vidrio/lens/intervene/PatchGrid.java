package dev.vidrio.lens.intervene;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.plan.HookMap;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The components of a kind, as a table.
 *
 * @param rows labels: layers, or heads as {@code L3.H7}
 * @param columns labels: positions, or heads of a layer
 * @param places row by row
 */
record PatchGrid(List<String> rows, List<String> columns, List<Place> places) {
  /** Stands for all heads or positions. */
  private static final int ALL = -1;

  /** One component: a point at one head or all, and at one position or all. */
  record Place(HookPoint point, int head, int position) {
    /** A head at all positions. */
    static Place head(HookPoint point, int head) {
      return new Place(point, head, ALL);
    }

    /** The part of an edit of the whole point that falls on this place. */
    Edit part(Edit whole) {
      Edit ofHead = head == ALL ? whole : whole.head(head);
      return position == ALL ? ofHead : ofHead.position(position);
    }

    /**
     * The product of two activations of the point, over the rows and columns here.
     *
     * @param a rows of the positions from {@code from} to n, and of b as well; others count as 0
     */
    double product(float[] a, float[] b, int from, int n, int heads) {
      int width = a.length / (n - from);
      int headWidth = head == ALL ? width : width / heads;
      int begin = head == ALL ? 0 : head * headWidth;
      int first = position == ALL ? from : Math.max(from, position);
      int end = position == ALL ? n : position + 1;
      double sum = 0;
      for (int i = first; i < end; i++) {
        int row = (i - from) * width;
        for (int j = row + begin; j < row + begin + headWidth; j++) {
          sum += (double) a[j] * b[j];
        }
      }
      return sum;
    }
  }

  /** The components of a kind in a model, in a text of n tokens. */
  static PatchGrid of(Lens lens, Site site, int n) {
    HookMap hooks = HookMap.of(lens.model());
    List<String> rows = new ArrayList<>();
    List<Place> places = new ArrayList<>();
    List<String> columns = IntStream.range(0, n).mapToObj(String::valueOf).toList();
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      var point = new HookPoint(site.hook(), l);
      switch (site) {
        case RESID_PRE, ATTN_OUT, MLP_OUT -> {
          rows.add("L" + l);
          IntStream.range(0, n).forEach(p -> places.add(new Place(point, ALL, p)));
        }
        case HEAD -> {
          rows.add("L" + l);
          int heads = hooks.heads(l);
          columns = IntStream.range(0, heads).mapToObj(h -> "H" + h).toList();
          IntStream.range(0, heads).forEach(h -> places.add(Place.head(point, h)));
        }
        case HEAD_BY_POSITION -> {
          for (int h = 0; h < hooks.heads(l); h++) {
            rows.add("L" + l + ".H" + h);
            int head = h;
            IntStream.range(0, n).forEach(p -> places.add(new Place(point, head, p)));
          }
        }
      }
    }
    return new PatchGrid(rows, columns, places);
  }

  /** The first {@code rows · columns} of some results, row by row. */
  static List<List<Double>> table(List<Double> results, int rows, int columns) {
    return IntStream.range(0, rows)
        .mapToObj(row -> List.copyOf(results.subList(row * columns, (row + 1) * columns)))
        .toList();
  }
}
