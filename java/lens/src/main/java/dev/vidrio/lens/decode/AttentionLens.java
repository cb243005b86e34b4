package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The attention lens (Sakarvadia et al. 2023, arXiv 2310.16270): what does the output of one head
 * predict by itself? A learned affine map per head takes the mean of the values that it attends to,
 * z_h [d_h], to the basis of the last residual stream:
 *
 * <pre>LN_f(z_h A_h + b_h) W_U</pre>
 *
 * <p>A_h starts as the head's part of W_O, {@link AttentionLensTrainer} fits it to the model's own
 * predictions. Sakarvadia et al. learn d × V matrices; here the final norm and the unembedding are
 * the model's, as for a {@link TunedLens}, so that a head takes 4 · d · (d_h + 1) bytes. Unlike the
 * logit lens of a head ({@link dev.vidrio.lens.inspect.ComponentLens}), this is not what the head
 * adds to the logits, but what can be read from it.
 *
 * <p>Safe for concurrent reads after training.
 *
 * @see "docs/lens/lenses.md"
 */
public final class AttentionLens {
  /**
   * A head.
   *
   * @param layer from 0
   * @param head from 0
   */
  public record Head(int layer, int head) {
    /** Returns the name, such as {@code L3.H5}. */
    @Override
    public String toString() {
      return "L" + layer + ".H" + head;
    }

    private String tensor(String part) {
      return new HookPoint(HookSite.Z, layer) + "." + head + "." + part;
    }
  }

  /**
   * The predictions of heads in a text.
   *
   * @param tokens the text
   * @param from the position of column 0
   * @param heads a row each
   * @param cells [heads][positions]
   * @param token a token; every cell also has its standing; −1 for none
   */
  public record Reading(
      List<Integer> tokens,
      int from,
      List<Head> heads,
      List<List<LogitLens.Cell>> cells,
      int token) {
    public Reading {
      tokens = List.copyOf(tokens);
      heads = List.copyOf(heads);
      cells = cells.stream().map(List::copyOf).toList();
    }
  }

  /** The rows of A, [d][d_h], then b, [d]. */
  private final Map<Head, float[][]> maps;

  private AttentionLens(Map<Head, float[][]> maps) {
    this.maps = maps;
  }

  /** Returns a lens of the heads at hook points of z, with the maps of W_O. */
  static AttentionLens initial(Lens lens, List<HookPoint> points) {
    HookMap hooks = HookMap.of(lens.model());
    Map<Head, float[][]> maps = new LinkedHashMap<>();
    for (HookPoint point : points) {
      requireZ(point);
      int layer = point.layer();
      var out = new HookPoint(HookSite.ATTN_OUT, layer);
      ModelMatrices matrices = ModelMatrices.of(lens);
      float[][] rows = matrices.rows(out, 0, matrices.height(out));
      List<Op> path = hooks.afterAttention(layer);
      for (float[] row : rows) {
        HeadOutputs.undivided(path, row);
      }
      int heads = hooks.heads(layer);
      int width = rows.length / heads;
      for (int h = 0; h < heads; h++) {
        float[][] own = Arrays.copyOfRange(rows, h * width, (h + 1) * width);
        float[][] columns = MatrixProduct.transposed(own);
        float[][] map = Arrays.copyOf(columns, columns.length + 1);
        map[columns.length] = new float[columns.length];
        maps.put(new Head(layer, h), map);
      }
    }
    return new AttentionLens(maps);
  }

  private static void requireZ(HookPoint point) {
    Preconditions.require(
        point.site() == HookSite.Z, "hook", point.name(), "must be an attn.hook_z");
  }

  /** Returns the heads with a map, layer by layer. */
  public List<Head> heads() {
    return List.copyOf(maps.keySet());
  }

  /** Returns the rows of A, then b. */
  float[][] map(Head head) {
    float[][] map = maps.get(head);
    if (map == null) {
      throw new InvalidInputException("head", head.toString(), "has no map in this lens");
    }
    return map;
  }

  /** Returns the patterns of the points that the lens reads. */
  String hooks() {
    return String.join(
        ",",
        maps.keySet().stream()
            .map(h -> new HookPoint(HookSite.Z, h.layer()).name())
            .distinct()
            .toList());
  }

  /** Returns z_h A_h + b_h, [d], of row i of a cache. */
  private float[] mapped(ActivationCache cache, Head head, int i) {
    float[][] map = map(head);
    float[] z = z(cache, head, i);
    int d = map.length - 1;
    var mapped = new float[d];
    for (int j = 0; j < d; j++) {
      mapped[j] = (float) (Vectors.dot(map[j], z) + map[d][j]);
    }
    return mapped;
  }

