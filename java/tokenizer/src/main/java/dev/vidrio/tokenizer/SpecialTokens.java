package dev.vidrio.tokenizer;

import static dev.vidrio.tokenizer.vocabulary.TokenRole.EOM;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.EOS;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.EOT;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_FILE_SEPARATOR;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_MIDDLE;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_PADDING;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_PREFIX;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_REPOSITORY;
import static dev.vidrio.tokenizer.vocabulary.TokenRole.FIM_SUFFIX;

import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Determines types and roles of special tokens. Files declare them incompletely; the rest is
 * derived from the tokens' spellings by the rules of llama.cpp, so that generation stops at the
 * same tokens.
 */
final class SpecialTokens {

  /**
   * The spellings by which the token of an undeclared role is recognized; the first one present
   * wins.
   */
  private static final Map<TokenRole, List<String>> SPELLINGS =
      new EnumMap<>(
          Map.of(
              EOT,
              words(
                  """
                  <|eot_id|> <|im_end|> <|end|> <end_of_turn> <|endoftext|> <|end_of_text|> <EOT>
                  _<EOT> [EOT] <｜end▁of▁sentence｜> <end_of_utterance>
                  """),
              EOM,
              words("<|eom_id|>"),
              FIM_PREFIX,
              words(
                  """
                  <|fim_prefix|> <fim-prefix> <fim_prefix> <｜fim▁begin｜> <PRE> ▁<PRE>
                  <|code_prefix|> <|prefix|>
                  """),
              FIM_SUFFIX,
              words(
                  """
                  <|fim_suffix|> <fim-suffix> <fim_suffix> <｜fim▁hole｜> <SUF> ▁<SUF>
                  <|code_suffix|> <|suffix|>
                  """),
              FIM_MIDDLE,
              words(
                  """
                  <|fim_middle|> <fim-middle> <fim_middle> <｜fim▁end｜> <MID> ▁<MID>
                  <|code_middle|> <|middle|>
                  """),
              FIM_PADDING,
              words("<|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD]"),
              FIM_REPOSITORY,
              words("<|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame>"),
              FIM_FILE_SEPARATOR,
              words("<|file_sep|>")));

  /** The tokens that end generation regardless of their declared type. */
  private static final List<String> ENDS =
      words(
          """
          <|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn>
          <|endoftext|> </s> <|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|>
          <end_of_utterance> <eos> <turn|> <|tool_response> <｜end▁of▁sentence｜> [e~[
          """);

  /**
   * The tokens that are always shown and always parsed, although files declare them as control
   * tokens.
   */
  private static final List<String> SHOWN =
      words(
          """
          <|channel|> <|message|> <|start|> <|constrain|> <think> </think> [THINK] [/THINK]
          <seed:think> </seed:think> <|channel> <channel|> <|tool_call> <tool_call|>
          <tool_response|> <|"|>
          """);

  /** The roles of tokens that end generation. */
  private static final List<TokenRole> ENDING_ROLES =
      List.of(EOS, EOT, EOM, FIM_PADDING, FIM_REPOSITORY, FIM_FILE_SEPARATOR);

  private final SpellingIndex ids;
  private final TokenType[] types;
  private final Map<TokenRole, Integer> roles = new EnumMap<>(TokenRole.class);
  private final Set<Integer> ends = new TreeSet<>();

  SpecialTokens(Vocabulary vocabulary, SpellingIndex ids) {
    this.ids = ids;
    types = vocabulary.types().toArray(TokenType[]::new);
    roles.putAll(vocabulary.roles());
    SPELLINGS.forEach(
        (role, spellings) -> {
          Optional<String> known = spellings.stream().filter(ids::contains).findFirst();
          if (known.isPresent() && !roles.containsKey(role)) {
            roles.put(role, retype(known.get(), TokenType.CONTROL));
          }
        });
    for (TokenRole role : ENDING_ROLES) {
      if (roles.containsKey(role)) {
        ends.add(roles.get(role));
      }
    }
    ENDS.stream()
        .filter(ids::contains)
        .forEach(spelling -> ends.add(retype(spelling, TokenType.CONTROL)));
    SHOWN.stream()
        .filter(ids::contains)
        .forEach(spelling -> retype(spelling, TokenType.USER_DEFINED));
    // In formats with these tokens, the other one occurs within a turn.
    boolean calls = ends("<|call|>") || ends("<|calls|>");
    if (calls && (ends("<|return|>") || ends("<|flush|>"))) {
      continues("<|end|>", TokenType.USER_DEFINED);
    }
    if (ends("<|tool_response>") || ends("<|plamo:eos|>")) {
      continues("</s>", TokenType.NORMAL);
    }
  }

  private static List<String> words(String text) {
    return Arrays.stream(text.strip().split("\\s+")).toList();
  }

  private int retype(String spelling, TokenType type) {
    int id = ids.get(spelling);
    types[id] = type;
    return id;
  }

  private boolean ends(String spelling) {
    return ids.contains(spelling) && ends.contains(ids.get(spelling));
  }

  private void continues(String spelling, TokenType type) {
    if (ends(spelling)) {
      ends.remove(retype(spelling, type));
    }
  }

  /** Returns the corrected type of each token. */
  TokenType[] types() {
    return types;
  }

  /** Returns the tokens of all known roles, unmodifiable. */
  Map<TokenRole, Integer> roles() {
    return Collections.unmodifiableMap(roles);
  }

  /** Returns the tokens that end generation, unmodifiable. */
  Set<Integer> endOfGeneration() {
    return Collections.unmodifiableSet(ends);
  }
}
