package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordModel;
import java.util.OptionalInt;

/** BPE over the characters of words, by the ranks of merges. */
public final class CharBpe implements WordModel {

  private final TokenIndex tokens;
  private final MergeRules merges;
  private final boolean ignoreMerges;

  /**
   * Makes the model.
   *
   * @param tokens the tokens of text
   * @param byteTokens the token of each byte, or nothing
   * @param unknown without them, the token of a character that has none; empty if it is left out
   * @param fuseUnknown whether a run of such characters becomes one token
   * @param ignoreMerges whether a word that is a token as a whole is that token, without merging
   */
  public CharBpe(
      MergeTable table,
      TokenIndex tokens,
      int[] byteTokens,
      OptionalInt unknown,
      boolean fuseUnknown,
      boolean ignoreMerges) {
    this.tokens = tokens;
    this.ignoreMerges = ignoreMerges;
    merges =
        new CharMerges(table, tokens, byteTokens, unknown.orElse(MergeRules.DROPPED), fuseUnknown);
  }

  @Override
  public WordEncoder encoder() {
    WordMerger merger = new WordMerger(merges);
    return (text, start, end, out) -> {
      int whole = ignoreMerges ? tokens.get(text, start, end) : MergeRules.NONE;
      if (whole >= 0) {
        out.add(whole);
      } else {
        merger.merge(text, start, end, out);
      }
    };
  }
}
