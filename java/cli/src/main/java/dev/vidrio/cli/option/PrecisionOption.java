package dev.vidrio.cli.option;

import dev.vidrio.kernel.KvType;
import dev.vidrio.model.session.SessionOptions;
import picocli.CommandLine.Option;

/** The options that trade precision for memory or speed. */
public final class PrecisionOption {
  @Option(
      names = "--kv",
      paramLabel = "TYPE",
      description = "Element type of the key-value cache: ${COMPLETION-CANDIDATES}.")
  private KvType type = SessionOptions.DEFAULT_KV_TYPE;

  @Option(
      names = "--fast",
      description =
          "Give up portable bits in steps of more than 16 tokens where that is faster on this"
              + " processor; 'vidrio doctor' says where.")
  private boolean asked;

  /** Returns the element type of the key-value cache. */
  public KvType kvType() {
    return type;
  }

  /** Returns whether {@code --fast} is given. */
  public boolean isFast() {
    return asked;
  }
}
