package dev.vidrio.lens.decode.sae.cross;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SaeEvaluation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How well do the features of a cross-layer transcoder or crosscoder explain the activations that
 * they write, and how well does the model work with their reconstructions? {@link SaeEvaluation}
 * answers this for one activation.
 *
 * @param tokens number of tokens of the texts, except the first of each
 * @param l0 mean number of active features per token, of all layers together
 * @param loss mean −log p of the next token, in nats
 * @param splicedLoss the loss of the model with all feed-forward blocks replaced by a cross-layer
 *     transcoder, which reads the changed stream; NaN for a crosscoder
 * @param ablatedLoss the loss with zeros instead of all these outputs; NaN for a crosscoder
 * @param outputs the activations that features write
 * @param dead number of features that are never active
 * @see "docs/lens/dictionaries.md"
 */
public record CrossEvaluation(
    int tokens,
    double l0,
    double loss,
    double splicedLoss,
    double ablatedLoss,
    List<Output> outputs,
    long dead) {
  /**
   * The reconstruction of one activation.
   *
   * @param hook its hook point
   * @param unexplained fraction of variance unexplained
   * @param splicedLoss the loss of the model with the reconstruction instead of this activation
   *     alone; features are those of the model without it
   * @param ablatedLoss the loss with zeros instead of this activation
   */
  public record Output(String hook, double unexplained, double splicedLoss, double ablatedLoss) {}

  public CrossEvaluation {
    outputs = List.copyOf(outputs);
  }

  /** The features of tokens and their reconstructions. */
  private static final class Reconstruction {
    /** Number of active features, of all tokens. */
    int count;

    /** Indices of active features, over all layers, each once or more. */
    final List<Integer> active = new ArrayList<>();

    /** [outputs][n][d]. */
    final float[][][] rows;

    Reconstruction(int outputs) {
      this.rows = new float[outputs][][];
    }

    void add(Features features, int first) {
      for (int i = 0; i < features.count(); i++) {
        active.add(first + features.id(i));
      }
      count += features.count();
    }
  }

  /** A dictionary of either kind. */
  private interface Kind {
    List<HookPoint> inputs();

    List<HookPoint> outputs();

    int features();

    /** Encodes and decodes the activations of tokens. */
    Reconstruction reconstruct(ActivationCache cache);
  }

  private record CrossLayer(CrossLayerTranscoder transcoder) implements Kind {
    @Override
    public List<HookPoint> inputs() {
      return IntStream.range(0, transcoder.layers()).mapToObj(transcoder::input).toList();
    }

    @Override
    public List<HookPoint> outputs() {
      return IntStream.range(0, transcoder.layers()).mapToObj(transcoder::output).toList();
    }

    @Override
    public int features() {
      return IntStream.range(0, transcoder.layers()).map(transcoder::features).sum();
    }

    @Override
    public Reconstruction reconstruct(ActivationCache cache) {
      var found = new Reconstruction(transcoder.layers());
      var sums = new LayerSums(transcoder);
      int first = 0;
      for (int l = 0; l < transcoder.layers(); l++) {
        List<Features> features = sums.read(l, cache.get(transcoder.input(l)).rows());
        found.rows[l] = sums.written(l);
        for (int i = 1; i < features.size(); i++) {
          found.add(features.get(i), first);
        }
        first += transcoder.features(l);
      }
      return found;
    }
  }

  private record Shared(Crosscoder crosscoder, DictionaryInputs points) implements Kind {
    @Override
    public List<HookPoint> inputs() {
      return points.points();
    }

    @Override
    public List<HookPoint> outputs() {
      return points.points();
    }

    @Override
    public int features() {
      return crosscoder.features();
    }

    @Override
    public Reconstruction reconstruct(ActivationCache cache) {
      List<Features> features = crosscoder.encode(points.rows(cache));
      var found = new Reconstruction(crosscoder.activations());
      for (int s = 0; s < found.rows.length; s++) {
        found.rows[s] = new float[features.size()][];
      }
      for (int i = 0; i < features.size(); i++) {
        float[][] decoded = crosscoder.decode(features.get(i));
        for (int s = 0; s < decoded.length; s++) {
          found.rows[s][i] = decoded[s];
        }
        if (i > 0) {
          found.add(features.get(i), 0);
        }
      }
      return found;
    }
  }

  /** The sums of what features of layers write, layer by layer. */
  private static final class LayerSums {
    private final CrossLayerTranscoder transcoder;
    private final float[][][] sums;

    LayerSums(CrossLayerTranscoder transcoder) {
      this.transcoder = transcoder;
      this.sums = new float[transcoder.layers()][][];
    }

    /** Encodes the inputs of a layer, after those of all layers before. */
    List<Features> read(int layer, float[][] rows) {
      for (int m = layer; layer == 0 && m < sums.length; m++) {
        float[] bias = transcoder.bias(m);
        sums[m] =
            IntStream.range(0, rows.length).mapToObj(i -> bias.clone()).toArray(float[][]::new);
      }
      List<Features> features = transcoder.encode(layer, rows);
      for (int i = 0; i < rows.length; i++) {
        Features row = features.get(i);
        for (int f = 0; f < row.count(); f++) {
          float[][] directions = transcoder.directions(layer, row.id(f));
          for (int m = 0; m < directions.length; m++) {
            Vectors.add(sums[layer + m][i], row.value(f), directions[m]);
          }
        }
      }
      return features;
    }

    float[][] written(int layer) {
      return sums[layer];
    }
  }

  /**
   * Evaluates a cross-layer transcoder on texts.
   *
   * @param texts token ids of each, at least two tokens
   */
  public static CrossEvaluation of(Lens lens, CrossLayerTranscoder transcoder, List<int[]> texts) {
    var kind = new CrossLayer(transcoder);
    CrossEvaluation alone = of(lens, kind, texts);
    double spliced = 0;
    double ablated = 0;
    Map<HookPoint, Hook> hooks = hooks(transcoder);
    List<Intervention> zeros = kind.outputs().stream().map(Intervention::zero).toList();
    for (int[] tokens : texts) {
      spliced += loss(lens, tokens, hooks);
      ablated += loss(lens, tokens, zeros);
    }
    return new CrossEvaluation(
        alone.tokens,
        alone.l0,
        alone.loss,
        spliced / alone.tokens,
        ablated / alone.tokens,
        alone.outputs,
        alone.dead);
  }

  /** Replaces all outputs by reconstructions from the inputs of the changed pass. */
  private static Map<HookPoint, Hook> hooks(CrossLayerTranscoder transcoder) {
    Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
    var sums = new LayerSums(transcoder);
    for (int l = 0; l < transcoder.layers(); l++) {
      int layer = l;
      hooks.put(
          transcoder.input(l),
          rows -> {
            var _ = sums.read(layer, values(rows));
          });
      hooks.put(transcoder.output(l), rows -> set(rows, sums.written(layer), 0));
    }
    return hooks;
  }

  private static float[][] values(StepRows rows) {
    return IntStream.range(0, rows.size())
        .mapToObj(i -> rows.row(i).toArray(JAVA_FLOAT))
        .toArray(float[][]::new);
  }

  private static void set(StepRows rows, float[][] values, int first) {
    for (int i = 0; i < rows.size(); i++) {
      rows.row(i).copyFrom(MemorySegment.ofArray(values[first + i]));
    }
  }

  /**
   * Evaluates a crosscoder of layers on texts.
   *
   * @param texts token ids of each, at least two tokens
   * @throws dev.vidrio.error.InvalidInputException if the crosscoder is one of two models, or does
   *     not name its hook points
   */
  public static CrossEvaluation of(Lens lens, Crosscoder crosscoder, List<int[]> texts) {
    return of(lens, new Shared(crosscoder, DictionaryInputs.of(lens, crosscoder)), texts);
  }

  private static CrossEvaluation of(Lens lens, Kind kind, List<int[]> texts) {
    SaeEvaluation.requireTexts(texts);
    String points =
        Stream.concat(
                Stream.concat(kind.inputs().stream(), kind.outputs().stream()).map(HookPoint::name),
                Stream.of(HookSite.LOGITS.suffix()))
            .distinct()
            .collect(Collectors.joining(","));
    var sums = new Sums(kind);
    for (int[] tokens : texts) {
      Reconstruction found;
      try (ActivationCache cache = lens.run(tokens, Capture.of(points))) {
        found = kind.reconstruct(cache);
        sums.add(found, cache);
      }
      for (int m = 0; m < kind.outputs().size(); m++) {
        HookPoint out = kind.outputs().get(m);
        sums.spliced[m] += loss(lens, tokens, Map.of(out, replacement(found.rows[m])));
        sums.ablated[m] += loss(lens, tokens, List.of(Intervention.zero(out)));
      }
    }
    return sums.evaluation();
  }

  /** Sets the rows of an activation, step by step. */
  private static Hook replacement(float[][] values) {
    var position = new int[1];
    return rows -> {
      set(rows, values, position[0]);
      position[0] += rows.size();
    };
  }

  private static double loss(Lens lens, int[] tokens, Map<HookPoint, Hook> hooks) {
    try (ActivationCache cache = lens.run(tokens, Capture.of(HookSite.LOGITS.suffix()), hooks)) {
      return SaeEvaluation.loss(cache);
    }
  }

  private static double loss(Lens lens, int[] tokens, List<Intervention> edits) {
    try (ActivationCache cache = lens.run(tokens, Capture.of(HookSite.LOGITS.suffix()), edits)) {
      return SaeEvaluation.loss(cache);
    }
  }

  private static final class Sums {
    final Kind kind;
    final double[] spliced;
    final double[] ablated;
    final double[] errors;
    final double[] squares;
    final double[][] totals;
    final boolean[] active;
    double loss;
    long count;
    int tokens;

    Sums(Kind kind) {
      this.kind = kind;
      int outputs = kind.outputs().size();
      this.spliced = new double[outputs];
      this.ablated = new double[outputs];
      this.errors = new double[outputs];
      this.squares = new double[outputs];
      this.totals = new double[outputs][];
      this.active = new boolean[kind.features()];
    }

    void add(Reconstruction found, ActivationCache cache) {
      loss += SaeEvaluation.loss(cache);
      count += found.count;
      tokens += cache.rows() - 1;
      found.active.forEach(f -> active[f] = true);
      for (int m = 0; m < errors.length; m++) {
        float[][] outputs = cache.get(kind.outputs().get(m)).rows();
        if (totals[m] == null) {
          totals[m] = new double[outputs[0].length];
        }
        for (int i = 1; i < outputs.length; i++) {
          float[] error = Vectors.minus(found.rows[m][i], outputs[i]);
          errors[m] += Vectors.dot(error, error);
          squares[m] += Vectors.dot(outputs[i], outputs[i]);
          for (int j = 0; j < outputs[i].length; j++) {
            totals[m][j] += outputs[i][j];
          }
        }
      }
    }

    CrossEvaluation evaluation() {
      List<Output> outputs = new ArrayList<>();
      for (int m = 0; m < errors.length; m++) {
        double variance = squares[m] - DoubleVectors.dot(totals[m], totals[m]) / tokens;
        outputs.add(
            new Output(
                kind.outputs().get(m).name(),
                errors[m] / variance,
                spliced[m] / tokens,
                ablated[m] / tokens));
      }
      long used = IntStream.range(0, active.length).filter(f -> active[f]).count();
      return new CrossEvaluation(
          tokens,
          count / (double) tokens,
          loss / tokens,
          Double.NaN,
          Double.NaN,
          outputs,
          active.length - used);
    }
  }
}
