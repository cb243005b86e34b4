/** Runs decoder-only transformers: architectures, sessions, sampling, generation, chats. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.model {
  requires transitive dev.vidrio.formats;
  requires transitive dev.vidrio.grammar;
  requires transitive dev.vidrio.kernel;
  requires transitive dev.vidrio.template;
  requires transitive dev.vidrio.tokenizer;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.model;
  exports dev.vidrio.model.adapter;
  exports dev.vidrio.model.architecture;
  exports dev.vidrio.model.chat;
  exports dev.vidrio.model.evaluation;
  exports dev.vidrio.model.generation;
  exports dev.vidrio.model.huggingface;
  exports dev.vidrio.model.load;
  exports dev.vidrio.model.quantize;
  exports dev.vidrio.model.receipt;
  exports dev.vidrio.model.sampling;
  exports dev.vidrio.model.session;
  exports dev.vidrio.model.state;
}
