package dev.vidrio.hub.source;

/** A download source of a model file. All sources of a catalog entry provide identical bytes. */
public sealed interface ModelSource permits EmbeddedSource, HuggingFaceSource, PipSource {

  /**
   * Returns the label in listings.
   *
   * @return {@code embedded}, {@code hf:owner/repo/file@revision} or {@code pip:package==version}
   */
  String label();
}
