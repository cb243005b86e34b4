package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import java.nio.file.Path;

/** Reads the configuration of an autoencoder or transcoder of SAELens. */
final class SaeConfigReader {
  private final SaeLensConfig json;

  private SaeConfigReader(SaeLensConfig json) {
    this.json = json;
  }

  static SaeConfig read(Path file) {
    return new SaeConfigReader(SaeLensConfig.read(file)).read();
  }

  private SaeConfig read() {
    String architecture = json.architecture();
    boolean transcoder = architecture.endsWith("transcoder");
    boolean skip = architecture.endsWith("skip_transcoder");
    Activation activation =
        switch (architecture) {
          case "standard" -> ofStandard();
          case "transcoder", "skip_transcoder" -> Activation.RELU;
          case "topk" -> Activation.TOPK;
          case "abstopk" -> Activation.ABSTOPK;
          case "matching_pursuit" -> Activation.MATCHING_PURSUIT;
          case "jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder" -> Activation.JUMPRELU;
          case "batchtopk", "matryoshka_batchtopk" -> Activation.JUMPRELU;
          case "gated" -> Activation.GATED;
          default ->
              throw json.unsupported(
                  "architecture",
                  architecture,
                  "supported: standard, topk, abstopk, matching_pursuit, batchtopk,"
                      + " matryoshka_batchtopk, jumprelu, gated and transcoders; temporal in a"
                      + " directory that is opened alone");
        };
    json.requireNoReshaping();
    int dIn = json.size("d_in");
    String hook = json.hook("hook_name");
    return new SaeConfig(
        activation,
        transcoder,
        skip,
        dIn,
        json.size("d_sae"),
        transcoder ? json.size("d_out") : dIn,
        activation.hasCount() ? json.k() : 0,
        activation == Activation.MATCHING_PURSUIT ? pursuit(dIn) : null,
        !transcoder && json.bool("apply_b_dec_to_input", true),
        json.normalization(),
        rescaled(architecture),
        hook,
        transcoder ? json.hook("hook_name_out") : hook);
  }

  /**
   * Returns whether activations are rescaled. BatchTopK exists only in training files, which
   * rescale by default.
   */
  private boolean rescaled(String architecture) {
    return switch (architecture) {
      case "topk", "abstopk" -> json.bool("rescale_acts_by_decoder_norm", false);
      case "batchtopk", "matryoshka_batchtopk" -> json.bool("rescale_acts_by_decoder_norm", true);
      default -> false;
    };
  }

  /** Returns the activation function of "standard", which had several before version 6. */
  private Activation ofStandard() {
    String name = json.string("activation_fn", json.string("activation_fn_str", "relu"));
    return switch (name) {
      case "relu" -> Activation.RELU;
      case "topk" -> Activation.TOPK;
      default -> throw json.unsupported("activation_fn", name, "supported: relu, topk");
    };
  }

  /** Returns the steps; SAELens takes a threshold below 0 as none. */
  private MatchingPursuit pursuit(int dIn) {
    return new MatchingPursuit(
        Math.max(0, json.number("residual_threshold", 1e-2)),
        json.size("max_iterations", dIn),
        json.bool("stop_on_duplicate_support", true));
  }
}
