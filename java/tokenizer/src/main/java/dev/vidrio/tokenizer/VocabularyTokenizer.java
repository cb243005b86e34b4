package dev.vidrio.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.bpe.ByteLevelModel;
import dev.vidrio.tokenizer.bpe.SentencePieceModel;
import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.huggingface.PipelineModel;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.unigram.UnigramModel;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.wordpiece.WordPieceModel;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * The tokenizer of a vocabulary: splits text at literal tokens and encodes the segments between
 * them with the vocabulary's model.
 */
final class VocabularyTokenizer implements Tokenizer {

  private static final byte[] NO_BYTES = {};

  private final OptionalInt first;
  private final OptionalInt last;
  private final TextModel model;
  private final TokenType[] types;
  private final byte[][] bytes;
  private final Literals literals;
  private final Literals userDefined;
  private final Map<TokenRole, Integer> roles;
  private final Set<Integer> endOfGeneration;
  private final PairTemplate pairTemplate;

  /**
   * Creates the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is not supported
   * @throws ModelFileException if a token is duplicated, a token that is not unused is empty, a
   *     byte token is misspelled or missing, or a merge is malformed, duplicated or refers to a
   *     missing token
   */
  VocabularyTokenizer(Vocabulary vocabulary) {
    SpellingIndex ids = index(vocabulary);
    SpecialTokens special = new SpecialTokens(vocabulary, ids);
    types = special.types();
    roles = special.roles();
    endOfGeneration = special.endOfGeneration();
    pairTemplate = vocabulary.pairTemplate();
    first = vocabulary.addBos() ? bos() : OptionalInt.empty();
    last = vocabulary.addEos() ? eos() : OptionalInt.empty();
    bytes = TokenBytes.of(vocabulary, types);
    model =
        switch (vocabulary.model()) {
          case TokenModel.ByteLevelBpe bpe -> ByteLevelModel.of(vocabulary, bpe, ids, types);
          case TokenModel.SentencePieceBpe bpe ->
              SentencePieceModel.of(vocabulary, bpe, ids, bytes, types);
          case TokenModel.WordPiece wordPiece -> WordPieceModel.of(vocabulary, wordPiece, types);
          case TokenModel.Unigram unigram -> UnigramModel.of(vocabulary, unigram, bytes, types);
          case TokenModel.Pipeline pipeline ->
              PipelineModel.of(vocabulary, pipeline, ids, bytes, types);
        };
    literals = literals(vocabulary, id -> types[id].isLiteral());
    userDefined = literals(vocabulary, id -> types[id] == TokenType.USER_DEFINED);
  }

  /**
   * The literal tokens, some searched in the original text, the others in the normalized segments
   * between.
   */
  private record Literals(LiteralSearch original, LiteralSearch normalized) {}

  private Literals literals(Vocabulary vocabulary, IntPredicate selected) {
    LiteralRules rules = vocabulary.literalRules();
    IntPredicate normalized = rules.normalized()::contains;
    byte[][] spellings = new byte[types.length][];
    Arrays.setAll(
        spellings,
        id -> selected.test(id) ? vocabulary.tokens().get(id).getBytes(UTF_8) : NO_BYTES);
    byte[][] normal = spellings.clone();
    rules.normalized().forEach(id -> normal[id] = model.normalizer().apply(spellings[id]));
    return new Literals(
        new LiteralSearch(spellings, selected.and(normalized.negate()), rules),
        new LiteralSearch(normal, selected.and(normalized), rules));
  }

  private static SpellingIndex index(Vocabulary vocabulary) {
    List<String> tokens = vocabulary.tokens();
    var index = new SpellingIndex(tokens);
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      if (token.isEmpty()) {
        if (vocabulary.types().get(id) != TokenType.UNUSED) {
          throw vocabulary.tokenError(id, "must not be empty");
        }
        continue;
      }
      int earlier = index.add(id);
      if (earlier >= 0) {
        throw vocabulary.tokenError(id, "is a duplicate of token " + earlier);
      }
    }
    return index;
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    return encodeParts(List.of(utf8), options);
  }

  @Override
  public int[] encode(List<String> parts, EncodeOptions options) {
    return encodeParts(parts.stream().map(Utf8::encode).toList(), options);
  }

  private int[] encodeParts(List<byte[]> parts, EncodeOptions options) {
    IntList out = new IntList(parts.stream().mapToInt(part -> part.length).sum() / 3 + 8);
    if (options.addBosEos()) {
      first.ifPresent(out::add);
    }
    Literals wanted = options.parseSpecial() ? literals : userDefined;
    TextModel.TextEncoder encoder = model.encoder(out);
    boolean begins = true;
    for (byte[] part : parts) {
      boolean atBegin = begins;
      wanted.original.split(
          part,
          (start, end) -> {
            byte[] segment = model.normalizer().apply(part, start, end);
            boolean isFirst = atBegin && start == 0;
            wanted.normalized.split(
                segment,
                (from, to) -> encoder.encode(segment, from, to, isFirst && from == 0),
                out::add);
          },
          out::add);
      begins &= part.length == 0;
    }
    if (options.addBosEos()) {
      last.ifPresent(out::add);
    }
    return out.toArray(0);
  }

  @Override
  public int[] encode(String text, EncodeOptions options, int maxTokens) {
    int[] ids = encode(text, options);
    boolean ends = options.addBosEos() && last.isPresent();
    int special = ends ? 1 + (first.isPresent() ? 1 : 0) : 0;
    if (maxTokens < special) {
      throw new InvalidInputException(
          "maxTokens", String.valueOf(maxTokens), "must be at least " + special);
    }
    if (ids.length <= maxTokens) {
      return ids;
    }
    int[] cut = Arrays.copyOf(ids, maxTokens);
    if (ends) {
      cut[maxTokens - 1] = last.getAsInt();
    }
    return cut;
  }

  @Override
  public PairTemplate pairTemplate() {
    return pairTemplate;
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
  public TokenType type(int id) {
    return types[check(id)];
  }

  private int check(int id) {
    return requireId(id, types.length);
  }

  /** Returns a valid id, or rejects it. */
  static int requireId(int id, int size) {
    if (id < 0 || id >= size) {
      throw new InvalidInputException("token id", String.valueOf(id), "must be 0 to " + (size - 1));
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
