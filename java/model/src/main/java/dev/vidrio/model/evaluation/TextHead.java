package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.huggingface.SentenceModules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Layers after the pooling of a text's vectors, as a model file has them: dense layers of an
 * embedding, or a classifier. A layer computes {@code y = f(W x + b)}; each element of y is one
 * accumulator from +0 with fma over ascending i, then b is added, so that its bits do not depend on
 * the machine.
 */
final class TextHead {
  private static final int MAX_MODULES = 16;

  /** Activation functions of layers. */
  enum Function {
    IDENTITY,
    TANH,
    /** The exact GELU, {@code x · Φ(x)}. */
    GELU;

    float apply(float x) {
      return switch (this) {
        case IDENTITY -> x;
        case TANH -> (float) StrictMath.tanh(x);
        case GELU -> (float) (x * 0.5 * (1 + erf(x / StrictMath.sqrt(2))));
      };
    }
  }

  /**
   * Returns the error function, by the series of positive terms {@code 2 / √π · exp(−x²) · Σ 2ⁿ
   * x²ⁿ⁺¹ / (2n + 1)!!}.
   */
  static double erf(double x) {
    if (Math.abs(x) > 6) {
      return Math.signum(x); // within 2⁻⁵³
    }
    double term = x;
    double sum = 0;
    for (int n = 1; sum + term != sum; n++) {
      sum += term;
      term *= 2 * x * x / (2 * n + 1);
    }
    return 2 / StrictMath.sqrt(Math.PI) * StrictMath.exp(-x * x) * sum;
  }

  /** A layer, with W transposed: columns [in, out]. */
  private static final class Layer {
    private final int in;
    private final int out;
    private final float[] columns;
    private final float @Nullable [] bias;
    private final Function function;
    private final float @Nullable [] norm;

    Layer(Gguf gguf, String name, Function function, @Nullable String norm) {
      GgufTensor weight = gguf.tensor(name + ".weight");
      this.in = Math.toIntExact(weight.dim(0));
      this.out = Math.toIntExact(weight.dim(1));
      float[] rows = floats(gguf, weight);
      this.columns = new float[rows.length];
      for (int row = 0; row < out; row++) {
        for (int i = 0; i < in; i++) {
          columns[i * out + row] = rows[row * in + i];
        }
      }
      this.bias = vector(gguf, name + ".bias", out);
      this.norm = norm == null ? null : vector(gguf, norm + ".weight", out);
      this.function = function;
    }

    float[] apply(float[] x) {
      var y = new float[out];
      for (int i = 0; i < in; i++) {
        float factor = x[i];
        for (int j = 0; j < out; j++) {
          y[j] = Math.fma(factor, columns[i * out + j], y[j]);
        }
      }
      for (int j = 0; j < out; j++) {
        y[j] = function.apply(bias == null ? y[j] : y[j] + bias[j]);
      }
      return norm == null ? y : normalized(y, norm);
    }

    /** Returns LayerNorm of y with a gain, without a bias. */
    private static float[] normalized(float[] y, float[] gain) {
      double mean = 0;
      for (float value : y) {
        mean += value;
      }
      mean /= y.length;
      double variance = 0;
      for (float value : y) {
        variance += (value - mean) * (value - mean);
      }
      double scale = 1 / Math.sqrt(variance / y.length + NORM_EPSILON);
      var result = new float[y.length];
      for (int i = 0; i < y.length; i++) {
        result[i] = (float) ((y[i] - mean) * scale * gain[i]);
      }
      return result;
    }
  }

  private static final double NORM_EPSILON = 1e-5;

  private final Pooling pooling;
  private final boolean normalize;
  private final List<Layer> layers;
  private final List<String> labels;
  private final int width;

  private TextHead(
      Pooling pooling, boolean normalize, List<Layer> layers, List<String> labels, int width) {
    this.pooling = pooling;
    this.normalize = normalize;
    this.layers = layers;
    this.labels = labels;
    this.width = layers.isEmpty() ? width : layers.getLast().out;
    int n = width;
    for (Layer layer : layers) {
      if (layer.in != n) {
        throw new IllegalStateException("layers of widths " + n + " and " + layer.in);
      }
      n = layer.out;
    }
  }

  /** The heads of a model. */
  record Heads(TextHead embedding, Optional<TextHead> classifier) {}

  /** Returns the embedding head of a model. */
  static TextHead embedding(Model model) {
    return heads(model).embedding;
  }

  /** Returns the classifier of a model, if it has one. */
  static Optional<TextHead> classifier(Model model) {
    return heads(model).classifier;
  }

  private static Heads heads(Model model) {
    return model.cached(Heads.class, arena -> read(model));
  }

