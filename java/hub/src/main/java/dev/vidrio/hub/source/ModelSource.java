package dev.vidrio.hub.source;

/** A source of a model's bytes. Every source of a catalog entry gives the same bytes. */
public sealed interface ModelSource permits EmbeddedSource, HuggingFaceSource, PipSource {

  /**
   * Names the source as listings show it.
   *
   * @return {@code embedded}, {@code hf:owner/repo/file@revision} or {@code pip:package==version}
   */
  String label();
}
