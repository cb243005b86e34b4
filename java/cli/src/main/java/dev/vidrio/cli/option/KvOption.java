package dev.vidrio.cli.option;

import dev.vidrio.kernel.KvType;
import dev.vidrio.model.session.SessionOptions;
import picocli.CommandLine.Option;

/** The option that says how keys and values are stored. */
public final class KvOption {
  @Option(
      names = "--kv",
      paramLabel = "TYPE",
      description =
          "Element type of the key-value cache: ${COMPLETION-CANDIDATES}. Default:"
              + " ${DEFAULT-VALUE}.")
  private KvType type = SessionOptions.DEFAULT_KV_TYPE;

  public KvOption() {}

  public KvType type() {
    return type;
  }
}
