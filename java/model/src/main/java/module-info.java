/** Model files, tokenizers, architectures, sessions and sampling. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // the modules that may use more are built later
module dev.vidrio.model {
  requires transitive dev.vidrio.kernel;
  requires static transitive org.jspecify;
  requires java.net.http;
  requires tools.jackson.databind;

  exports dev.vidrio.model;
  exports dev.vidrio.model.architecture;
  exports dev.vidrio.model.evaluation;
  exports dev.vidrio.model.file to
      dev.vidrio.cli,
      dev.vidrio.lens,
      dev.vidrio.server;
  exports dev.vidrio.model.gguf;
  exports dev.vidrio.model.grammar;
  exports dev.vidrio.model.huggingface;
  exports dev.vidrio.model.hub;
  exports dev.vidrio.model.hub.source;
  exports dev.vidrio.model.quantize;
  exports dev.vidrio.model.safetensors;
  exports dev.vidrio.model.sampling;
  exports dev.vidrio.model.template;
  exports dev.vidrio.model.tokenizer;
  exports dev.vidrio.model.tokenizer.vocabulary;
}