  /** Returns z_h, [d_h], of row i of a cache. */
  float[] z(ActivationCache cache, Head head, int i) {
    float[] all = cache.get(HookSite.Z, head.layer).row(i);
    int width = map(head)[0].length;
    return Arrays.copyOfRange(all, head.head * width, (head.head + 1) * width);
  }

  /**
   * Reads the heads of the lens in a text.
   *
   * @param positions a capture with the positions; its hook points are ignored
   * @param k number of tokens per prediction, at least 1
   * @param token a token; each cell also has its standing; −1 for none
   * @param edits interventions of the run
   * @throws InvalidInputException if the token is not in the vocabulary, or an intervention does
   *     not fit its point
   */
  public Reading read(
      Lens lens, int[] tokens, Capture positions, int k, int token, List<Intervention> edits) {
    if (token >= 0) {
      Preconditions.requireToken(lens.model(), token);
    }
    Preconditions.requirePositive("tokens of a cell", k);
    var end = new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
    List<Head> heads = heads();
    List<List<LogitLens.Cell>> cells = new ArrayList<>();
    heads.forEach(head -> cells.add(new ArrayList<>()));
    try (ActivationCache cache =
            lens.run(tokens, positions.withHooks(hooks() + "," + end.name()), edits);
        Unembedding unembedding = Unembedding.of(lens.model())) {
      for (int i = 0; i < cache.rows(); i++) {
        int row = i;
        float[] whole = unembedding.logits(new float[][] {cache.get(end).row(i)})[0];
        float[][] streams =
            heads.stream().map(head -> mapped(cache, head, row)).toArray(float[][]::new);
        float[][] logits = unembedding.logits(streams);
        List<LogitLens.Cell> column =
            IntStream.range(0, logits.length)
                .parallel()
                .mapToObj(h -> LogitLens.Cell.of(logits[h], whole, k, token))
                .toList();
        for (int h = 0; h < column.size(); h++) {
          cells.get(h).add(column.get(h));
        }
      }
      List<Integer> ids = Arrays.stream(cache.tokens()).boxed().toList();
      return new Reading(ids, cache.from(), heads, cells, token);
    }
  }

  /**
   * Writes the maps: for each head h of layer l the tensors {@code blocks.l.attn.hook_z.h.weight}
   * [d, d_h] and {@code .bias} [d].
   *
   * @param model the name of the model
   * @throws IOException if the file cannot be written
   */
  public void save(Path file, String model) throws IOException {
    List<Entry> entries = new ArrayList<>();
    maps.forEach(
        (head, map) -> {
          long d = map.length - 1L;
          List<Long> shape = List.of(d, (long) map[0].length);
          entries.add(new Entry(head.tensor("weight"), Dtype.F32, shape));
          entries.add(new Entry(head.tensor("bias"), Dtype.F32, List.of(d)));
        });
    try (var writer = SafetensorsWriter.create(file, entries, Map.of("model", model))) {
      for (var entry : maps.entrySet()) {
        float[][] map = entry.getValue();
        for (int j = 0; j < map.length; j++) {
          writer.write(entry.getKey().tensor(j < map.length - 1 ? "weight" : "bias"), map[j]);
        }
      }
      writer.finish();
    }
  }

  /**
   * Reads a file of {@link #save}.
   *
   * @throws ModelFileException if it is missing, damaged or of another model
   */
  public static AttentionLens load(Lens lens, Path path) {
    HookMap hooks = HookMap.of(lens.model());
    int d = lens.model().architecture().width();
    Map<Head, float[][]> maps = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      for (HookPoint point : lens.points()) {
        if (point.site() != HookSite.Z) {
          continue;
        }
        int heads = hooks.heads(point.layer());
        int width = hooks.source(point).width() / heads;
        for (int h = 0; h < heads; h++) {
          var head = new Head(point.layer(), h);
          if (file.find(head.tensor("weight")).isPresent()) {
            float[][] rows = FloatTensors.rows(file, head.tensor("weight"), d, width);
            float[][] map = Arrays.copyOf(rows, d + 1);
            map[d] = FloatTensors.values(file, head.tensor("bias"), d);
            maps.put(head, map);
          }
        }
      }
      if (maps.isEmpty()) {
        throw new ModelFileException(
            path.toString(), "", "", "is not an attention lens of this model");
      }
    }
    return new AttentionLens(maps);
  }
}
