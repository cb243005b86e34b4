package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * The Jacobian lens (Gurnee et al. 2026, program anthropics/jacobian-lens): a {@link LogitLens}
 * that first maps each residual stream to the basis of the last by the mean Jacobian of the last
 * stream, {@code LN_f(J_l x) W_U}. Unlike a {@link TunedLens} it is not trained to predict what the
 * model says: it shows what a stream would make the model say, now or later.
 *
 * <pre>J_l = mean over texts and positions p of Σ_{p' ≥ p} ∂x^L_{p'} / ∂x^l_p</pre>
 *
 * <p>p and p' are the positions of a text without its first, which attend to little and act as
 * attention sinks, and without its last. The Jacobian is that of the forward pass with its
 * attention patterns and norms, computed by backward passes: one per element of the stream and
 * text.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="jacobian"}
 *
 * <p>Safe for concurrent reads.
 *
 * @see LogitLens#of(Lens, int[], dev.vidrio.lens.Capture, int, LogitLens.Translation)
 * @see "docs/lens/lenses.md"
 */
public final class JacobianLens implements LogitLens.Translation {
  /** Number of positions at the beginning of a text that the program jlens leaves out. */
  public static final int SKIP = 16;

  /** The rows of J by residual stream, [d][d]. */
  private final Map<HookPoint, float[][]> jacobians;

  private JacobianLens(Map<HookPoint, float[][]> jacobians) {
    this.jacobians = jacobians;
  }

  /**
   * Computes the mean Jacobians. Takes d forward and backward passes per text, and 4 · d² bytes per
   * residual stream.
   *
   * @param texts of at least {@code skip} + 2 tokens
   * @param hooks names of residual streams; that after the last layer is skipped, since its
   *     Jacobian is the identity
   * @param skip number of positions at the beginning of a text that are left out, such as {@link
   *     #SKIP}
   * @param progress receives the completed fraction, from 0 to 1
   * @throws InvalidInputException if a point is not a residual stream, a text is too short or too
   *     long, or the model has several residual streams
   */
  public static JacobianLens fit(
      Lens lens, List<int[]> texts, String hooks, int skip, DoubleConsumer progress) {
    Preconditions.requireOneStream(lens.model(), "Jacobian lens");
    Preconditions.requireRange("skip", skip, 0, lens.model().architecture().contextLength() - 2);
    Preconditions.require(!texts.isEmpty(), "texts", "0", "must be at least 1");
    int layers = lens.model().architecture().layers();
    var end = new HookPoint(HookSite.RESID_POST, layers - 1);
    List<HookPoint> points = new ArrayList<>(lens.points(hooks));
    points.remove(end);
    points.forEach(Preconditions::requireStream);
    Preconditions.require(
        !points.isEmpty(), "hooks", hooks, "must select a residual stream before the last");
    for (int[] tokens : texts) {
      String limit = "must have at least " + (skip + 2) + " tokens, 2 more than are skipped";
      Preconditions.require(tokens.length >= skip + 2, "text", tokens.length + " tokens", limit);
    }
    int longest = texts.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    String names = String.join(",", points.stream().map(HookPoint::name).toList());
    GradientOptions options = GradientOptions.of(names, longest).withSeeds(end.name());
    int d = lens.model().architecture().width();
    Map<HookPoint, float[][]> sums = new LinkedHashMap<>();
    points.forEach(point -> sums.put(point, new float[d][d]));
    try (GradientSession session = GradientSession.open(lens, options)) {
      for (int t = 0; t < texts.size(); t++) {
        for (int j = 0; j < d; j++) {
          progress.accept((t + (double) j / d) / texts.size());
          add(session, texts.get(t), end, j, skip, texts.size(), sums);
        }
      }
    }
    return new JacobianLens(sums);
  }

