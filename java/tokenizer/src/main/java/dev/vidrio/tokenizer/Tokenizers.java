package dev.vidrio.tokenizer;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.tokenizer.huggingface.HuggingFaceVocabulary;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.nio.file.Path;

/**
 * Creates the tokenizer of a model file or of a Hugging Face directory.
 *
 * {@snippet file="TokenizerExamples.java" region="tokenizer"}
 *
 * <p>Supported are byte-level BPE, SentencePiece BPE, the unigram model, WordPiece, and pipelines
 * of Hugging Face tokenizers. A tokenizer that cannot be reproduced exactly is rejected by name
 * instead of being approximated.
 */
public final class Tokenizers {

  private Tokenizers() {}

  /**
   * Creates the tokenizer of a GGUF file.
   *
   * @throws UnsupportedModelException if the tokenizer model or the pre-tokenizer is not supported
   * @throws ModelFileException if the vocabulary is incomplete or inconsistent
   */
  public static Tokenizer fromGguf(Metadata metadata) {
    return of(readVocabulary(metadata));
  }

  /**
   * Creates the tokenizer of a model that may have more embedding rows than its file has tokens, or
   * no tokenizer at all. Ids without a token are unused tokens.
   *
   * @param embeddings the number of the model's token ids
   * @throws UnsupportedModelException if the tokenizer model or the pre-tokenizer is not supported
   * @throws ModelFileException if the vocabulary is incomplete or inconsistent
   */
  public static Tokenizer fromGguf(Metadata metadata, long embeddings) {
    return GgufVocabulary.isMissing(metadata)
        ? new NoTokenizer(metadata.file(), (int) Math.min(embeddings, Vocabulary.MAX_EMBEDDINGS))
        : of(readVocabulary(metadata).padded(embeddings));
  }

  /** Returns whether a Hugging Face directory contains a tokenizer. */
  public static boolean isHuggingFace(Path directory) {
    return HuggingFaceVocabulary.isIn(directory);
  }

  /**
   * Creates the tokenizer of a Hugging Face directory.
   *
   * @param directory contains {@code tokenizer.json}, or else BERT's {@code vocab.txt}, and
   *     optionally {@code tokenizer_config.json}
   * @throws UnsupportedModelException if a part of the pipeline is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Tokenizer fromHuggingFace(Path directory) {
    return of(readHuggingFace(directory));
  }

  /**
   * Reads the vocabulary of a Hugging Face directory, in the terms of GGUF's {@code tokenizer.ggml}
   * keys.
   *
   * @param directory contains {@code tokenizer.json}, or else BERT's {@code vocab.txt}, and
   *     optionally {@code tokenizer_config.json}
   * @throws UnsupportedModelException if a part of the pipeline is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Vocabulary readHuggingFace(Path directory) {
    Vocabulary vocabulary = HuggingFaceVocabulary.read(directory);
    if (vocabulary.model() instanceof TokenModel.Pipeline) {
      of(vocabulary); // rejects unsupported stages
    }
    return vocabulary;
  }

  /**
   * Creates the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is not supported
   * @throws ModelFileException if a token is duplicated, a token that is not unused is empty, a
   *     byte token is misspelled or missing, or a merge is malformed, duplicated or refers to a
   *     missing token
   */
  public static Tokenizer of(Vocabulary vocabulary) {
    return new VocabularyTokenizer(vocabulary);
  }

  /**
   * Reads the vocabulary of a GGUF file.
   *
   * @throws UnsupportedModelException if the tokenizer model or the pre-tokenizer is not supported
   * @throws ModelFileException if the vocabulary is incomplete or inconsistent
   */
  public static Vocabulary readVocabulary(Metadata metadata) {
    return GgufVocabulary.read(metadata);
  }
}
