package dev.vidrio.tokenizer;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Converts text to token ids and back.
 *
 * {@snippet file="TokenizerExamples.java" region="tokenizer"}
 *
 * <p>Encoding matches the tokenizer that the model was trained with; for every supported kind,
 * tests compare with Hugging Face tokenizers or SentencePiece. A token is a sequence of bytes: it
 * may be part of a character, so decode a sequence as a whole or with a {@link TokenDecoder}.
 *
 * <p>Token ids range from 0 to {@link #vocabularySize()} − 1; a method given another id throws
 * {@link InvalidInputException}.
 *
 * <p>Implementations are immutable and thread-safe.
 *
 * @see Tokenizers
 * @see "docs/formats.md"
 */
public interface Tokenizer {

  /** Encodes text with {@link EncodeOptions#DEFAULT}. */
  default int[] encode(String text) {
    return encode(text, EncodeOptions.DEFAULT);
  }

  /** Encodes text. An unpaired surrogate is treated as U+FFFD. */
  default int[] encode(String text, EncodeOptions options) {
    return encode(Utf8.encode(text), options);
  }

  /** Encodes bytes with {@link EncodeOptions#DEFAULT}. */
  default int[] encode(byte[] utf8) {
    return encode(utf8, EncodeOptions.DEFAULT);
  }

  /**
   * Encodes bytes that should be UTF-8 but may be arbitrary. A byte that is not part of a
   * well-formed character is treated as a character that is neither letter, number nor white space,
   * and its value is preserved.
   */
  int[] encode(byte[] utf8, EncodeOptions options);

  /**
   * Encodes a text that consists of parts, with a boundary between parts that no token spans. Use
   * it to keep untrusted parts from forming special tokens together: the spelling of a special
   * token that is divided between parts is plain text.
   */
  int[] encode(List<String> parts, EncodeOptions options);

  /**
   * Encodes text to at most a number of tokens: cuts the text at its end and keeps the tokens that
   * {@link EncodeOptions#addBosEos} adds.
   *
   * @param maxTokens the maximum number of tokens, including those that are added
   * @throws InvalidInputException if the added tokens alone are more
   */
  default int[] encode(String text, EncodeOptions options, int maxTokens) {
    int[] ids = encode(text, options);
    return ids.length <= maxTokens ? ids : Arrays.copyOf(ids, maxTokens);
  }

  /** Returns the layout of a pair of sequences. */
  default PairTemplate pairTemplate() {
    return PairTemplate.standard(Map.of(), false, false, false, 0);
  }

  /** Encodes a pair of texts, as encoders that compare two texts read it. */
  default EncodedPair encodePair(String first, String second) {
    return encodePair(first, second, EncodeOptions.DEFAULT, Integer.MAX_VALUE);
  }

  /**
   * Encodes a pair of texts to at most a number of tokens. A longer pair is cut at the ends of its
   * texts, the longer text first, until both have the same length or the pair fits; special tokens
   * are kept ({@code longest_first} in Hugging Face tokenizers).
   *
   * @param options {@link EncodeOptions#addBosEos} adds the special tokens of {@link #pairTemplate}
   * @param maxTokens the maximum number of tokens, including special tokens
   * @throws InvalidInputException if the special tokens alone are more
   */
  default EncodedPair encodePair(
      String first, String second, EncodeOptions options, int maxTokens) {
    PairTemplate template = pairTemplate();
    int special = options.addBosEos() ? template.specialTokens() : 0;
    if (maxTokens < special) {
      throw new InvalidInputException(
          "maxTokens", String.valueOf(maxTokens), "must be at least " + special);
    }
    EncodeOptions plain = options.withAddBosEos(false);
    int[] a = encode(first, plain);
    int[] b = encode(second, plain);
    int room = maxTokens - special;
    if ((long) a.length + b.length > room) {
      int shorter = Math.min(Math.min(a.length, b.length), room / 2);
      boolean isFirstShorter = a.length <= b.length;
      a = Arrays.copyOf(a, isFirstShorter ? shorter : room - shorter);
      b = Arrays.copyOf(b, isFirstShorter ? room - shorter : shorter);
    }
    return EncodedPair.of(template, a, b, options.addBosEos());
  }

  /**
   * Returns the single token of a text, without BOS and EOS. If the text encodes to several tokens,
   * for example because the tokenizer prepends a space, returns the only token with bytes equal to
   * the text.
   *
   * @throws InvalidInputException if there is no such token or more than one
   */
  default int token(String text) {
    int[] ids = encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
    if (ids.length == 1) {
      return ids[0];
    }
    byte[] wanted = Utf8.encode(text);
    int[] same =
        IntStream.range(0, vocabularySize())
            .filter(id -> wanted.length > 0 && Arrays.equals(bytes(id), wanted))
            .toArray();
    if (same.length != 1) {
      throw new InvalidInputException(
          "token", "\"" + text + "\"", "must be a single token, but encodes to " + ids.length);
    }
    return same[0];
  }

  /** Returns the number of token ids. */
  int vocabularySize();

  /**
   * Returns the bytes of a token, which may be part of a character: for a special token its name,
   * for an unused token none.
   */
  byte[] bytes(int id);

  /** Returns the concatenated bytes of tokens. */
  default byte[] decodeBytes(int... ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length * 4);
    for (int id : ids) {
      bytes.writeBytes(bytes(id));
    }
    return bytes.toByteArray();
  }

  /**
   * Returns the text of tokens, including special tokens: {@link #decodeBytes} as UTF-8, with
   * ill-formed sequences replaced by U+FFFD as in {@link TokenDecoder}.
   */
  default String decode(int... ids) {
    TokenDecoder decoder = streamingDecoder();
    StringBuilder text = new StringBuilder(ids.length * 4);
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.finish()).toString();
  }

  /** Returns the text of a single token, for display. */
  default String piece(int id) {
    return decode(id);
  }

  /** Returns the text of each token, for display. */
  default List<String> pieces(int... ids) {
    return IntStream.of(ids).mapToObj(this::piece).toList();
  }

  /** Returns a decoder for a sequence, including special tokens. */
  default TokenDecoder streamingDecoder() {
    return streamingDecoder(false);
  }

  /**
   * Returns a decoder for a sequence.
   *
   * @param skipSpecial if true, tokens for which {@link #isSpecial} holds decode to no text
   */
  default TokenDecoder streamingDecoder(boolean skipSpecial) {
    return new TokenDecoder(this, skipSpecial);
  }

  /** Returns the type of a token. */
  TokenType type(int id);

  /**
   * Returns whether a token marks structure (BOS, EOS, turns, padding) and is not text.
   * User-defined tokens, such as runs of spaces, are not special.
   */
  default boolean isSpecial(int id) {
    return type(id).isSpecial();
  }

  /** Returns the token of a role, if the vocabulary has one. */
  OptionalInt token(TokenRole role);

  /** Returns the BOS token, which begins a sequence, if there is one. */
  default OptionalInt bos() {
    return token(TokenRole.BOS);
  }

  /** Returns the EOS token, which ends a sequence, if there is one. */
  default OptionalInt eos() {
    return token(TokenRole.EOS);
  }

  /**
   * Returns the tokens after which generation stops: end of sequence, of turn and of message.
   * Unmodifiable.
   */
  Set<Integer> endOfGeneration();

  /** Returns whether generation stops after a token. */
  default boolean isEndOfGeneration(int id) {
    return endOfGeneration().contains(id);
  }
}
