package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordModel;
import java.util.OptionalInt;

/** BPE over the characters of words, with ranked merges. */
public final class CharBpe implements WordModel {

  private final TokenIndex tokens;
  private final MergeRules merges;
  private final boolean ignoreMerges;

  /**
   * Creates the model.
   *
   * @param table the ranked merges
   * @param tokens the text tokens
   * @param byteTokens the token of each byte, or an empty array
   * @param unknown the token for characters without a token if there are no byte tokens; if empty,
   *     such characters are dropped
   * @param fuseUnknown if true, a run of such characters becomes one token
   * @param ignoreMerges if true, a word that is a token as a whole becomes that token without
   *     merging
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
