package dev.vidrio.tokenizer.huggingface;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.bpe.CharBpe;
import dev.vidrio.tokenizer.bpe.MergeTable;
import dev.vidrio.tokenizer.encoding.ByteTokens;
import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordCache;
import dev.vidrio.tokenizer.encoding.WordModel;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.unigram.Viterbi;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.WordSplitter;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * A pipeline of Hugging Face tokenizers: normalizes text, splits it into words, and encodes each
 * word by BPE or the unigram model.
 *
 * <p>Neither yields control tokens, so that text cannot forge them. (In Hugging Face tokenizers the
 * unigram model may produce them from text that the normalizer has changed.)
 */
public final class PipelineModel implements TextModel {

  private final TextTransform normalizer;
  private final WordSplitter firstWords;
  private final WordSplitter words;
  private final WordModel model;
  private final WordCache cache = new WordCache();

  /**
   * Creates the model.
   *
   * @param vocabulary the source, for errors
   * @param pipeline the stages, merges and scores
   * @param ids the id of each spelling
   * @param bytes the bytes of each token
   * @param types the type of each token
   * @throws UnsupportedModelException if a stage is not supported
   * @throws ModelFileException if a stage is malformed or refers to a missing token
   */
  public PipelineModel(
      Vocabulary vocabulary,
      TokenModel.Pipeline pipeline,
      Map<String, Integer> ids,
      byte[][] bytes,
      TokenType[] types) {
    TokenizerJson json = TokenizerJson.parse(vocabulary.source(), pipeline.stages());
    normalizer = new NormalizerReader(json).read();
    PreTokenizerReader reader = new PreTokenizerReader(json);
    firstWords = reader.read(true);
    words = reader.read(false);
    byte[][] spellings =
        vocabulary.tokens().stream().map(token -> token.getBytes(UTF_8)).toArray(byte[][]::new);
    JsonNode options = json.root().path("model");
    int[] byteTokens =
        options.path("byte_fallback").asBoolean(false)
            ? ByteTokens.all(vocabulary, bytes, types)
            : new int[0];
    if (TokenizerJson.type(options).equals("Unigram")) {
      double[] scores = pipeline.scores().stream().mapToDouble(Double::doubleValue).toArray();
      model = unigram(json, scores, spellings, types, byteTokens);
    } else {
      MergeTable table = new MergeTable(vocabulary, pipeline.merges(), ids);
      TokenIndex tokens = new TokenIndex(spellings, id -> isText(types[id]));
      boolean fuse = options.path("fuse_unk").asBoolean(false);
      OptionalInt unknown = unknown(vocabulary.source(), options, ids);
      boolean whole = options.path("ignore_merges").asBoolean(false);
      model = new CharBpe(table, tokens, byteTokens, unknown, fuse, whole);
    }
  }

  private static boolean isText(TokenType type) {
    return type.isText() || type == TokenType.BYTE;
  }

  private static WordModel unigram(
      TokenizerJson json,
      double[] scores,
      byte[][] spellings,
      TokenType[] types,
      int[] byteTokens) {
    int unknown = json.root().path("model").path("unk_id").asInt(-1);
    if (unknown < 0 || unknown >= scores.length) {
      throw json.unsupported("model Unigram without unk_id", "one with it");
    }
    double lowest = Arrays.stream(scores).filter(Double::isFinite).min().orElse(0);
    TokenIndex tokens =
        new TokenIndex(spellings, id -> isText(types[id]) && Double.isFinite(scores[id]));
    double unknownScore = lowest - Viterbi.UNKNOWN_PENALTY;
    return new Viterbi(tokens, scores, unknown, unknownScore, byteTokens);
  }

  /** Returns the token of characters without a token; if empty, such characters are dropped. */
  private static OptionalInt unknown(String file, JsonNode options, Map<String, Integer> ids) {
    String name = options.path("unk_token").asString("");
    Integer id = ids.get(name);
    if (id == null && !name.isEmpty()) {
      throw new ModelFileException(file, "unk_token", "'" + name + "'", "must be a token");
    }
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public TextTransform normalizer() {
    return normalizer;
  }

  @Override
  public TextEncoder encoder(IntList out) {
    WordModel.WordEncoder encoder = model.encoder();
    WordSplitter.WordSink sink = (text, start, end) -> cache.encode(text, start, end, out, encoder);
    return (text, start, end, first) ->
        (first ? firstWords : words).split(text, start, end, new WorkLimit(end - start), sink);
  }
}
