package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.PatchGrid.Target;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * Optimal ablation of single components (Li and Janson 2024, arXiv 2409.09951): how much does the
 * model lose if a component carries no information about the text, and nothing else is wrong? A
 * zero or a mean may lead the model to activations that it never sees. The optimal constant of a
 * component A over texts x minimizes the loss:
 *
 * <pre>{@code
 * a* = argmin_a E KL(model(x) ‖ model(x) with a instead of the activation of A)
 * }</pre>
 *
 * <p>for the prediction after the last token. Training begins at the mean over the texts' tokens
 * but the first of each, takes the exact gradient of one text in each step, and follows it by Adam
 * with a rate that falls linearly to 0; constants that are worse than the mean are not used. There
 * should be many texts: over a few, constants could carry their predictions.
 *
 * <p>{@link dev.vidrio.lens.circuit.OptimalAblation} has the constants of circuits.
 *
 * @param length of the texts if components are at positions, otherwise 0
 * @param rows the constants, [width] of a point or [length, width]; parts that are heads or
 *     positions belong to the components
 * @param losses of each component, in the order of the ablation
 * @see ComponentAblation#optimal
 * @see "docs/lens/interventions.md"
 */
public record OptimalConstants(
    Site site, int length, Map<HookPoint, float[]> rows, List<Loss> losses) {
  /** Maximum texts that constants are compared with the mean on. */
  private static final int COMPARED = 32;

  /**
   * The mean divergences of a component over the first texts, at most 32, in nats.
   *
   * @param mean with the mean activation
   * @param optimal with the constant, not more
   */
  public record Loss(double mean, double optimal) {}

  public OptimalConstants {
    rows = Collections.unmodifiableMap(new LinkedHashMap<>(rows));
    losses = List.copyOf(losses);
  }

  /**
   * Trains the constant of each component of a kind, for itself.
   *
   * @param texts tokens of each, two or more; of one length if components are at positions
   * @param layers that are ablated, or none for all
   * @param progress receives the share of the components that are done, 0 to 1
   * @throws InvalidInputException if there is no such component, for {@link Site#PATTERN}, or if
   *     the model does not support the texts or has no gradients
   */
  public static OptimalConstants of(
      Lens lens,
      List<int[]> texts,
      Site site,
      List<Integer> layers,
      ConstantTraining options,
      DoubleConsumer progress) {
    ComponentAblation.requireMeans(site, texts);
    int length = texts.getFirst().length;
    for (int[] text : texts) {
      Preconditions.requireTokens(lens.model(), text);
      Preconditions.require(
          !site.byPosition() || text.length == length,
          "texts",
          text.length + " tokens",
          "must be as long as the first, " + length + ", for components at positions");
    }
    PatchGrid grid = PatchGrid.of(lens, site, length, layers);
    return new Training(lens, texts, site, grid, options)
        .run(site.byPosition() ? length : 0, progress);
  }

  /**
   * Returns the intervention at a point on a text of n tokens. Its parts are those of the
   * components.
   */
  Intervention at(HookPoint point, int n) {
    float[] values = Objects.requireNonNull(rows.get(point));
    if (length == 0) {
      return ComponentAblation.everywhere(point, values, n);
    }
    Preconditions.require(
        n == length, "text", n + " tokens", "must have " + length + ", as the constants do");
    var shape = List.of(n, values.length / n);
    return Intervention.patch(new Activation(point, shape, MemorySegment.ofArray(values)), 0, n);
  }

  /** The training of the constants of all components. */
  private static final class Training {
    private final Lens lens;
    private final List<int[]> texts;
    private final Site site;
    private final PatchGrid grid;
    private final ConstantTraining options;
    private final List<DifferentiableMetric> divergences = new ArrayList<>();
    private final Map<HookPoint, float[]> means = new LinkedHashMap<>();

    /** The mean squares of the elements of each point, [width]. */
    private final Map<HookPoint, float[]> sizes = new LinkedHashMap<>();

    Training(Lens lens, List<int[]> texts, Site site, PatchGrid grid, ConstantTraining options) {
      this.lens = lens;
      this.texts = texts;
      this.site = site;
      this.grid = grid;
      this.options = options;
      Map<HookPoint, RowMean> sums = new LinkedHashMap<>();
      Map<HookPoint, RowMean> squares = new LinkedHashMap<>();
      for (int[] text : texts) {
        divergences.add(Metric.divergence(lens, text));
        Capture capture = Capture.of("blocks.*." + site.hook.suffix()).positions(1, text.length);
        try (ActivationCache cache = lens.run(text, capture)) {
          for (HookPoint point : cache.points()) {
            for (float[] row : cache.get(point).rows()) {
              sums.computeIfAbsent(point, ignored -> new RowMean()).add(row);
              squares.computeIfAbsent(point, ignored -> new RowMean()).add(squared(row));
            }
          }
        }
      }
      sums.forEach((point, sum) -> means.put(point, sum.mean()));
      squares.forEach((point, sum) -> sizes.put(point, sum.mean()));
    }

    private static float[] squared(float[] row) {
      var squared = new float[row.length];
      for (int j = 0; j < row.length; j++) {
        squared[j] = row[j] * row[j];
      }
      return squared;
    }

    OptimalConstants run(int length, DoubleConsumer progress) {
      List<Part> parts = grid.targets().stream().map(Part::new).toList();
      int longest = texts.stream().mapToInt(text -> text.length).max().orElseThrow();
      int done = 0;
      for (HookPoint point : parts.stream().map(part -> part.target.point()).distinct().toList()) {
        String name = point.name();
        var gradients = GradientOptions.of(name, longest).withEditable(name);
        try (var session = GradientSession.open(lens, gradients)) {
          for (Part part : parts) {
            if (part.target.point().equals(point)) {
              part.train(session);
              progress.accept(++done / (double) parts.size());
            }
          }
        }
      }
      List<Loss> losses = losses(parts);
      Map<HookPoint, float[]> rows = new LinkedHashMap<>();
      for (int i = 0; i < losses.size(); i++) {
        Part part = parts.get(i);
        int width = width(part.target.point());
        float[] values =
            rows.computeIfAbsent(
                part.target.point(), ignored -> new float[Math.max(1, length) * width]);
        int at = Math.max(0, part.target.position()) * width + part.begin;
        float[] best = losses.get(i).optimal < losses.get(i).mean ? part.values : part.mean;
        System.arraycopy(best, 0, values, at, best.length);
      }
      return new OptimalConstants(site, length, rows, losses);
    }

    /** Returns the mean divergences over the first texts. */
    private List<Loss> losses(List<Part> parts) {
      int count = Math.min(COMPARED, texts.size());
      var sums = new double[2 * parts.size()];
      for (int t = 0; t < count; t++) {
        int[] text = texts.get(t);
        List<List<Intervention>> variants = new ArrayList<>();
        for (Part part : parts) {
          variants.add(List.of(part.at(part.mean, text.length)));
          variants.add(List.of(part.at(part.values, text.length)));
        }
        List<Double> values = Sweep.run(lens, text, List.of(), variants, divergences.get(t));
        for (int i = 0; i < sums.length; i++) {
          sums[i] += values.get(i) / count;
        }
      }
      return IntStream.range(0, parts.size())
          .mapToObj(i -> new Loss(sums[2 * i], Math.min(sums[2 * i], sums[2 * i + 1])))
          .toList();
    }

    private int width(HookPoint point) {
      return Objects.requireNonNull(means.get(point)).length;
    }

    /** A component in training. */
    private final class Part {
      final Target target;

      /** The first element of the component in a row of its point. */
      final int begin;

      /** The root mean square of the component's activation. */
      final double size;

      final float[] mean;

      /** The constant. */
      final float[] values;

      Part(Target target) {
        this.target = target;
        float[] row = Objects.requireNonNull(means.get(target.point()));
        int columns = target.hasHead() ? row.length / PatchGrid.heads(lens, site) : row.length;
        this.begin = target.hasHead() ? target.head() * columns : 0;
        this.mean = Arrays.copyOfRange(row, begin, begin + columns);
        this.values = mean.clone();
        float[] squares = Objects.requireNonNull(sizes.get(target.point()));
        double sum = 0;
        for (int j = begin; j < begin + columns; j++) {
          sum += squares[j];
        }
        this.size = Math.sqrt(sum / columns);
      }

      void train(GradientSession session) {
        var adam = new Adam(new float[][] {values});
        for (int step = 1; step <= options.steps(); step++) {
          int t = (step - 1) % texts.size();
          int[] text = texts.get(t);
          session.edits(List.of(at(values, text.length)));
          var _ = session.run(text, divergences.get(t));
          float[] gradient = gradient(session.gradient(target.point()));
          double rate = options.rate(step, size);
          adam.step(step, rate, 0, values, gradient);
        }
      }

      /** Returns the intervention that sets the component to a constant in a text of n tokens. */
      Intervention at(float[] constant, int n) {
        var row = new float[width(target.point())];
        System.arraycopy(constant, 0, row, begin, constant.length);
        return target.part(ComponentAblation.everywhere(target.point(), row, n));
      }

      /** Returns the gradient with respect to the constant: the sum over its positions. */
      private float[] gradient(Activation all) {
        var sum = new float[values.length];
        for (int i = 0; i < all.shape().getFirst(); i++) {
          if (target.position() < 0 || target.position() == i) {
            float[] row = all.row(i);
            for (int j = 0; j < sum.length; j++) {
              sum[j] += row[begin + j];
            }
          }
        }
        return sum;
      }
    }
  }
}
