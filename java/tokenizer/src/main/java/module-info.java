/** Converts text to token ids and back: byte-level and SentencePiece BPE, unigram. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.tokenizer {
  requires transitive dev.vidrio.formats;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.tokenizer;
  exports dev.vidrio.tokenizer.vocabulary;
}
