package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.ByteTokens;
import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordCache;
import dev.vidrio.tokenizer.normalization.Spaces;
import dev.vidrio.tokenizer.normalization.TextStep;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.Arrays;
import java.util.Map;

/**
 * BPE as SentencePiece has it (Kudo and Richardson 2018): the characters of a whole stretch of text
 * are merged into tokens, spaces like letters. The text is cut where no token can span it, so that
 * the tokens of what recurs are remembered.
 *
 * <p>Tokens of text and literal text come about by merging; control, unknown and unused tokens
 * never do, as in SentencePiece. (In llama.cpp they may.)
 */
public final class SentencePieceModel implements TextModel {

  private final SpacePrefix spacePrefix;
  private final MergeRules merges;
  private final Neighbours neighbours = new Neighbours();
  private final WordCache cache = new WordCache();

  /**
   * Makes the model.
   *
   * @param vocabulary the file, for errors
   * @param ids the id of each spelling
   * @param bytes of each token, in which a space is a space
   * @param types of each token
   */
  public SentencePieceModel(
      Vocabulary vocabulary,
      TokenModel.SentencePieceBpe bpe,
      Map<String, Integer> ids,
      byte[][] bytes,
      TokenType[] types) {
    spacePrefix = bpe.spacePrefix();
    TokenIndex tokens = new TokenIndex(bytes, id -> types[id].isText());
    int[] byteTokens = ByteTokens.all(vocabulary, bytes, types);
    merges =
        bpe.merges().isEmpty()
            ? new ScoredMerges(tokens, bpe.scores(), byteTokens)
            : new CharMerges(new MergeTable(vocabulary, bpe.merges(), ids), tokens, byteTokens);
    for (int id = 0; id < types.length; id++) {
      if (types[id].isText()) {
        neighbours.addAll(bytes[id]);
      }
    }
  }

  @Override
  public TextStep normalizer() {
    return Arrays::copyOfRange;
  }

  @Override
  public TextEncoder encoder(IntList out) {
    WordMerger merger = new WordMerger(merges);
    return (text, start, end, first) -> {
      boolean prefix = spacePrefix.isDue(first, Spaces.isSpace(text, start, end));
      byte[] spaced = Spaces.unescape(text, start, end, prefix);
      int word = 0;
      int left = Utf8.codePointAt(spaced, 0, spaced.length);
      for (int pos = Utf8.lengthAt(spaced, 0, spaced.length); pos < spaced.length; ) {
        int right = Utf8.codePointAt(spaced, pos, spaced.length);
        if (!neighbours.mayHold(left, right)) {
          encodeWord(spaced, word, pos, merger, out);
          word = pos;
        }
        left = right;
        pos += Utf8.lengthAt(spaced, pos, spaced.length);
      }
      encodeWord(spaced, word, spaced.length, merger, out);
    };
  }

  private void encodeWord(byte[] text, int start, int end, WordMerger merger, IntList out) {
    if (!cache.addTo(out, text, start, end)) {
      int mark = out.size();
      merger.merge(text, start, end, out);
      cache.put(text, start, end, out.toArray(mark));
    }
  }
}
