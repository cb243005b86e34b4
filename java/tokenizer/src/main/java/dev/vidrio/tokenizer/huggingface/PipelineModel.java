package dev.vidrio.tokenizer.huggingface;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.bpe.Bpe;
import dev.vidrio.tokenizer.bpe.CharMerges;
import dev.vidrio.tokenizer.bpe.MergeTable;
import dev.vidrio.tokenizer.encoding.ByteTokens;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordModel;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.unigram.Viterbi;
import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.WordSplitter;
import dev.vidrio.tokenizer.wordpiece.WordPiece;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/**
 * A pipeline of Hugging Face tokenizers: normalizes text, splits it into words, and encodes each
 * word by BPE, the unigram model or WordPiece.
 *
 * <p>Neither yields control tokens, so that text cannot forge them. (In Hugging Face tokenizers the
 * unigram model may produce them from text that the normalizer has changed.)
 */
public final class PipelineModel {

  private PipelineModel() {}

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
  public static TextModel of(
      Vocabulary vocabulary,
      TokenModel.Pipeline pipeline,
      SpellingIndex ids,
      byte[][] bytes,
      TokenType[] types) {
    TokenizerJson json = TokenizerJson.parse(vocabulary.source(), pipeline.stages());
    StageReader stages = new StageReader(json);
    TextTransform normalizer = stages.normalizer();
    WordSplitter firstWords = stages.words(true);
    WordSplitter words = stages.words(false);
    byte[][] spellings =
        vocabulary.tokens().stream().map(token -> token.getBytes(UTF_8)).toArray(byte[][]::new);
    JsonNode options = json.root().path("model");
    int[] byteTokens =
        options.path("byte_fallback").asBoolean(false)
            ? ByteTokens.all(vocabulary, bytes, types)
            : new int[0];
    double[] scores = pipeline.scores().stream().mapToDouble(Double::doubleValue).toArray();
    TokenIndex tokens =
        new TokenIndex(
            spellings,
            id ->
                (types[id].isText() || types[id] == TokenType.BYTE)
                    && (scores.length == 0 || Double.isFinite(scores[id])));
    WordModel model =
        switch (TokenizerJson.type(options)) {
          case "Unigram" -> unigram(json, options, tokens, scores, byteTokens);
          case "WordPiece" -> wordPiece(json, options, tokens, spellings, types, ids);
          default ->
              bpe(
                  json,
                  options,
                  tokens,
                  new MergeTable(vocabulary, pipeline.merges(), ids),
                  ids,
                  byteTokens);
        };
    return new TextModel(normalizer, firstWords, words, model);
  }

  private static WordModel unigram(
      TokenizerJson json, JsonNode options, TokenIndex tokens, double[] scores, int[] byteTokens) {
    int unknown = options.path("unk_id").asInt(-1);
    if (unknown < 0 || unknown >= scores.length) {
      throw json.unsupported("model Unigram without unk_id", "one with it");
    }
    double lowest = Arrays.stream(scores).filter(Double::isFinite).min().orElse(0);
    return new Viterbi(tokens, scores, unknown, lowest - Viterbi.UNKNOWN_PENALTY, byteTokens);
  }

  private static WordModel wordPiece(
      TokenizerJson json,
      JsonNode options,
      TokenIndex starts,
      byte[][] spellings,
      TokenType[] types,
      SpellingIndex ids) {
    int unknown = ids.get(options.path("unk_token").asString("[UNK]"));
    if (unknown < 0) {
      throw json.unsupported("model WordPiece without unk_token", "one with it");
    }
    byte[] prefix = WordPieceReader.prefix(options).getBytes(UTF_8);
    byte[][] continuations = new byte[spellings.length][];
    for (int id = 0; id < spellings.length; id++) {
      byte[] token = spellings[id];
      boolean continues =
          token.length > prefix.length
              && Arrays.equals(token, 0, prefix.length, prefix, 0, prefix.length);
      continuations[id] =
          continues ? Arrays.copyOfRange(token, prefix.length, token.length) : new byte[0];
    }
    return new WordPiece(
        starts,
        new TokenIndex(continuations, id -> types[id].isText()),
        unknown,
        WordPieceReader.maxCharacters(options));
  }

  private static WordModel bpe(
      TokenizerJson json,
      JsonNode options,
      TokenIndex tokens,
      MergeTable table,
      SpellingIndex ids,
      int[] byteTokens) {
    String unknown = options.path("unk_token").asString("");
    if (!unknown.isEmpty() && ids.get(unknown) < 0) {
      throw new ModelFileException(
          json.file(), "unk_token", "'" + unknown + "'", "must be a token");
    }
    boolean fuse = options.path("fuse_unk").asBoolean(false);
    boolean whole = options.path("ignore_merges").asBoolean(false);
    return new Bpe(
        new CharMerges(table, tokens, byteTokens, ids.get(unknown), fuse),
        whole ? tokens::get : Bpe.WholeWords.NONE);
  }
}
