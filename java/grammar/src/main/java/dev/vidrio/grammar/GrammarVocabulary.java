package dev.vidrio.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.grammar.program.Program;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a tokenizer for constraints: text tokens with their bytes, and end tokens. Other
 * special tokens and unused ones are excluded, except for the marks of a grammar.
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

  /**
   * Reads the tokens.
   *
   * @param marks the names of special tokens that count as text
   */
  GrammarVocabulary(Tokenizer tokenizer, Set<String> marks) {
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
      } else if (texts[id].length > 0
          && (!tokenizer.isSpecial(id) || marks.contains(new String(texts[id], UTF_8)))) {
        bytes[id] = texts[id];
        (texts[id].length <= Program.REACH ? shortIds : longIds).add(id);
      }
    }
    shorter = new TokenTrie(texts, shortIds);
    longer = new TokenTrie(texts, longIds);
  }

  /** Returns those of several names that special tokens have. */
  static Set<String> present(Tokenizer tokenizer, Set<String> marks) {
    return marks.isEmpty()
        ? marks
        : IntStream.range(0, tokenizer.vocabularySize())
            .filter(tokenizer::isSpecial)
            .mapToObj(id -> new String(tokenizer.bytes(id), UTF_8))
            .filter(marks::contains)
            .collect(Collectors.toSet());
  }

  boolean isEnd(int token) {
    return (ends[token / 64] >>> token & 1) != 0;
  }
}
