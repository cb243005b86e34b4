package dev.vidrio.grammar.schema;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.grammar.ListTokenizer;
import dev.vidrio.grammar.RandomWalk;
import dev.vidrio.grammar.TokenConstraint;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** A schema, with texts in the grammar and texts not in it. */
record SchemaCase(String schema, List<String> in, List<String> out) {

  private static final ListTokenizer PIECES =
      ListTokenizer.of(
          "{\"", "\":", "\": ", ", \"", "\"}", "[]", "{}", "true", "null", "12", ".5", "-0", "é\"",
          "\n  ", "abc", "\\u00", "e9", "\\\"", "2024-", "-02-", "T1", ":00", "\",", "aa", "name");

  /** Creates a case from texts with apostrophes instead of quotation marks. */
  static SchemaCase of(String schema, List<String> in, List<String> out) {
    return new SchemaCase(schema.replace('\'', '"'), quoted(in), quoted(out));
  }

  private static List<String> quoted(List<String> texts) {
    return texts.stream().map(text -> text.replace('\'', '"')).toList();
  }

  /** Returns the errors that an independent validator finds in a text. */
  static List<?> errors(String schema, String text) {
    Schema validator =
        SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(schema);
    return validator.validate(
        text,
        InputFormat.JSON,
        context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
  }

  /** Checks that the grammar has the given texts, which are valid, and not the others. */
  void checkTexts() {
    Grammar grammar = Grammar.jsonSchema(schema);
    in.forEach(text -> assertTrue(grammar.matches(text), text));
    out.forEach(text -> assertFalse(grammar.matches(text), text));
    in.forEach(text -> assertEquals(List.of(), errors(schema, text), text));
  }

  /** Checks that every generated text is valid according to the independent validator. */
  void checkGenerated() {
    SplittableRandom random = new SplittableRandom(11);
    TokenConstraint constraint = TokenConstraint.of(Grammar.jsonSchema(schema), PIECES);
    RandomWalk walk = new RandomWalk(PIECES);
    int ended = 0;
    for (int i = 0; i < 50; i++) {
      Optional<byte[]> text = walk.text(constraint, 30, random);
      if (text.isPresent()) {
        ended++;
        String json = new String(text.get(), UTF_8);
        assertEquals(List.of(), errors(schema, json), json);
      }
    }
    assertTrue(ended > 25, ended + " of 50");
  }

  @Override
  public String toString() {
    return schema;
  }
}
