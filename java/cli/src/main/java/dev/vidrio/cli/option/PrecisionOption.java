package dev.vidrio.cli.option;

import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.session.SessionOptions;
import picocli.CommandLine.Option;

/** The options that trade precision for memory or speed. */
public final class PrecisionOption {
  @Option(
      names = "--kv",
      paramLabel = "TYPE",
      description =
          "Element type of the key-value cache: ${COMPLETION-CANDIDATES}. Default:"
              + " ${DEFAULT-VALUE}. F32 takes twice the memory of F16, Q8_0 half of it, Q4_0 0.3 of"
              + " it.")
  private KvType type = SessionOptions.DEFAULT_KV_TYPE;

  @Option(
      names = "--arithmetic",
      paramLabel = "NAME",
      description =
          "Arithmetic of matrix products: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}. bf16"
              + " is closer to float activations; 'vidrio doctor' says what it costs here.")
  private Arithmetic arithmetic = Arithmetic.INT8;

  /** Returns the element type of the key-value cache. */
  public KvType kvType() {
    return type;
  }

  /** Returns the arithmetic of matrix products. */
  public Arithmetic arithmetic() {
    return arithmetic;
  }
}
