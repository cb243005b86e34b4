/**
 * Tokenizers: convert text to token ids and back.
 *
 * <p>Byte-level BPE, SentencePiece BPE, the unigram model and Hugging Face pipelines, from GGUF
 * files and {@code tokenizer.json}. Start at {@link dev.vidrio.tokenizer.Tokenizers}.
 */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // exports to a module that is built later
module dev.vidrio.tokenizer {
  requires transitive dev.vidrio.formats;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.tokenizer;
  exports dev.vidrio.tokenizer.vocabulary;
  exports dev.vidrio.tokenizer.text to
      dev.vidrio.grammar;
}
