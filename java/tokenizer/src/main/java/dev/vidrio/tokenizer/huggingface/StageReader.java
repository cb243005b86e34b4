package dev.vidrio.tokenizer.huggingface;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.normalization.TextTransforms;
import dev.vidrio.tokenizer.regex.Regex;
import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.word.SplitBehavior;
import dev.vidrio.tokenizer.word.WordPatterns;
import dev.vidrio.tokenizer.word.WordSplitter;
import dev.vidrio.tokenizer.wordpiece.BertNormalizer;
import dev.vidrio.tokenizer.wordpiece.BertWords;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads the stages of a {@code tokenizer.json}. */
public final class StageReader {

  private static final Regex SPACE = new Regex.OneOf(CharSet.SPACE);
  private static final Regex NUMBER = new Regex.OneOf(CharSet.NUMBER);
  private static final Regex PUNCTUATION = new Regex.OneOf(CharSet.PUNCTUATION_OR_ASCII_SYMBOL);

  /** Words and runs of symbols, the pattern of {@code Whitespace}. */
  private static final Regex WORDS =
      new Regex.Choice(
          List.of(
              new Regex.Repeat(new Regex.OneOf(CharSet.WORD), 1, -1),
              new Regex.Repeat(
                  new Regex.OneOf(CharSet.union(CharSet.WORD, CharSet.SPACE).complement()),
                  1,
                  -1)));

  private final TokenizerJson json;
  private final List<WordSplitter> splitters = new ArrayList<>();

  StageReader(TokenizerJson json) {
    this.json = json;
  }

  /**
   * Reads serialized pipeline stages.
   *
   * @param file the name of the file in errors
   * @throws ModelFileException if the stages are not JSON
   */
  public StageReader(String file, String stages) {
    this(TokenizerJson.parse(file, stages));
  }

  /** Reads the {@code normalizer}. */
  TextTransform normalizer() {
    List<TextTransform> steps = json.steps("normalizer").stream().map(this::step).toList();
    return TextTransform.sequence(steps);
  }

  private TextTransform step(JsonNode step) {
    String type = TokenizerJson.type(step);
    return switch (type) {
      case "NFC", "NFD", "NFKC", "NFKD" -> Normalization.valueOf(type)::apply;
      case "Lowercase" -> TextTransforms::lowercase;
      case "StripAccents" -> TextTransforms::stripAccents;
      case "ByteLevel" -> TextTransforms::spellBytes;
      case "Strip" ->
          TextTransforms.strip(
              step.path("strip_left").asBoolean(true), step.path("strip_right").asBoolean(true));
      case "Prepend" -> TextTransforms.prepend(json.shortText(step, "prepend"), false);
      case "Replace" -> TextTransforms.replace(json.pattern(step), json.shortText(step, "content"));
      case "BertNormalizer" ->
          new BertNormalizer(
              step.path("clean_text").asBoolean(true),
              step.path("handle_chinese_chars").asBoolean(true),
              WordPieceReader.stripsAccents(step),
              WordPieceReader.lowercases(step));
      case "Precompiled" -> TextTransforms.replace(charsmap(step.path("precompiled_charsmap")));
      default ->
          throw json.unsupported(
              "normalizer",
              step,
              "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, ByteLevel, Strip, Prepend, Replace,"
                  + " Precompiled, BertNormalizer");
    };
  }

  private Charsmap charsmap(JsonNode value) {
    try {
      return new Charsmap(Base64.getDecoder().decode(value.asString("")));
    } catch (IllegalArgumentException e) {
      throw new ModelFileException(
          json.file(),
          "precompiled_charsmap",
          value.asString("").length() + " characters",
          "must be base64 of a table: " + e.getMessage());
    }
  }

  /**
   * Reads the {@code pre_tokenizer}.
   *
   * @param first whether it is for the beginning of a text
   */
  WordSplitter words(boolean first) {
    splitters.clear();
    for (JsonNode step : json.steps("pre_tokenizer")) {
      add(step, first);
    }
    return WordSplitter.sequence(splitters);
  }

  private void add(JsonNode step, boolean first) {
    switch (TokenizerJson.type(step)) {
      case "Split" ->
          splitters.add(
              behavior(step, "")
                  .splitter(json.pattern(step), step.path("invert").asBoolean(false)));
      case "Punctuation" -> split(PUNCTUATION, behavior(step, "Isolated"));
      case "WhitespaceSplit" -> split(SPACE, SplitBehavior.REMOVED);
      case "Whitespace" ->
          splitters.add(SplitBehavior.REMOVED.splitter(new RegexSearch(WORDS), true));
      case "BertPreTokenizer" -> splitters.add(new BertWords());
      case "Digits" -> {
        boolean alone = step.path("individual_digits").asBoolean(false);
        split(NUMBER, alone ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS);
      }
      case "Metaspace" -> metaspace(step, first);
      case "ByteLevel" -> byteLevel(step);
      default ->
          throw json.unsupported(
              "pre_tokenizer",
              step,
              "Split, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, Digits,"
                  + " Metaspace, ByteLevel");
    }
  }

