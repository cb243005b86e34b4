package dev.vidrio.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A byte-level BPE tokenizer (Radford et al. 2019): text is cut at special tokens, then into words
 * by the rule of the model's family, and the bytes of each word are merged into tokens.
 *
 * <p>{@link #decodeBytes} gives back what was encoded, byte for byte, if every byte has a token.
 * Some vocabularies lack tokens for bytes that their training text did not contain; such a byte is
 * left out, as by llama.cpp and Hugging Face tokenizers. {@link #missingBytes} tells them.
 */
public final class BpeTokenizer implements Tokenizer {

  private final OptionalInt first;
  private final OptionalInt last;
  private final PreTokenizer preTokenizer;
  private final Map<String, Integer> ids;
  private final TokenType[] types;
  private final byte[][] bytes;
  private final int[] byteTokens = new int[256];
  private final Merges merges;
  private final LiteralTokens literals;
  private final LiteralTokens userDefined;
  private final Map<TokenRole, Integer> roles;
  private final Set<Integer> endOfGeneration;
  private final WordCache cache = new WordCache();

  /**
   * Makes the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is unknown
   * @throws ModelFileException if a token occurs twice, a token other than an unused one is empty,
   *     a byte token is misspelled, or a merge is malformed, occurs twice or is of tokens that do
   *     not exist
   */
  public BpeTokenizer(Vocabulary vocabulary) {
    preTokenizer = preTokenizer(vocabulary.source(), vocabulary.preTokenizer());
    ids = index(vocabulary);
    SpecialTokens special = new SpecialTokens(vocabulary, ids);
    types = special.types();
    roles = special.roles();
    endOfGeneration = special.endOfGeneration();
    first = vocabulary.addBos() ? bos() : OptionalInt.empty();
    last = vocabulary.addEos() ? eos() : OptionalInt.empty();
    bytes = new byte[types.length][];
    for (int id = 0; id < bytes.length; id++) {
      bytes[id] = bytes(vocabulary, id, types[id]);
    }
    for (int b = 0; b < byteTokens.length; b++) {
      byteTokens[b] = normalToken(String.valueOf(ByteAlphabet.letter(b)));
    }
    merges = new Merges(vocabulary, ids);
    literals = new LiteralTokens(bytes, id -> types[id].isLiteral());
    userDefined = new LiteralTokens(bytes, id -> types[id] == TokenType.USER_DEFINED);
  }

  /** Finds a pre-tokenizer, or says which there are. */
  static PreTokenizer preTokenizer(String source, String name) {
    return PreTokenizer.find(name)
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    source,
                    "pre-tokenizer '" + name + "'",
                    "supported are " + PreTokenizer.SUPPORTED));
  }

  private static Map<String, Integer> index(Vocabulary vocabulary) {
    List<String> tokens = vocabulary.tokens();
    Map<String, Integer> index = HashMap.newHashMap(tokens.size());
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      if (token.isEmpty()) {
        if (vocabulary.types().get(id) != TokenType.UNUSED) {
          throw vocabulary.tokenError(id, "must not be empty");
        }
        continue;
      }
      Integer earlier = index.putIfAbsent(token, id);
      if (earlier != null) {
        throw vocabulary.tokenError(id, "must differ from token " + earlier);
      }
    }
    return index;
  }

  private static byte[] bytes(Vocabulary vocabulary, int id, TokenType type) {
    String token = vocabulary.tokens().get(id);
    return switch (type) {
      case NORMAL -> ByteAlphabet.bytes(token);
      case UNKNOWN, CONTROL, USER_DEFINED -> token.getBytes(UTF_8);
      case UNUSED -> new byte[0];
      case BYTE -> {
        if (!token.matches("<0x[0-9A-Fa-f]{2}>")) {
          throw vocabulary.tokenError(id, "must be spelled like '<0x0A>', being a byte token");
        }
        yield new byte[] {(byte) Integer.parseInt(token, 3, 5, 16)};
      }
    };
  }

  /** Returns the token of text that is spelled like this, or −1. */
  private int normalToken(String spelling) {
    Integer id = ids.get(spelling);
    return id != null && types[id] == TokenType.NORMAL ? id : -1;
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    IntList out = new IntList(utf8.length / 3 + 8);
    if (options.addBosEos()) {
      first.ifPresent(out::add);
    }
    LiteralTokens wanted = options.parseSpecial() ? literals : userDefined;
    WordMerger merger = new WordMerger(byteTokens, merges);
    int start = 0;
    int pos = 0;
    while (pos < utf8.length) {
      int literal = wanted.at(utf8, pos);
      if (literal < 0) {
        pos++;
        continue;
      }
      encodeWords(utf8, start, pos, merger, out);
      out.add(literal);
      pos += bytes[literal].length;
      start = pos;
    }
    encodeWords(utf8, start, utf8.length, merger, out);
    if (options.addBosEos()) {
      last.ifPresent(out::add);
    }
    return out.toArray(0);
  }

  private void encodeWords(byte[] text, int start, int end, WordMerger merger, IntList out) {
    int word = start;
    while (word < end) {
      int endOfWord = preTokenizer.splitter().endOfWord(text, word, end);
      int[] known = cache.get(text, word, endOfWord);
      if (known != null) {
        out.addAll(known);
      } else {
        int mark = out.size();
        encodeWord(text, word, endOfWord, merger, out);
        cache.put(text, word, endOfWord, out.toArray(mark));
      }
      word = endOfWord;
    }
  }

  private void encodeWord(byte[] text, int start, int end, WordMerger merger, IntList out) {
    int whole =
        preTokenizer.ignoreMerges() ? normalToken(ByteAlphabet.spell(text, start, end)) : -1;
    if (whole >= 0) {
      out.add(whole);
    } else {
      merger.merge(text, start, end, out);
    }
  }

  @Override
  public int vocabularySize() {
    return types.length;
  }

  @Override
  public byte[] bytes(int id) {
    return bytes[check(id)].clone();
  }

  @Override
  public boolean isSpecial(int id) {
    return types[check(id)].isSpecial();
  }

  private int check(int id) {
    if (id < 0 || id >= types.length) {
      throw new InvalidInputException(
          "token id", String.valueOf(id), "must be 0 to " + (types.length - 1));
    }
    return id;
  }

  @Override
  public OptionalInt token(TokenRole role) {
    Integer id = roles.get(role);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public Set<Integer> endOfGeneration() {
    return endOfGeneration;
  }

  /** Returns the bytes, 0 to 255, that the vocabulary has no token for; encoding drops them. */
  public BitSet missingBytes() {
    BitSet missing = new BitSet(byteTokens.length);
    for (int b = 0; b < byteTokens.length; b++) {
      missing.set(b, byteTokens[b] < 0);
    }
    return missing;
  }
}
