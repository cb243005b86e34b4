package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.detect.CorpusStatistics.SinkKeys;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The effect of a neuron on how strongly later heads attend to the first position, where a head
 * rests (Gurnee et al. 2024, arXiv 2401.12181): {@code w_out W_Q k₀ᵀ}, times the scale of the
 * scores, by the weights and the mean key k₀ of position 0 over a corpus. A neuron that raises the
 * score of the first position <i>deactivates</i> the head at its token, and one that lowers it
 * <i>activates</i> the head.
 *
 * <p>With rotary positions, the score is the mean over the distances 1 to 128. The divisor of the
 * norm before attention is its mean over the corpus; biases and the divisors of norms of queries
 * and after feed-forward blocks are ignored.
 *
 * @param layer of the neuron, from 0
 * @param neuron from 0
 * @param head of a later layer, with the effect that is largest in magnitude
 * @param score the change of the head's score for position 0 if the activation rises by 1
 * @see "docs/lens/corpus.md"
 */
public record SinkEffect(int layer, int neuron, Node.Head head, double score) {
  /** Returns the name of the neuron, such as {@code L3.N250}. */
  public String name() {
    return "L" + layer + ".N" + neuron;
  }

  /** The largest distance of a query from position 0. */
  private static final int DISTANCES = 128;

  /** A head's reaction to what is written into the residual stream, [d]. */
  private static final class Reader {
    final Node.Head head;
    final float[] direction;

    Reader(Node.Head head, float[] direction) {
      this.head = head;
      this.direction = direction;
    }
  }

  /**
   * Computes the effects of all neurons that have a later head.
   *
   * @param keys of the first position, from {@link CorpusStatistics#sinks}
   * @return by layer and neuron
   * @throws InvalidInputException if queries or keys of a layer are not products of the residual
   *     stream, as in latent attention
   */
  public static List<SinkEffect> of(Lens lens, List<SinkKeys> keys) {
    List<Reader> readers = new ArrayList<>();
    keys.forEach(key -> readers.addAll(readers(lens, key)));
    List<SinkEffect> effects = new ArrayList<>();
    for (int layer : NeuronWeights.layers(lens)) {
      List<Reader> later = readers.stream().filter(r -> r.head.layer() > layer).toList();
      if (!later.isEmpty()) {
        float[][] out = NeuronOutputs.directions(lens, layer);
        effects.addAll(
            IntStream.range(0, out.length)
                .parallel()
                .mapToObj(u -> strongest(layer, u, out[u], later))
                .toList());
      }
    }
    return List.copyOf(effects);
  }

  private static SinkEffect strongest(int layer, int neuron, float[] out, List<Reader> later) {
    var best = new SinkEffect(layer, neuron, later.getFirst().head, 0);
    for (Reader reader : later) {
      double score = Vectors.dot(out, reader.direction);
      if (Math.abs(score) > Math.abs(best.score)) {
        best = new SinkEffect(layer, neuron, reader.head, score);
      }
    }
    return best;
  }

  private static List<Reader> readers(Lens lens, SinkKeys key) {
    HookMap hooks = HookMap.of(lens.model());
    List<HeadMatrices> heads = HeadMatrices.of(lens, key.layer());
    var source = (HookSource.Scores) hooks.source(new HookPoint(HookSite.ATTN_SCORES, key.layer()));
    double scale = source.attention().scale() / key.divisor();
    float[][] targets = targets(lens, hooks, key, heads.size());
    List<Reader> readers = new ArrayList<>();
    for (int h = 0; h < heads.size(); h++) {
      float[][] queries = heads.get(h).qk().left();
      var direction = new float[queries.length];
      for (int j = 0; j < direction.length; j++) {
        direction[j] = (float) (scale * Vectors.dot(queries[j], targets[h]));
      }
      readers.add(new Reader(new Node.Head(key.layer(), h), direction));
    }
    return readers;
  }

  /**
   * Returns the key of each query head as queries before their rotation see it, [H][d_h]: the mean
   * of {@code R_tᵀ k₀} over distances t.
   */
  private static float[][] targets(Lens lens, HookMap hooks, SinkKeys key, int heads) {
    int group = heads / key.keys().size();
    HookPoint rotated = new HookPoint(HookSite.ROT_Q, key.layer());
    if (!hooks.has(rotated)) {
      return IntStream.range(0, heads)
          .mapToObj(h -> key.keys().get(h / group))
          .toArray(float[][]::new);
    }
    Buffer q = hooks.buffer(new HookPoint(HookSite.Q, key.layer()));
    Buffer y = hooks.buffer(rotated);
    int width = q.width() / heads;
    var targets = new float[heads][width];
    int distances = Math.min(DISTANCES, lens.model().architecture().contextLength() - 1);
    int rows = distances + 1;
    try (var plan = new RowPlan(lens.model().executor(), q, hooks.between(q, y), y, rows)) {
      for (int j = 0; j < width; j++) {
        int element = j;
        // Row t is at position t: a unit vector of each head is rotated by each distance.
        plan.run(
            rows,
            (t, row) -> {
              row.fill((byte) 0);
              for (int h = 0; h < heads; h++) {
                row.setAtIndex(JAVA_FLOAT, (long) h * width + element, 1);
              }
            },
            (t, row) -> {
              float[] all = row.toArray(JAVA_FLOAT);
              for (int h = 0; t > 0 && h < heads; h++) {
                float[] unit = Arrays.copyOfRange(all, h * width, (h + 1) * width);
                targets[h][element] +=
                    (float) (Vectors.dot(unit, key.keys().get(h / group)) / distances);
              }
            });
      }
    }
    return targets;
  }
}
