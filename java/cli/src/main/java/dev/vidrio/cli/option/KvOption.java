package dev.vidrio.cli.option;

import dev.vidrio.kernel.KvType;
import dev.vidrio.model.session.SessionOptions;
import picocli.CommandLine.Option;

/** The option of the element type of the key-value cache. */
public final class KvOption {
  @Option(
      names = "--kv",
      paramLabel = "TYPE",
      description =
          "Element type of the key-value cache: ${COMPLETION-CANDIDATES}. Default:"
              + " ${DEFAULT-VALUE}.")
  private KvType type = SessionOptions.DEFAULT_KV_TYPE;

  /** Returns the element type. */
  public KvType type() {
    return type;
  }
}