  private static Heads read(Model model) {
    Gguf gguf = model.gguf();
    Metadata metadata = gguf.metadata();
    String prefix = metadata.string("general.architecture") + ".";
    int width = model.architecture().width();
    Pooling pooling =
        switch (metadata.intValue(prefix + "pooling_type", 0, 4, 1)) {
          case 2 -> Pooling.FIRST;
          case 3 -> Pooling.LAST;
          default -> Pooling.MEAN;
        };
    if (metadata.optionalString(SentenceModules.POOLING).filter("max"::equals).isPresent()) {
      pooling = Pooling.MAX;
    }
    List<Layer> dense = new ArrayList<>();
    for (int i = 0; i < MAX_MODULES; i++) {
      String name = "dense_" + i;
      if (gguf.findTensor(name + ".weight").isPresent()) {
        String function =
            metadata.optionalString(SentenceModules.ACTIVATION + name).orElse("Identity");
        dense.add(
            new Layer(
                gguf, name, function.equals("Tanh") ? Function.TANH : Function.IDENTITY, null));
      }
    }
    boolean normalize = metadata.boolValue(SentenceModules.NORMALIZE, false);
    var embedding = new TextHead(pooling, normalize, dense, List.of(), width);
    return new Heads(embedding, classifier(gguf, prefix, width));
  }

  private static Optional<TextHead> classifier(Gguf gguf, String prefix, int width) {
    boolean hidden = gguf.findTensor("cls.weight").isPresent();
    boolean output = gguf.findTensor("cls.output.weight").isPresent();
    if (!hidden && !output) {
      return Optional.empty();
    }
    Metadata metadata = gguf.metadata();
    boolean modern = prefix.equals("modern-bert.");
    List<Layer> layers = new ArrayList<>();
    if (hidden) {
      boolean normalized = gguf.findTensor("cls.norm.weight").isPresent();
      Function function = modern ? Function.GELU : Function.TANH;
      layers.add(new Layer(gguf, "cls", function, normalized ? "cls.norm" : null));
    }
    if (output) {
      layers.add(new Layer(gguf, "cls.output", Function.IDENTITY, null));
    }
    int pooling = metadata.intValue(prefix + "classifier.pooling_type", 0, 4, modern ? 1 : 2);
    String key = prefix + "classifier.output_labels";
    List<String> labels = metadata.contains(key) ? metadata.strings(key) : List.of();
    return Optional.of(
        new TextHead(pooling == 1 ? Pooling.MEAN : Pooling.FIRST, false, layers, labels, width));
  }

  /** Returns whether it has no layers. */
  boolean isEmpty() {
    return layers.isEmpty();
  }

  /** Returns whether the result of a mean is the mean of the results. */
  boolean isAffine() {
    return layers.stream().allMatch(l -> l.function == Function.IDENTITY && l.norm == null);
  }

  /** Returns how vectors of tokens are combined. */
  Pooling pooling() {
    return pooling;
  }

  /** Returns whether vectors are divided by their length. */
  boolean normalize() {
    return normalize;
  }

  /** Returns the names of classes, or an empty list if the file does not name them. */
  List<String> labels() {
    return labels;
  }

  /** Returns the number of elements of a result. */
  int width() {
    return width;
  }

  /** Returns the result for the pooled vector of a text. */
  float[] apply(float[] pooled) {
    float[] x = pooled;
    for (Layer layer : layers) {
      x = layer.apply(x);
    }
    return x;
  }

  private static float @Nullable [] vector(Gguf gguf, String name, int n) {
    if (gguf.findTensor(name).isEmpty()) {
      return null;
    }
    float[] values = floats(gguf, gguf.tensor(name));
    if (values.length != n) {
      throw new ModelFileException(
          gguf.name(),
          "tensor '" + name + "' shape",
          gguf.tensor(name).shape().toString(),
          "must be [" + n + "]");
    }
    return values;
  }

  private static float[] floats(Gguf gguf, GgufTensor tensor) {
    var values = new float[Math.toIntExact(Math.multiplyExact(tensor.dim(0), tensor.dim(1)))];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F32 -> tensor.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            case F16 -> Float.float16ToFloat(tensor.data().getAtIndex(JAVA_SHORT_UNALIGNED, i));
            case BF16 ->
                Float.intBitsToFloat(
                    tensor.data().getAtIndex(JAVA_SHORT_UNALIGNED, i) << Short.SIZE);
            default ->
                throw new UnsupportedModelException(
                    gguf.name(),
                    "type " + tensor.type() + " of tensor '" + tensor.name() + "'",
                    "heads are F32, F16 or BF16");
          };
    }
    return values;
  }
}
