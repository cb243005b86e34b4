package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.memory.FloatTensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads transcoders of single layers of circuit-tracer ({@code
 * SingleLayerTranscoder.to_safetensors}): JumpReLU if there is a threshold, otherwise ReLU.
 */
final class CircuitTracerTranscoder {
  private static final String THRESHOLD = "activation_function.threshold";

  private CircuitTracerTranscoder() {}

  static SparseAutoencoder read(Lens lens, Path file, int layer, CircuitTracerConfig config) {
    String activation = config.activation();
    if (!List.of("", "relu", "jump_relu").contains(activation)) {
      throw new UnsupportedModelException(
          config.file(), "key 'activation' " + activation, "supported: relu, jump_relu");
    }
    BlockInput input = BlockInput.of(lens, config.file(), layer, config.input());
    HookPoint out = BlockInput.output(lens, config.file(), layer, config.output());
    try (Arena arena = Arena.ofConfined()) {
      Safetensors tensors = Safetensors.open(file, arena);
      SaeWeights.requireOnly(
          tensors, Set.of("W_enc", "b_enc", "W_dec", "b_dec", "W_skip", THRESHOLD));
      float[][] encoder = FloatTensors.matrix(tensors, "W_enc");
      Map<String, float[]> vectors = new LinkedHashMap<>();
      vectors.put("b_enc", FloatTensors.values(tensors, "b_enc", encoder.length));
      boolean jumps = tensors.find(THRESHOLD).isPresent() && !activation.equals("relu");
      if (jumps) {
        vectors.put("threshold", threshold(tensors, THRESHOLD, encoder.length));
      }
      SaeWeights weights = SaeWeights.ofBlock(lens, tensors, input, encoder, vectors);
      return new SparseAutoencoder(
          lens.model().executor(),
          SaeConfig.transcoder(
              jumps ? SaeConfig.Activation.JUMPRELU : SaeConfig.Activation.RELU,
              weights,
              0,
              input.point().name(),
              out.name()),
          weights);
    }
  }

  /** Returns thresholds, which must not be negative: values below 0 would be active. */
  static float[] threshold(Safetensors tensors, String name, int features) {
    float[] threshold = FloatTensors.values(tensors, name, features);
    for (int f = 0; f < features; f++) {
      if (threshold[f] < 0) {
        throw new ModelFileException(
            tensors.name(),
            "element " + f + " of tensor '" + name + "'",
            Float.toString(threshold[f]),
            "must be 0 or more");
      }
    }
    return threshold;
  }
}
