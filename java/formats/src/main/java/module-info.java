/** Reads and writes model files: GGUF and safetensors. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // names modules that are built after this one
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
      dev.vidrio.server;
}
