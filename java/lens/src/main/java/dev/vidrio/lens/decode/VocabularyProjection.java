package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Projects weight vectors onto the vocabulary (Geva et al. 2022, arXiv 2203.14680; Dar et al. 2023,
 * arXiv 2209.02535): the tokens with logits that a vector increases when added to the residual
 * stream, and those with embeddings that align with it.
 *
 * @see "docs/lens/decoding.md"
 */
public final class VocabularyProjection {
  private VocabularyProjection() {}

  /** A token and its score. */
  public record Score(int token, double value) {}

  /**
   * Projects an output vector: the logits {@code LN_f(v) W_U}, where the norm multiplies its gain
   * and scales any vector to one length. Biases are ignored.
   *
   * @param vector [d]
   * @param k number of tokens, in descending order; those of the negated vector are the most
   *     decreased ones
   */
  public static List<Score> written(Lens lens, float[] vector, int k) {
    int d = requireWidth(lens, vector);
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      float[][] logits = unembedding.logits(new float[][] {vector, new float[d]});
      return greatest(Vectors.minus(logits[0], logits[1]), k);
    }
  }

  /**
   * Projects many output vectors as {@link #written(Lens, float[], int)}, after scaling each to the
   * root mean square 1, since the epsilon of the norm would outweigh those as small as gradients.
   *
   * @param vectors [n][d]
   * @param k number of tokens, in descending order
   * @return [n] of [k]
   */
  public static List<List<Score>> written(Lens lens, float[][] vectors, int k) {
    List<List<Score>> scores = new ArrayList<>();
    project(lens, vectors, logits -> scores.add(greatest(logits, k)));
    return scores;
  }

  /**
   * The tokens with the logits that a vector raises most, and those with the logits that it lowers
   * most.
   */
  public record Effects(List<Score> promoted, List<Score> suppressed) {
    public Effects {
      promoted = List.copyOf(promoted);
      suppressed = List.copyOf(suppressed);
    }
  }

  /**
   * Returns the effects of many output vectors, scaled as in {@link #written(Lens, float[][],
   * int)}.
   *
   * @param vectors [n][d]
   * @param k number of promoted tokens, and of suppressed ones, the strongest effect first
   * @return [n]
   */
  public static List<Effects> effects(Lens lens, float[][] vectors, int k) {
    List<Effects> effects = new ArrayList<>();
    project(
        lens,
        vectors,
        logits -> {
          List<Score> promoted = greatest(logits, k);
          Vectors.scale(logits, -1);
          List<Score> suppressed =
              greatest(logits, k).stream()
                  .map(score -> new Score(score.token(), -score.value()))
                  .toList();
          effects.add(new Effects(promoted, suppressed));
        });
    return effects;
  }

  /** Passes the logits of each vector, scaled to the root mean square 1, in order. */
  private static void project(Lens lens, float[][] vectors, Consumer<float[]> taker) {
    int d = lens.model().architecture().width();
    var scaled = new float[vectors.length][];
    for (int i = 0; i < vectors.length; i++) {
      requireWidth(lens, vectors[i]);
      double length = Vectors.norm(vectors[i]);
      scaled[i] = vectors[i].clone();
      Vectors.scale(scaled[i], (float) (length > 0 ? Math.sqrt(d) / length : 0));
    }
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      float[] zero = unembedding.logits(new float[1][d])[0];
      unembedding.logits(
          scaled, (row, logits) -> taker.accept(Vectors.minus(logits.toArray(JAVA_FLOAT), zero)));
    }
  }

  /**
   * Projects an input direction of a layer's heads: {@code ⟨x̂, u⟩} for each token's embedding,
   * where x̂ is the output of the norm before attention without its gain, or the embedding in
   * models without this norm.
   *
   * @param layer that reads; after the first feed-forward block, embeddings are effective ones,
   *     which include its output
   * @param direction u, [d], with gains multiplied in
   * @param k number of tokens, in descending order
   */
  public static List<Score> read(Lens lens, int layer, float[] direction, int k) {
    return read(lens, layer, values(lens, layer), direction, k);
  }

  /**
   * Projects an input direction of the matrix that computes the activation at a point, such as
   * {@code mlp.hook_pre}, as {@link #read(Lens, int, float[], int)} does for heads.
   *
   * @param reader the point
   * @param direction u, [d], with gains multiplied in
   * @param k number of tokens, in descending order
   * @throws InvalidInputException if the activation is not the product of one matrix
   */
  public static List<Score> read(Lens lens, HookPoint reader, float[] direction, int k) {
    return read(lens, reader.layer(), reader, direction, k);
  }

  private static List<Score> read(
      Lens lens, int layer, HookPoint reader, float[] direction, int k) {
    requireWidth(lens, direction);
    var scores = new float[lens.model().architecture().vocabulary()];
    int[] tokens = IntStream.range(0, scores.length).toArray();
    embeddings(
        lens,
        layer,
        reader,
        tokens,
        (token, x) -> scores[token] = (float) Vectors.dot(x, direction));
    return greatest(scores, k);
  }

  /** Returns the point of the values that the heads of a layer read. */
  private static HookPoint values(Lens lens, int layer) {
    return new HookPoint(HookSite.V, HookMap.of(lens.model()).keysOf(layer));
  }

  /** Returns the embedding x̂ of a token as in {@link #read(Lens, int, float[], int)}. */
  public static float[] embedding(Lens lens, int layer, int token) {
    Preconditions.requireToken(lens.model(), token);
    List<float[]> found = new ArrayList<>();
    HookPoint values = values(lens, layer);
    embeddings(lens, layer, values, new int[] {token}, (id, x) -> found.add(x));
    return found.getFirst();
  }

  /**
   * Passes the embeddings x̂ of tokens as in {@link #read(Lens, int, float[], int)}, in order.
   *
   * @param taker receives [d] for each
   */
  public static void embeddings(
      Lens lens, int layer, int[] tokens, ModelMatrices.RowConsumer taker) {
    embeddings(lens, layer, values(lens, layer), tokens, taker);
  }

  private static void embeddings(
      Lens lens, int layer, HookPoint reader, int[] tokens, ModelMatrices.RowConsumer taker) {
    Preconditions.requireOneStream(lens.model(), "embeddings as blocks read them");
    ModelMatrices matrices = ModelMatrices.of(lens);
    HookMap hooks = HookMap.of(lens.model());
    Optional<Op.Norm> norm = hooks.normBefore(reader);
    ModelMatrices.RowConsumer normalizing =
        (token, x) -> taker.take(token, norm.map(n -> NormValues.normalized(n, x)).orElse(x));
    if (layer <= hooks.firstMlp().orElse(layer)) {
      matrices.embeddings(tokens, normalizing);
    } else {
      matrices.effectiveEmbeddings(tokens, normalizing);
    }
  }

  /**
   * Returns the output vector of a feature of a dictionary, [d], such as its row of W_dec.
   *
   * @throws InvalidInputException if the dictionary does not have the feature, or its output is
   *     neither the residual stream nor added to it
   */
  public static float[] valueVector(Lens lens, FeatureDictionary dictionary, int feature) {
    requireProjected(lens, dictionary);
    return dictionary.direction(feature);
  }

  /**
   * Checks that the outputs of a dictionary are in the basis of the residual stream.
   *
   * @throws InvalidInputException if one is neither the residual stream nor added to it
   */
  public static void requireProjected(Lens lens, FeatureDictionary dictionary) {
    for (String hook : dictionary.hooksOut()) {
      if (hook.isEmpty()) {
        continue;
      }
      HookSite site = lens.point(hook).site();
      Preconditions.require(
          site.isResidualStream() || (site.isAddedToResidualStream() && site != HookSite.RESULT),
          "output of the dictionary",
          hook,
          "is neither a residual stream nor added to it");
    }
    requireWidth(lens, dictionary.direction(0).length);
  }

  private static int requireWidth(Lens lens, float[] vector) {
    return requireWidth(lens, vector.length);
  }

  private static int requireWidth(Lens lens, int width) {
    int d = lens.model().architecture().width();
    Preconditions.require(width == d, "vector", width + " elements", "must be of " + d);
    return d;
  }

  private static List<Score> greatest(float[] values, int k) {
    Preconditions.requirePositive("tokens", k);
    return Arrays.stream(Vectors.largest(values, k))
        .mapToObj(id -> new Score(id, values[id]))
        .toList();
  }
}
