package dev.vidrio.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The tokenizer of a vocabulary: text is cut at literal tokens, and what lies between is given to
 * the model of the vocabulary.
 */
final class VocabularyTokenizer implements Tokenizer {

  private final OptionalInt first;
  private final OptionalInt last;
  private final TextModel model;
  private final TokenStrips strips;
  private final TokenType[] types;
  private final byte[][] bytes;
  private final byte[][] spellings;
  private final LiteralTokens literals;
  private final LiteralTokens userDefined;
  private final Map<TokenRole, Integer> roles;
  private final Set<Integer> endOfGeneration;

  /**
   * Makes the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is unknown
   * @throws ModelFileException if a token occurs twice, a token other than an unused one is empty,
   *     a byte token is misspelled or missing, or a merge is malformed, occurs twice or is of
   *     tokens that do not exist
   */
  VocabularyTokenizer(Vocabulary vocabulary) {
    Map<String, Integer> ids = index(vocabulary);
    SpecialTokens special = new SpecialTokens(vocabulary, ids);
    types = special.types();
    strips = vocabulary.strips();
    roles = special.roles();
    endOfGeneration = special.endOfGeneration();
    first = vocabulary.addBos() ? bos() : OptionalInt.empty();
    last = vocabulary.addEos() ? eos() : OptionalInt.empty();
    bytes = new byte[types.length][];
    for (int id = 0; id < bytes.length; id++) {
      bytes[id] = bytes(vocabulary, id, types[id]);
    }
    model =
        switch (vocabulary.model()) {
          case TokenModel.ByteLevelBpe bpe -> new ByteLevelModel(vocabulary, bpe, ids, types);
          case TokenModel.SentencePieceBpe bpe ->
              new SentencePieceModel(vocabulary, bpe, ids, bytes, types);
          case TokenModel.Unigram unigram -> new UnigramModel(vocabulary, unigram, bytes, types);
        };
    spellings = new byte[types.length][];
    Arrays.setAll(spellings, id -> vocabulary.tokens().get(id).getBytes(UTF_8));
    literals = new LiteralTokens(spellings, id -> types[id].isLiteral());
    userDefined = new LiteralTokens(spellings, id -> types[id] == TokenType.USER_DEFINED);
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
      case NORMAL, USER_DEFINED ->
          switch (vocabulary.model()) {
            case TokenModel.ByteLevelBpe bpe ->
                type == TokenType.NORMAL ? ByteAlphabet.bytes(token) : token.getBytes(UTF_8);
            case TokenModel.SentencePieceBpe bpe -> Spaces.unescape(token).getBytes(UTF_8);
            case TokenModel.Unigram unigram -> Spaces.unescape(token).getBytes(UTF_8);
          };
      case UNKNOWN, CONTROL -> token.getBytes(UTF_8);
      case UNUSED -> new byte[0];
      case BYTE -> {
        if (!token.matches("<0x[0-9A-Fa-f]{2}>")) {
          throw vocabulary.tokenError(id, "must be spelled like '<0x0A>', being a byte token");
        }
        yield new byte[] {(byte) Integer.parseInt(token, 3, 5, 16)};
      }
    };
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    IntList out = new IntList(utf8.length / 3 + 8);
    if (options.addBosEos()) {
      first.ifPresent(out::add);
    }
    LiteralTokens wanted = options.parseSpecial() ? literals : userDefined;
    TextModel.TextEncoder encoder = model.encoder(out);
    int start = 0;
    int pos = 0;
    while (pos < utf8.length) {
      int literal = wanted.at(utf8, pos);
      if (literal < 0) {
        pos++;
        continue;
      }
      int end = strips.endBefore(literal, utf8, start, pos);
      if (start < end) {
        encoder.encode(utf8, start, end);
      }
      out.add(literal);
      pos = strips.startAfter(literal, utf8, pos + spellings[literal].length);
      start = pos;
    }
    if (start < utf8.length) {
      encoder.encode(utf8, start, utf8.length);
    }
    if (options.addBosEos()) {
      last.ifPresent(out::add);
    }
    return out.toArray(0);
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
}
