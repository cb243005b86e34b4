package dev.vidrio.tokenizer;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.tokenizer.huggingface.HuggingFaceVocabulary;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.nio.file.Path;

/** Creates tokenizers from model files. */
public final class Tokenizers {

  private Tokenizers() {}

  /**
   * Makes the tokenizer that a GGUF file describes.
   *
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Tokenizer fromGguf(Metadata metadata) {
    return of(readVocabulary(metadata));
  }

  /**
   * Makes the tokenizer of a model, which may have more embeddings than its file has tokens, or no
   * tokenizer. Tokens that the file does not have are unused ones.
   *
   * @param embeddings the number of the model's token ids
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Tokenizer fromGguf(Metadata metadata, long embeddings) {
    return GgufVocabulary.isMissing(metadata)
        ? new NoTokenizer(metadata.file(), (int) Math.min(embeddings, Vocabulary.MAX_EMBEDDINGS))
        : of(readVocabulary(metadata).padded(embeddings));
  }

  /**
   * Makes the tokenizer of a directory in Hugging Face's layout.
   *
   * @param directory holds {@code tokenizer.json} and perhaps {@code tokenizer_config.json}
   * @throws UnsupportedModelException if it asks for what is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Tokenizer fromHuggingFace(Path directory) {
    return of(readHuggingFace(directory));
  }

  /**
   * Reads the vocabulary of a directory in Hugging Face's layout: the {@code tokenizer.ggml} keys
   * of a GGUF file made from it.
   *
   * @param directory holds {@code tokenizer.json} and perhaps {@code tokenizer_config.json}
   * @throws UnsupportedModelException if it asks for what is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Vocabulary readHuggingFace(Path directory) {
    Vocabulary vocabulary = HuggingFaceVocabulary.read(directory);
    if (vocabulary.model() instanceof TokenModel.Pipeline) {
      of(vocabulary); // refuses what is not supported
    }
    return vocabulary;
  }

  /**
   * Makes the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is unknown
   * @throws ModelFileException if a token occurs twice, a token other than an unused one is empty,
   *     a byte token is misspelled or missing, or a merge is malformed, occurs twice or is of
   *     tokens that do not exist
   */
  public static Tokenizer of(Vocabulary vocabulary) {
    return new VocabularyTokenizer(vocabulary);
  }

  /**
   * Reads the vocabulary that a GGUF file describes.
   *
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Vocabulary readVocabulary(Metadata metadata) {
    return GgufVocabulary.read(metadata);
  }
}
