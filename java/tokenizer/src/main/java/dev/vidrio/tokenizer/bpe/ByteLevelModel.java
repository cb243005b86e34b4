package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.normalization.ByteAlphabet;
import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.PreTokenizer;
import dev.vidrio.tokenizer.word.WordSplitter;
import java.util.Arrays;

/**
 * Byte-level BPE (Radford et al. 2019): splits text into words by the pre-tokenizer's patterns and
 * merges the bytes of each word into tokens.
 *
 * <p>Some vocabularies lack tokens for bytes that their training data did not contain; such bytes
 * are dropped, as in llama.cpp and Hugging Face tokenizers.
 */
public final class ByteLevelModel {

  private ByteLevelModel() {}

  /**
   * Creates the model.
   *
   * @param vocabulary the source, for errors
   * @param ids the id of each spelling
   * @param types the type of each token
   */
  public static TextModel of(
      Vocabulary vocabulary, TokenModel.ByteLevelBpe bpe, SpellingIndex ids, TokenType[] types) {
    PreTokenizer preTokenizer = PreTokenizer.require(vocabulary.source(), bpe.preTokenizer());
    Bpe.WholeWords normalTokens =
        (text, start, end) -> {
          int id = ids.get(ByteAlphabet.spell(text, start, end));
          return id >= 0 && types[id] == TokenType.NORMAL ? id : MergeRules.DROPPED;
        };
    int[] byteTokens = new int[256];
    Arrays.setAll(byteTokens, b -> normalTokens.get(new byte[] {(byte) b}, 0, 1));
    ByteMerges merges = new ByteMerges(new MergeTable(vocabulary, bpe.merges(), ids), byteTokens);
    WordSplitter words = preTokenizer.splitter();
    Bpe.WholeWords whole = preTokenizer.ignoreMerges() ? normalTokens : Bpe.WholeWords.NONE;
    return new TextModel(bpe.normalization()::apply, words, words, new Bpe(merges, whole));
  }
}
