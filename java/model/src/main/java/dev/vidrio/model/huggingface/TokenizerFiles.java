package dev.vidrio.model.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileErrors;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Adds the tokenizer and the chat template of a directory as keys {@code tokenizer.*}. */
final class TokenizerFiles {

  private static final String PREFIX = "tokenizer.ggml.";
  private static final String TEMPLATE = "tokenizer.chat_template";
  private static final long MAX_BYTES = 16L << 20;

  private TokenizerFiles() {}

  /**
   * Adds the keys.
   *
   * @param embeddings number of token ids of the model
   */
  static void put(Path directory, long embeddings, MetadataBuilder out) {
    if (Tokenizers.isHuggingFace(directory)) {
      put(Tokenizers.readHuggingFace(directory).padded(embeddings), out);
    }
    Path settings = directory.resolve("tokenizer_config.json");
    if (FileStatus.exists(settings)) {
      Config config = new Config(settings.toString(), JsonFile.readObject(settings, MAX_BYTES));
      if (config.isString("chat_template")) { // some files have several, by name
        out.string(TEMPLATE, config.string("chat_template", ""));
      }
    }
    Path template = directory.resolve("chat_template.jinja");
    if (FileStatus.exists(template)) {
      try {
        out.string(TEMPLATE, Files.readString(template));
      } catch (IOException e) {
        String reason =
            e instanceof CharacterCodingException ? "is not UTF-8" : FileErrors.reason(e);
        throw new ModelFileException(template.toString(), "", "", reason, e);
      }
    }
  }

  private static void put(Vocabulary vocabulary, MetadataBuilder out) {
    out.strings(PREFIX + "tokens", vocabulary.tokens())
        .integers(
            PREFIX + "token_type",
            vocabulary.types().stream().mapToInt(TokenType::number).toArray())
        .bool(PREFIX + "add_bos_token", vocabulary.addBos())
        .bool(PREFIX + "add_eos_token", vocabulary.addEos());
    LiteralRules rules = vocabulary.literalRules();
    if (!rules.equals(LiteralRules.NONE)) {
      out.integers(LiteralRules.LEFT, sorted(rules.stripsLeft()))
          .integers(LiteralRules.RIGHT, sorted(rules.stripsRight()))
          .integers(LiteralRules.SINGLE, sorted(rules.singleWords()))
          .integers(LiteralRules.NORMALIZED, sorted(rules.normalized()));
    }
    putPair(vocabulary, out);
    vocabulary.roles().forEach((role, id) -> out.integer(PREFIX + role.key(), id));
    switch (vocabulary.model()) {
      case TokenModel.ByteLevelBpe bpe -> {
        out.string(PREFIX + "model", "gpt2")
            .string(PREFIX + "pre", bpe.preTokenizer())
            .strings(PREFIX + "merges", bpe.merges());
        if (bpe.normalization() != Normalization.NONE) {
          out.string(Normalization.KEY, bpe.normalization().name());
        }
      }
      case TokenModel.SentencePieceBpe bpe ->
          out.string(PREFIX + "model", "llama")
              .reals(PREFIX + "scores", floats(bpe.scores()))
              .strings(PREFIX + "merges", bpe.merges())
              .bool(PREFIX + "add_space_prefix", bpe.spacePrefix() != SpacePrefix.NEVER)
              .string(SpacePrefix.KEY, bpe.spacePrefix().name());
      case TokenModel.WordPiece wordPiece ->
          out.string(PREFIX + "model", "bert")
              .bool(TokenModel.WordPiece.LOWERCASE, wordPiece.lowercases())
              .bool(TokenModel.WordPiece.STRIP_ACCENTS, wordPiece.stripsAccents());
      case TokenModel.Unigram unigram ->
          throw new IllegalStateException("tokenizer.json has a pipeline instead");
      case TokenModel.Pipeline pipeline -> {
        out.string(PREFIX + "model", "vidrio")
            .string(TokenModel.Pipeline.STAGES, pipeline.stages())
            .strings(PREFIX + "merges", pipeline.merges());
        if (!pipeline.scores().isEmpty()) {
          double[] scores = pipeline.scores().stream().mapToDouble(Double::doubleValue).toArray();
          out.doubles(TokenModel.Pipeline.SCORES, scores);
        }
      }
    }
  }

  /** Adds the layout of pairs, if it does not follow from the other keys. */
  private static void putPair(Vocabulary vocabulary, MetadataBuilder out) {
    PairTemplate pair = vocabulary.pairTemplate();
    int secondType = vocabulary.model() instanceof TokenModel.WordPiece ? 1 : 0;
    PairTemplate standard =
        PairTemplate.standard(
            vocabulary.roles(), vocabulary.addBos(), vocabulary.addEos(), false, secondType);
    if (!pair.equals(standard)) {
      out.integers(
          PairTemplate.KEY,
          pair.parts().stream()
              .flatMapToInt(part -> IntStream.of(part.token(), part.type()))
              .toArray());
    }
  }

  private static int[] sorted(Set<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).sorted().toArray();
  }

  private static float[] floats(List<Float> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i);
    }
    return floats;
  }
}