  private void split(Regex pattern, SplitBehavior behavior) {
    splitters.add(behavior.splitter(new RegexSearch(pattern), false));
  }

  private void change(TextTransform step) {
    splitters.add(WordSplitter.transforming(step));
  }

  private SplitBehavior behavior(JsonNode step, String otherwise) {
    String id = step.path("behavior").asString(otherwise);
    return Arrays.stream(SplitBehavior.values())
        .filter(behavior -> behavior.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                json.unsupported(
                    "behavior '" + id + "' of " + TokenizerJson.type(step),
                    "Isolated, Removed, Contiguous, MergedWithPrevious, MergedWithNext"));
  }

  private void metaspace(JsonNode step, boolean first) {
    String replacement = step.path("replacement").asString("");
    if (replacement.codePointCount(0, replacement.length()) != 1) {
      throw json.unsupported("Metaspace with the replacement '" + replacement + "'", "a character");
    }
    boolean later = !splitters.isEmpty();
    change(TextTransforms.replace(RegexSearch.literal(" "), replacement));
    boolean never = !step.path("add_prefix_space").asBoolean(true);
    String scheme = step.path("prepend_scheme").asString(never ? "never" : "always");
    switch (scheme) {
      case "always" -> change(TextTransforms.prepend(replacement, true));
      case "first" -> {
        if (later) {
          throw json.unsupported(
              "prepend_scheme 'first' after another pre_tokenizer", "always, never");
        }
        if (first) {
          change(TextTransforms.prepend(replacement, true));
        }
      }
      case "never" -> {}
      default -> throw json.unsupported("prepend_scheme '" + scheme + "'", "always, first, never");
    }
    if (step.path("split").asBoolean(true)) {
      splitters.add(
          SplitBehavior.MERGED_WITH_NEXT.splitter(RegexSearch.literal(replacement), false));
    }
  }

  private void byteLevel(JsonNode step) {
    if (step.path("add_prefix_space").asBoolean(true)) {
      change(TextTransforms.prepend(" ", true));
    }
    if (step.path("use_regex").asBoolean(true)) {
      splitters.add(WordSplitter.around(new RegexSearch(WordPatterns.GPT_2)));
    }
    change(TextTransforms::spellBytes);
  }

  /**
   * The decoder of a tokenizer.
   *
   * @param spelling transforms a token's spelling
   * @param isByteLevel whether the result is in GPT-2's byte alphabet
   */
  public record Decoder(TextTransform spelling, boolean isByteLevel) {}

  /**
   * Reads the {@code decoder}, which converts the spelling of a token to its text. Steps that
   * affect the beginning of the whole text, such as stripping the prepended space, are not applied:
   * the bytes of a token do not depend on its position.
   *
   * @throws UnsupportedModelException if a step is not supported
   */
  public Decoder decoder() {
    List<TextTransform> steps = new ArrayList<>();
    boolean byteLevel =
        json.steps("pre_tokenizer").stream()
            .anyMatch(step -> TokenizerJson.type(step).equals("ByteLevel"));
    boolean fused = false;
    for (JsonNode step : json.steps("decoder")) {
      switch (TokenizerJson.type(step)) {
        case "Replace" ->
            steps.add(TextTransforms.replace(json.pattern(step), json.shortText(step, "content")));
        case "Metaspace" ->
            steps.add(
                TextTransforms.replace(
                    RegexSearch.literal(step.path("replacement").asString("▁")), " "));
        case "ByteLevel" -> byteLevel = true;
        case "WordPiece" -> steps.add(wordPiece(step.path("prefix").asString("##")));
        case "ByteFallback" -> {}
        case "Fuse" -> fused = true;
        case "Strip" -> {
          if (!fused) {
            throw json.unsupported("decoder Strip without Fuse before it", "one after it");
          }
        }
        default ->
            throw json.unsupported(
                "decoder",
                step,
                "Replace, ByteFallback, Fuse, Strip, Metaspace, ByteLevel, WordPiece");
      }
    }
    return new Decoder(TextTransform.sequence(steps), byteLevel);
  }

  /** Returns the transform that removes the prefix of a continuation or prepends a space. */
  private static TextTransform wordPiece(String prefix) {
    byte[] bytes = prefix.getBytes(UTF_8);
    TextTransform start = TextTransforms.prepend(" ", false);
    return (text, from, to) ->
        to - from > bytes.length
                && Arrays.equals(text, from, from + bytes.length, bytes, 0, bytes.length)
            ? Arrays.copyOfRange(text, from + bytes.length, to)
            : start.apply(text, from, to);
  }
}