  /** Adds row j of the Jacobians of a text. */
  private static void add(
      GradientSession session,
      int[] tokens,
      HookPoint end,
      int j,
      int skip,
      int texts,
      Map<HookPoint, float[][]> sums) {
    session.forward(tokens);
    MemorySegment seed = session.seed(end).data();
    int last = tokens.length - 1;
    int d = Math.toIntExact(seed.byteSize() / Float.BYTES / tokens.length);
    for (int i = skip; i < last; i++) {
      seed.setAtIndex(JAVA_FLOAT, (long) i * d + j, 1);
    }
    session.backward();
    sums.forEach(
        (point, rows) -> {
          MemorySegment gradient = session.gradient(point).data();
          var row = new double[d];
          for (int i = skip; i < last; i++) {
            for (int e = 0; e < d; e++) {
              row[e] += gradient.getAtIndex(JAVA_FLOAT, (long) i * d + e);
            }
          }
          double weight = 1.0 / (last - skip) / texts;
          for (int e = 0; e < d; e++) {
            rows[j][e] += (float) (row[e] * weight);
          }
        });
  }

  /** Returns the residual streams with a Jacobian, in the order of a forward pass. */
  public List<HookPoint> points() {
    return List.copyOf(jacobians.keySet());
  }

  /**
   * Returns a copy of the mean Jacobian at a point, [d][d]: element [j][e] is the derivative of
   * element j of the last residual stream with respect to element e at the point.
   *
   * @throws InvalidInputException if the lens has none at this point
   */
  public float[][] jacobian(HookPoint point) {
    float[][] rows = jacobians.get(point);
    if (rows == null) {
      throw new InvalidInputException("hook", point.name(), "has no Jacobian in this lens");
    }
    return Vectors.copy(rows);
  }

  @Override
  public float[] of(HookPoint point, float[] x) {
    float[][] rows = jacobians.get(point);
    if (rows == null) {
      return x;
    }
    var mapped = new float[x.length];
    for (int j = 0; j < mapped.length; j++) {
      mapped[j] = (float) Vectors.dot(rows[j], x);
    }
    return mapped;
  }

  /**
   * Writes the Jacobians: for each point P the tensor {@code P.jacobian}, [d, d].
   *
   * @param model the name of the model
   * @throws IOException if the file cannot be written
   */
  public void save(Path file, String model) throws IOException {
    List<Entry> entries = new ArrayList<>();
    jacobians.forEach(
        (point, rows) -> {
          List<Long> shape = List.of((long) rows.length, (long) rows.length);
          entries.add(new Entry(point + ".jacobian", Dtype.F32, shape));
        });
    try (var writer = SafetensorsWriter.create(file, entries, Map.of("model", model))) {
      for (var entry : jacobians.entrySet()) {
        for (float[] row : entry.getValue()) {
          writer.write(entry.getKey() + ".jacobian", row);
        }
      }
      writer.finish();
    }
  }

  /**
   * Reads a file of {@link #save}, or the tensors of a file of the program jlens: its dictionary
   * {@code J} as {@code J.l} [d, d], the Jacobian after layer l.
   *
   * @throws ModelFileException if it is missing, damaged or of another model, or pickled by PyTorch
   */
  public static JacobianLens load(Lens lens, Path path) {
    TunedLens.requireNoPickle(
        path,
        "{f'J.{l}': j for l, j in torch.load('"
            + path.getFileName()
            + "', weights_only=True)['J'].items()}");
    int d = lens.model().architecture().width();
    Map<HookPoint, float[][]> jacobians = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      for (HookPoint point : lens.points()) {
        String name = point + ".jacobian";
        if (point.site() == HookSite.RESID_POST && file.find(name).isEmpty()) {
          name = "J." + point.layer();
        }
        if (point.site().isResidualStream() && file.find(name).isPresent()) {
          jacobians.put(point, FloatTensors.rows(file, name, d, d));
        }
      }
      if (jacobians.isEmpty()) {
        throw new ModelFileException(
            path.toString(), "", "", "has no Jacobian of this model, such as 'J.0'");
      }
    }
    return new JacobianLens(jacobians);
  }
}
