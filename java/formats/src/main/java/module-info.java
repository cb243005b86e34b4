/**
 * Model files: reads and writes GGUF and safetensors.
 *
 * <p>Start at {@link dev.vidrio.formats.gguf.Gguf} or {@link
 * dev.vidrio.formats.safetensors.Safetensors}.
 */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // exports to modules that are built later
module dev.vidrio.formats {
  requires transitive dev.vidrio.error;
  requires static transitive org.jspecify;
  requires transitive tools.jackson.databind;

  exports dev.vidrio.formats.gguf;
  exports dev.vidrio.formats.safetensors;
  exports dev.vidrio.formats.file to
      dev.vidrio.cli,
      dev.vidrio.grammar,
      dev.vidrio.lens,
      dev.vidrio.model,
      dev.vidrio.server,
      dev.vidrio.tokenizer;
}
