package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.ByteTokens;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.normalization.Spaces;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.WordSplitter;
import java.util.Arrays;

/**
 * SentencePiece BPE (Kudo and Richardson 2018, arXiv 1808.06226): merges the characters of a whole
 * segment of text, with spaces as ordinary characters. The text is split where no token can span
 * the boundary, so that the tokens of recurring words are cached.
 *
 * <p>Only text tokens result from merging; control, unknown and unused tokens never do, as in
 * SentencePiece. (In llama.cpp they may.)
 */
public final class SentencePieceModel {

  private SentencePieceModel() {}

  /**
   * Creates the model.
   *
   * @param vocabulary the source, for errors
   * @param ids the id of each spelling
   * @param bytes the bytes of each token, with U+2581 decoded to a space
   * @param types the type of each token
   */
  public static TextModel of(
      Vocabulary vocabulary,
      TokenModel.SentencePieceBpe bpe,
      SpellingIndex ids,
      byte[][] bytes,
      TokenType[] types) {
    TokenIndex tokens = new TokenIndex(bytes, id -> types[id].isText());
    int[] byteTokens = ByteTokens.all(vocabulary, bytes, types);
    MergeRules merges =
        bpe.merges().isEmpty()
            ? new ScoredMerges(tokens, bpe.scores(), byteTokens)
            : new CharMerges(
                new MergeTable(vocabulary, bpe.merges(), ids),
                tokens,
                byteTokens,
                MergeRules.DROPPED,
                false);
    AdjacentCharacters adjacent = new AdjacentCharacters();
    for (int id = 0; id < types.length; id++) {
      if (types[id].isText()) {
        adjacent.addAll(bytes[id]);
      }
    }
    return new TextModel(
        Arrays::copyOfRange,
        splitter(bpe.spacePrefix(), adjacent, true),
        splitter(bpe.spacePrefix(), adjacent, false),
        new Bpe(merges, Bpe.WholeWords.NONE));
  }

  private static WordSplitter splitter(
      SpacePrefix spacePrefix, AdjacentCharacters adjacent, boolean first) {
    return (text, start, end, limit, sink) -> {
      boolean prefix = spacePrefix.applies(first, Spaces.isSpace(text, start, end));
      byte[] spaced = Spaces.unescape(text, start, end, prefix);
      int word = 0;
      int left = Utf8.codePointAt(spaced, 0, spaced.length);
      for (int pos = Utf8.lengthAt(spaced, 0, spaced.length); pos < spaced.length; ) {
        int right = Utf8.codePointAt(spaced, pos, spaced.length);
        if (!adjacent.mayContain(left, right)) {
          sink.accept(spaced, word, pos);
          word = pos;
        }
        left = right;
        pos += Utf8.lengthAt(spaced, pos, spaced.length);
      }
      sink.accept(spaced, word, spaced.length);
    };
  }
}
