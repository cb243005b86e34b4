package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The activations that features of several layers or models read and write, all of the same width.
 *
 * @see CrossTraining
 * @see Crosscoder
 */
public final class ActivationSources {
  /** A hook point of a model. */
  private record Source(Lens lens, HookPoint point) {}

  private final List<Source> sources;
  private final CrossLayout layout;

  private ActivationSources(List<Source> sources, CrossLayout layout) {
    this.sources = sources;
    this.layout = layout;
  }

  /**
   * Returns the activations of a crosscoder of several layers.
   *
   * @param points two or more
   * @throws InvalidInputException if there are fewer, or one has no row for each token or another
   *     width
   */
  public static ActivationSources ofLayers(Lens lens, List<HookPoint> points) {
    List<Source> sources = points.stream().map(point -> new Source(lens, point)).toList();
    return new ActivationSources(sources, CrossLayout.crosscoder(points.size(), width(sources)));
  }

  /**
   * Returns the activations of a crosscoder of two models, at one hook point.
   *
   * @param other such as the lens of the same model {@linkplain Lens#adapted with an adapter}
   * @throws InvalidInputException if the point has no row for each token, or another width in the
   *     other model
   */
  public static ActivationSources ofModels(Lens lens, Lens other, HookPoint point) {
    List<Source> sources = List.of(new Source(lens, point), new Source(other, point));
    return new ActivationSources(sources, CrossLayout.crosscoder(2, width(sources)));
  }

  /**
   * Returns the activations of a cross-layer transcoder.
   *
   * @param inputs one for each layer of the model, in order and of one kind, such as {@code
   *     ln2.hook_normalized}
   * @param outputs {@code hook_mlp_out} of each layer, in order
   * @throws InvalidInputException if they are others
   */
  public static ActivationSources ofCrossLayer(
      Lens lens, List<HookPoint> inputs, List<HookPoint> outputs) {
    requireLayers(lens, "hook", inputs);
    requireLayers(lens, "output hook", outputs);
    HookSite site = outputs.getFirst().site();
    Preconditions.require(
        site == HookSite.MLP_OUT, "output hook", site.suffix(), "must be hook_mlp_out");
    List<Source> sources = new ArrayList<>();
    inputs.forEach(point -> sources.add(new Source(lens, point)));
    outputs.forEach(point -> sources.add(new Source(lens, point)));
    return new ActivationSources(
        List.copyOf(sources), CrossLayout.crossLayer(inputs.size(), width(sources)));
  }

  private static void requireLayers(Lens lens, String field, List<HookPoint> points) {
    int layers = lens.model().architecture().layers();
    boolean complete =
        points.size() == layers
            && IntStream.range(0, layers)
                .allMatch(
                    l ->
                        points.get(l).layer() == l
                            && points.get(l).site() == points.getFirst().site());
    Preconditions.require(
        complete,
        field,
        points.stream().map(HookPoint::name).collect(Collectors.joining(",")),
        "must be one of each of the " + layers + " layers, of one kind");
  }

  private static int width(List<Source> sources) {
    int width = width(sources.getFirst());
    for (Source source : sources) {
      Preconditions.require(
          width(source) == width,
          "hook",
          source.point.name() + " of " + width(source),
          "must be of " + width + ", as " + sources.getFirst().point.name());
    }
    return width;
  }

  private static int width(Source source) {
    Preconditions.requireRows(source.point);
    return HookMap.of(source.lens.model()).source(source.point).width();
  }

  CrossLayout layout() {
    return layout;
  }

  /** Returns the hook points that are read. */
  List<HookPoint> inputs() {
    return sources.stream().limit(layout.inputs()).map(Source::point).toList();
  }

  /** Returns the hook points that are written. */
  List<HookPoint> outputs() {
    return sources.stream().skip(sources.size() - layout.outputs()).map(Source::point).toList();
  }

  /** Returns the names of the hook points. */
  List<String> names() {
    return sources.stream().map(source -> source.point.name()).toList();
  }

  /** Returns the names of the hook points, once each, separated by commas. */
  public String label() {
    return names().stream().distinct().collect(Collectors.joining(","));
  }

  /** Returns the lenses of the models. */
  List<Lens> lenses() {
    return sources.stream().map(Source::lens).distinct().toList();
  }

  /** Returns whether the activations are those of two models. */
  boolean isOfModels() {
    return sources.getFirst().lens != sources.getLast().lens;
  }

  /**
   * Runs tokens and returns the activations of all but the first, concatenated, [n − 1][columns].
   * Activations of the first token depend on the position rather than on the text.
   */
  float[][] rows(int[] tokens) {
    return rows(tokens, 1);
  }

  /** Runs tokens and returns the activations from a position on, concatenated. */
  float[][] rows(int[] tokens, int from) {
    Map<Lens, List<Integer>> byLens = new LinkedHashMap<>();
    for (int s = 0; s < sources.size(); s++) {
      byLens.computeIfAbsent(sources.get(s).lens, lens -> new ArrayList<>()).add(s);
    }
    var rows = new float[tokens.length - from][sources.size() * layout.width()];
    byLens.forEach((lens, own) -> fill(lens, own, tokens, from, rows));
    return rows;
  }

  private void fill(Lens lens, List<Integer> own, int[] tokens, int from, float[][] rows) {
    String hooks =
        own.stream()
            .map(s -> sources.get(s).point.name())
            .distinct()
            .collect(Collectors.joining(","));
    try (ActivationCache cache =
        lens.run(tokens, Capture.of(hooks).positions(from, tokens.length))) {
      for (int s : own) {
        float[][] activations = cache.get(sources.get(s).point).rows();
        for (int i = 0; i < rows.length; i++) {
          System.arraycopy(activations[i], 0, rows[i], s * layout.width(), layout.width());
        }
      }
    }
  }
}
