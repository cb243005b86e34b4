package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A cross-layer transcoder (Ameisen et al. 2025,
 * transformer-circuits.pub/2025/attribution-graphs/methods.html): which features of the residual
 * stream explain the outputs of all feed-forward blocks together? A feature of layer l reads x_l
 * and writes to the outputs of the layers l to L − 1, {@code h_l = σ(x_l W_enc,lᵀ + b_enc,l)} [F],
 * {@code ŷ_m = b_dec,m + Σ_{l ≤ m} h_l W_dec,l,m} [d]. A computation that several layers amplify is
 * one feature. The activation function is JumpReLU if there are thresholds, otherwise ReLU.
 *
 * <p>Files are those of circuit-tracer: {@code W_enc_0.safetensors} with {@code W_enc_0} [F, d],
 * {@code b_enc_0}, {@code b_dec_0} and perhaps {@code threshold_0}, {@code W_dec_0.safetensors}
 * with {@code W_dec_0} [F, L, d], and so on; layer l has decoders [F, L − l, d]. Decoders are read
 * from the mapped files when they are needed, encoders a layer at a time.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/graphs.md"
 */
public final class CrossLayerTranscoder implements AutoCloseable {
  /** Rows that are encoded at once. */
  private static final int ROWS = 64;

  private final Arena arena;
  private final Executor executor;
  private final List<Layer> layers;

  /** The features that read the stream of a layer. */
  private static final class Layer {
    final Safetensors file;
    final String encoder;
    final int features;
    final int width;
    final BlockInput input;
    final float[] bias;
    final float[] outputBias;
    final float @Nullable [] threshold;
    final Safetensors decoders;
    final SafetensorsTensor decoder;

    Layer(Safetensors file, Safetensors decoders, int layer, int layers, BlockInput input, int d) {
      this.file = file;
      this.decoders = decoders;
      this.input = input;
      this.encoder = "W_enc_" + layer;
      String thresholds = "threshold_" + layer;
      SaeWeights.requireOnly(file, Set.of(encoder, "b_enc_" + layer, "b_dec_" + layer, thresholds));
      this.features =
          file.find(encoder)
              .filter(tensor -> tensor.shape().size() == 2)
              .map(tensor -> Math.toIntExact(tensor.shape().getFirst()))
              .orElse(0);
      this.width = d;
      FloatTensors.tensor(file, encoder, features, d);
      this.bias = FloatTensors.values(file, "b_enc_" + layer, features);
      this.outputBias = FloatTensors.values(file, "b_dec_" + layer, d);
      this.threshold =
          file.find(thresholds).isPresent()
              ? CircuitTracerTranscoder.threshold(file, thresholds, features)
              : null;
      this.decoder = FloatTensors.tensor(decoders, "W_dec_" + layer, features, layers - layer, d);
    }

    /** Returns the encoder as the file has it, [F][d]. */
    float[][] encoder() {
      return FloatTensors.rows(file, encoder, features, width);
    }
  }

  private CrossLayerTranscoder(Arena arena, Executor executor, List<Layer> layers) {
    this.arena = arena;
    this.executor = executor;
    this.layers = List.copyOf(layers);
  }

  /** Returns whether a directory has the files of a cross-layer transcoder. */
  public static boolean isIn(Path directory) {
    return layers(directory) > 0;
  }

  /** Returns the number of layers of a cross-layer transcoder in a directory, 0 without one. */
  public static int layers(Path directory) {
    int count = 0;
    while (FileStatus.exists(file(directory, "W_enc_", count))) {
      count++;
    }
    return count;
  }

  private static Path file(Path directory, String name, int layer) {
    return directory.resolve(name + layer + ".safetensors");
  }

