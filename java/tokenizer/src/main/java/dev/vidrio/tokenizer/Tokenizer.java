package dev.vidrio.tokenizer;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Turns text into token ids and back.
 *
 * <p>A tokenizer is immutable and may be used by any number of threads at once. Token ids run from
 * 0 to {@link #vocabularySize()} − 1; a method given any other id throws {@link
 * InvalidInputException}.
 */
public interface Tokenizer {

  /** Encodes a text with {@link EncodeOptions#DEFAULT}. */
  default int[] encode(String text) {
    return encode(text, EncodeOptions.DEFAULT);
  }

  /** Encodes a text. A surrogate without its partner counts as U+FFFD. */
  default int[] encode(String text, EncodeOptions options) {
    return encode(Utf8.encode(text), options);
  }

  /** Encodes bytes with {@link EncodeOptions#DEFAULT}. */
  default int[] encode(byte[] utf8) {
    return encode(utf8, EncodeOptions.DEFAULT);
  }

  /**
   * Encodes bytes that are meant to be UTF-8 but may be anything. A byte that is no part of a
   * well-formed character is treated like one character that is neither letter nor number nor white
   * space, and is kept as it is.
   */
  int[] encode(byte[] utf8, EncodeOptions options);

  /**
   * Encodes a text that comes in parts, as if special tokens stood between them. No token has
   * something of two parts, so that a name of a special token which is divided among them is text.
   */
  int[] encode(List<String> parts, EncodeOptions options);

  /**
   * Returns the one token that a text is, without a token before or after it. Where a text becomes
   * several, as behind a space that the tokenizer puts before each text, it is the one token that
   * has its bytes.
   *
   * @throws InvalidInputException when there is none
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
          "token", "\"" + text + "\"", "must be one token, but is " + ids.length);
    }
    return same[0];
  }

  /** Returns the number of tokens. */
  int vocabularySize();

  /**
   * Returns the bytes a token stands for, which may be part of a character. A special token stands
   * for its name, an unused one for nothing.
   */
  byte[] bytes(int id);

  /** Returns the bytes that the tokens stand for. */
  default byte[] decodeBytes(int... ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length * 4);
    for (int id : ids) {
      bytes.writeBytes(bytes(id));
    }
    return bytes.toByteArray();
  }

  /**
   * Returns the text of the tokens, special tokens included: {@link #decodeBytes} read as UTF-8,
   * where ill-formed sequences become U+FFFD as {@link TokenDecoder} says.
   */
  default String decode(int... ids) {
    TokenDecoder decoder = streamingDecoder();
    StringBuilder text = new StringBuilder(ids.length * 4);
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.finish()).toString();
  }

  /** Returns the text of one token on its own, for display. */
  default String piece(int id) {
    return decode(id);
  }

  /** Starts to decode a sequence of tokens one by one, special tokens included. */
  default TokenDecoder streamingDecoder() {
    return streamingDecoder(false);
  }

  /**
   * Starts to decode a sequence of tokens one by one.
   *
   * @param skipSpecial whether tokens for which {@link #isSpecial} holds give no text
   */
  default TokenDecoder streamingDecoder(boolean skipSpecial) {
    return new TokenDecoder(this, skipSpecial);
  }

  /** Returns what kind of token it is. */
  TokenType type(int id);

  /**
   * Says whether a token marks structure (start, end, turns, padding) and is no text. Tokens that
   * the model's maker added as text, such as runs of spaces, are not special.
   */
  default boolean isSpecial(int id) {
    return type(id).isSpecial();
  }

  /** Returns the token of a role, if the vocabulary has one. */
  OptionalInt token(TokenRole role);

  /** Returns the token that begins a text, if there is one. */
  default OptionalInt bos() {
    return token(TokenRole.BOS);
  }

  /** Returns the token that ends a text, if there is one. */
  default OptionalInt eos() {
    return token(TokenRole.EOS);
  }

  /**
   * Returns the tokens after which generation stops: ends of text, of turn and of message.
   * Unmodifiable.
   */
  Set<Integer> endOfGeneration();

  /** Says whether generation stops after this token. */
  default boolean isEndOfGeneration(int id) {
    return endOfGeneration().contains(id);
  }
}
