/** Model files, tokenizers, architectures and sampling. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.model {
  requires dev.vidrio.kernel;
  requires static org.jspecify;

  exports dev.vidrio.model;
  exports dev.vidrio.model.gguf;
}