  /**
   * Opens a directory. Without {@code config.yaml}, which names the hook points, features read
   * {@code hook_resid_mid} and write {@code hook_mlp_out}, as in circuit-tracer.
   *
   * @throws ModelFileException if a file is missing, damaged or inconsistent, or there are other
   *     layers than in the model
   * @throws dev.vidrio.error.UnsupportedModelException if it reads or writes other activations
   */
  public static CrossLayerTranscoder open(Lens lens, Path directory) {
    int count = lens.model().architecture().layers();
    int d = lens.model().architecture().width();
    Arena arena = Arena.ofShared();
    try {
      int found = layers(directory);
      if (found != count) {
        throw new ModelFileException(
            directory.toString(),
            "layers",
            Integer.toString(found),
            "must be " + count + ", as in the model");
      }
      CircuitTracerConfig config = CircuitTracerConfig.ofCrossLayer(directory);
      List<Layer> layers = new ArrayList<>();
      for (int l = 0; l < count; l++) {
        BlockInput.output(lens, config.file(), l, config.output());
        Safetensors encoders = Safetensors.open(file(directory, "W_enc_", l), arena);
        Safetensors decoders = Safetensors.open(file(directory, "W_dec_", l), arena);
        BlockInput input = BlockInput.of(lens, config.file(), l, config.input());
        layers.add(new Layer(encoders, decoders, l, count, input, d));
      }
      return new CrossLayerTranscoder(arena, lens.model().executor(), layers);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns L, the number of layers. */
  public int layers() {
    return layers.size();
  }

  /** Returns F, the number of features of a layer. */
  public int features(int layer) {
    return layer(layer).features;
  }

  /** Returns the hook point that the features of a layer read. */
  public HookPoint input(int layer) {
    return layer(layer).input.point();
  }

  /** Returns the hook point of a layer that features write to. */
  public HookPoint output(int layer) {
    Preconditions.requireRange("layer", layer, 0, layers() - 1);
    return new HookPoint(HookSite.MLP_OUT, layer);
  }

  /** Returns the features that read a layer; closing them does not close the transcoder. */
  public FeatureDictionary dictionary(int layer) {
    Preconditions.requireRange("layer", layer, 0, layers() - 1);
    return new CrossLayerFeatures(this, layer);
  }

  private Layer layer(int layer) {
    Preconditions.requireRange("layer", layer, 0, layers() - 1);
    return layers.get(layer);
  }

  /** Returns the active features of a layer for each of some activations [d]. */
  public List<Features> encode(int layer, float[][] rows) {
    Layer in = layer(layer);
    float[] bias = in.bias.clone();
    float[][] encoder = in.encoder();
    in.input.foldBias(encoder, bias);
    in.input.fold(encoder);
    List<Features> features = new ArrayList<>();
    try (var product = MatrixProduct.of(executor, encoder, Math.clamp(rows.length, 1, ROWS))) {
      for (int begin = 0; begin < rows.length; begin += ROWS) {
        float[][] part = Arrays.copyOfRange(rows, begin, Math.min(rows.length, begin + ROWS));
        for (float[] products : product.of(part)) {
          features.add(SparseAutoencoder.positive(products, bias, in.threshold));
        }
      }
    }
    return features;
  }

  /**
   * Returns the direction of a feature in the input, [d]: its product with an input is the
   * feature's pre-activation, but for a bias.
   *
   * @throws InvalidInputException if the feature does not exist
   */
  public float[] inputDirection(int layer, int feature) {
    Layer in = layer(layer);
    Preconditions.requireRange("feature", feature, 0, in.features - 1);
    SafetensorsTensor tensor = FloatTensors.tensor(in.file, in.encoder, in.features, in.width);
    float[][] row = {FloatTensors.range(in.file, tensor, (long) feature * in.width, in.width)};
    in.input.fold(row);
    return row[0];
  }

  /**
   * Returns the directions that a feature of layer l writes, [L − l][d]: to the output of its own
   * layer and of each later one.
   *
   * @throws InvalidInputException if the feature does not exist
   */
  public float[][] directions(int layer, int feature) {
    Layer in = layer(layer);
    Preconditions.requireRange("feature", feature, 0, in.features - 1);
    var directions = new float[layers() - layer][];
    for (int m = 0; m < directions.length; m++) {
      long begin = ((long) feature * directions.length + m) * in.width;
      directions[m] = FloatTensors.range(in.decoders, in.decoder, begin, in.width);
    }
    return directions;
  }

  /**
   * Returns the norms of a feature's {@link #directions}, [L]: 0 for the layers before its own.
   *
   * @throws InvalidInputException if the feature does not exist
   */
  public double[] norms(int layer, int feature) {
    var norms = new double[layers()];
    float[][] directions = directions(layer, feature);
    for (int m = layer; m < norms.length; m++) {
      norms[m] = Vectors.norm(directions[m - layer]);
    }
    return norms;
  }

  /**
   * Returns the direction that a feature adds to the residual stream in all layers together, the
   * sum of its {@link #directions}, [d].
   *
   * @throws InvalidInputException if the feature does not exist
   */
  public float[] direction(int layer, int feature) {
    var sum = new float[layer(layer).width];
    for (float[] direction : directions(layer, feature)) {
      Vectors.add(sum, direction);
    }
    return sum;
  }

  /** Returns the constant part of a layer's output, b_dec [d]. */
  public float[] bias(int layer) {
    return layer(layer).outputBias.clone();
  }

  @Override
  public void close() {
    arena.close();
  }
}
