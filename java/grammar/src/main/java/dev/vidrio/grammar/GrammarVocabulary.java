package dev.vidrio.grammar;

import dev.vidrio.grammar.program.Program;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a tokenizer for constraints: text tokens with their bytes, and end tokens. Other
 * special tokens and unused ones are excluded.
 */
final class GrammarVocabulary {

  /** The bytes of each token; null if it is not text. */
  final byte[] @Nullable [] bytes;

  /** The tokens that end generation, as a bit set. */
  final long[] ends;

  /** The tokens of at most {@link Program#REACH} bytes. */
  final TokenTrie shorter;

  /** The longer tokens. */
  final TokenTrie longer;

  GrammarVocabulary(Tokenizer tokenizer) {
    int size = tokenizer.vocabularySize();
    byte[][] texts = new byte[size][];
    bytes = new byte[size][];
    ends = new long[(size + 63) / 64];
    List<Integer> shortIds = new ArrayList<>();
    List<Integer> longIds = new ArrayList<>();
    for (int id = 0; id < size; id++) {
      texts[id] = tokenizer.bytes(id);
      if (tokenizer.isEndOfGeneration(id)) {
        ends[id / 64] |= 1L << id;
      } else if (!tokenizer.isSpecial(id) && texts[id].length > 0) {
        bytes[id] = texts[id];
        (texts[id].length <= Program.REACH ? shortIds : longIds).add(id);
      }
    }
    shorter = new TokenTrie(texts, shortIds);
    longer = new TokenTrie(texts, longIds);
  }

  boolean isEnd(int token) {
    return (ends[token / 64] >>> token & 1) != 0;
  }
}
