package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A small vocabulary trained by SentencePiece, with the ids that SentencePiece gives for sample
 * texts.
 */
public final class SampleVocabulary {

  private final JsonNode json;

  private SampleVocabulary(JsonNode json) {
    this.json = json;
  }

  /** A text and its ids. */
  public record Sample(String text, List<Integer> ids) {}

  public static SampleVocabulary read(String resource) {
    try (InputStream in = SampleVocabulary.class.getResourceAsStream(resource)) {
      return new SampleVocabulary(new JsonMapper().readTree(Objects.requireNonNull(in)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public List<Float> scores() {
    return json.get("scores").valueStream().map(JsonNode::floatValue).toList();
  }

  /** Returns the {@code precompiled_charsmap}. */
  public byte[] charsmap() {
    return Base64.getDecoder().decode(json.get("charsmap").stringValue());
  }

  public Vocabulary vocabulary(TokenModel model) {
    return new Vocabulary(
        "sample.gguf",
        model,
        json.get("tokens").valueStream().map(JsonNode::stringValue).toList(),
        json.get("types").valueStream().map(type -> type(type.intValue())).toList(),
        Map.of(TokenRole.UNKNOWN, 0, TokenRole.BOS, 1, TokenRole.EOS, 2),
        false,
        false,
        LiteralRules.NONE);
  }

  private static TokenType type(int number) {
    for (TokenType type : TokenType.values()) {
      if (type.number() == number) {
        return type;
      }
    }
    throw new IllegalArgumentException("type " + number);
  }

  public List<Sample> samples() {
    return json.get("samples").valueStream().map(SampleVocabulary::sample).toList();
  }

  private static Sample sample(JsonNode pair) {
    List<Integer> ids = pair.get(1).valueStream().map(JsonNode::intValue).toList();
    return new Sample(pair.get(0).stringValue(), ids);
  }
}
