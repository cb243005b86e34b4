package dev.vidrio.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** A tokenizer of all bytes, then some texts, then a special token, then the end token. */
public final class ListTokenizer implements Tokenizer {
  private final List<byte[]> tokens = new ArrayList<>();

  public ListTokenizer(List<byte[]> texts) {
    for (int i = 0; i < 256; i++) {
      tokens.add(new byte[] {(byte) i});
    }
    tokens.addAll(texts);
    tokens.add("<special>".getBytes(UTF_8));
    tokens.add("</s>".getBytes(UTF_8));
  }

  public static ListTokenizer of(String... texts) {
    return new ListTokenizer(List.of(texts).stream().map(text -> text.getBytes(UTF_8)).toList());
  }

  int end() {
    return tokens.size() - 1;
  }

  int special() {
    return tokens.size() - 2;
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    throw new UnsupportedOperationException("nothing is encoded here");
  }

  @Override
  public int[] encode(List<String> parts, EncodeOptions options) {
    throw new UnsupportedOperationException("nothing is encoded here");
  }

  @Override
  public int vocabularySize() {
    return tokens.size();
  }

  @Override
  public byte[] bytes(int id) {
    return tokens.get(id).clone();
  }

  @Override
  public TokenType type(int id) {
    return id >= special() ? TokenType.CONTROL : TokenType.NORMAL;
  }

  @Override
  public OptionalInt token(TokenRole role) {
    return OptionalInt.empty();
  }

  @Override
  public Set<Integer> endOfGeneration() {
    return Set.of(end());
  }
}
