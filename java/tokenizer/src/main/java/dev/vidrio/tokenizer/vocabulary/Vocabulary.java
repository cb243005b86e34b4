package dev.vidrio.tokenizer.vocabulary;

import dev.vidrio.error.ModelFileException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The vocabulary of a model file, in the terms of GGUF. Errors name GGUF's keys.
 *
 * @param source the file, for errors
 * @param model the algorithm that encodes text
 * @param tokens the spelling of each token, indexed by id: text as the model spells it, a byte as
 *     {@code <0x0A>}, other tokens literally
 * @param types the type of each token
 * @param roles the ids of the tokens with declared roles
 * @param addBos whether {@link TokenRole#BOS} is prepended to a text
 * @param addEos whether {@link TokenRole#EOS} is appended to a text
 * @param literalRules the matching rules of literal tokens
 * @param pairTemplate the layout of a pair of sequences
 */
public record Vocabulary(
    String source,
    TokenModel model,
    List<String> tokens,
    List<TokenType> types,
    Map<TokenRole, Integer> roles,
    boolean addBos,
    boolean addEos,
    LiteralRules literalRules,
    PairTemplate pairTemplate) {

  /** The maximum number of token ids of an architecture. */
  public static final int MAX_EMBEDDINGS = 1 << 22;

  /** The score of tokens that never result from text. */
  private static final float UNLIKELY = -1000;

  /** Creates a vocabulary with the standard layout of pairs. */
  public Vocabulary(
      String source,
      TokenModel model,
      List<String> tokens,
      List<TokenType> types,
      Map<TokenRole, Integer> roles,
      boolean addBos,
      boolean addEos,
      LiteralRules literalRules) {
    this(
        source,
        model,
        tokens,
        types,
        roles,
        addBos,
        addEos,
        literalRules,
        PairTemplate.standard(roles, addBos, addEos, false, 0));
  }

  /**
   * Copies the lists and checks their consistency.
   *
   * @throws ModelFileException if there are no tokens, the number of types or scores differs from
   *     the number of tokens, a score is NaN, the token of a role is out of range, or a token to be
   *     added is missing
   */
  public Vocabulary {
    tokens = List.copyOf(tokens);
    types = List.copyOf(types);
    roles = Map.copyOf(roles);
    int size = tokens.size();
    if (size == 0) {
      throw error(source, "tokens", "", "must not be empty");
    }
    if (types.size() != size) {
      String limit = "must be one for each of " + size + " tokens";
      throw error(source, "token_type", types.size() + " types", limit);
    }
    switch (model) {
      case TokenModel.ByteLevelBpe bpe -> {}
      case TokenModel.WordPiece wordPiece -> {}
      case TokenModel.SentencePieceBpe bpe -> checkScores(source, bpe.scores(), size);
      case TokenModel.Unigram unigram -> {
        checkScores(source, unigram.scores(), size);
        int infinite = unigram.scores().indexOf(Float.NEGATIVE_INFINITY);
        if (infinite >= 0) {
          throw error(source, "scores", infinite, "-Infinity", "must be finite");
        }
      }
      case TokenModel.Pipeline pipeline -> {
        if (!pipeline.scores().isEmpty()) {
          checkScores(source, pipeline.scores(), size);
        }
      }
    }
    for (Map.Entry<TokenRole, Integer> role : roles.entrySet()) {
      int id = role.getValue();
      if (id < 0 || id >= size) {
        throw error(source, role.getKey().key(), String.valueOf(id), "must be 0 to " + (size - 1));
      }
    }
    for (PairTemplate.Part part : pairTemplate.parts()) {
      if (part.token() >= size) {
        throw new ModelFileException(
            source,
            "key '" + PairTemplate.KEY + "'",
            "token " + part.token(),
            "must be 0 to " + (size - 1));
      }
    }
    if (addBos && !roles.containsKey(TokenRole.BOS)) {
      throw error(source, TokenRole.BOS.key(), "", "is missing, but add_bos_token is true");
    }
    if (addEos && !roles.containsKey(TokenRole.EOS)) {
      throw error(source, TokenRole.EOS.key(), "", "is missing, but add_eos_token is true");
    }
  }

  /**
   * Returns this vocabulary extended to a number of embedding rows. The added tokens are unused.
   */
  public Vocabulary padded(long embeddings) {
    int missing = (int) Math.min(embeddings, MAX_EMBEDDINGS) - tokens.size();
    if (missing <= 0) {
      return this;
    }
    TokenModel padded =
        switch (model) {
          case TokenModel.ByteLevelBpe bpe -> bpe;
          case TokenModel.WordPiece wordPiece -> wordPiece;
          case TokenModel.SentencePieceBpe bpe ->
              new TokenModel.SentencePieceBpe(
                  padded(bpe.scores(), missing, UNLIKELY), bpe.merges(), bpe.spacePrefix());
          case TokenModel.Unigram unigram ->
              new TokenModel.Unigram(
                  padded(unigram.scores(), missing, UNLIKELY),
                  unigram.addSpacePrefix(),
                  unigram.removeExtraSpaces(),
                  unigram.charsmap());
          case TokenModel.Pipeline pipeline ->
              pipeline.scores().isEmpty()
                  ? pipeline
                  : new TokenModel.Pipeline(
                      pipeline.stages(),
                      pipeline.merges(),
                      padded(pipeline.scores(), missing, Double.NEGATIVE_INFINITY));
        };
    return new Vocabulary(
        source,
        padded,
        padded(tokens, missing, ""),
        padded(types, missing, TokenType.UNUSED),
        roles,
        addBos,
        addEos,
        literalRules,
        pairTemplate);
  }

  private static <T> List<T> padded(List<T> values, int missing, T padding) {
    return Stream.concat(values.stream(), Collections.nCopies(missing, padding).stream()).toList();
  }

  private static void checkScores(String source, List<? extends Number> scores, int size) {
    if (scores.size() != size) {
      String limit = "must be one for each of " + size + " tokens";
      throw error(source, "scores", scores.size() + " scores", limit);
    }
    for (int id = 0; id < size; id++) {
      double score = scores.get(id).doubleValue();
      if (Double.isNaN(score) || score == Double.POSITIVE_INFINITY) {
        throw error(source, "scores", id, String.valueOf(score), "must be a number");
      }
    }
  }

  private static ModelFileException error(String source, String key, String value, String limit) {
    return new ModelFileException(source, "key 'tokenizer.ggml." + key + "'", value, limit);
  }

  private static ModelFileException error(
      String source, String key, int index, String value, String limit) {
    String field = "key 'tokenizer.ggml." + key + "'[" + index + "]";
    return new ModelFileException(source, field, "'" + value + "'", limit);
  }

  /** Creates the error for an invalid token list. */
  public ModelFileException tokensError(String limit) {
    return error(source, "tokens", "", limit);
  }

  /** Creates the error for an invalid token. */
  public ModelFileException tokenError(int id, String limit) {
    return error(source, "tokens", id, tokens.get(id), limit);
  }

  /** Creates the error for an invalid merge. */
  public ModelFileException mergeError(int rank, String merge, String limit) {
    return error(source, "merges", rank, merge, limit);
  }
}
