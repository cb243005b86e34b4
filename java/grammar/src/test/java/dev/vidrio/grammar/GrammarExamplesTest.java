package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class GrammarExamplesTest {
  @Test
  void matchesExpectedTexts() {
    List<Grammar> grammars = GrammarExamples.grammars();
    assertTrue(grammars.get(0).matches("{\"city\": \"Lisbon\", \"inhabitants\": 548703}"));
    assertTrue(grammars.get(1).matches("20 July 1969"));
    assertTrue(grammars.get(2).matches("yes"));
    assertTrue(grammars.get(3).matches("- eggs\n- flour\n"));
  }

  /** The files that docs/structured-output.md uses. */
  @Test
  void compilesFilesOfDocumentation() throws IOException {
    Path examples = Path.of("../../docs/examples");
    Grammar city = Grammar.jsonSchema(Files.readString(examples.resolve("city.json")));
    assertTrue(
        city.matches(
            """
            {
            "city": "Lisbon",
            "country": "Portugal",
            "continent": "Europe","inhabitants": 548703
            }\
            """));
    Grammar sonnet = Grammar.ebnf(Files.readString(examples.resolve("sonnet.gbnf")));
    assertTrue(
        sonnet.matches(
            """
            Shall I compare thee to a summer's day?
            The jadipphers of a sneapy,
            Towards and the sea with study,
            """));
  }

  @Test
  void followsMasks() {
    ListTokenizer tokenizer = ListTokenizer.of();
    int[] ids =
        GrammarExamples.constraint(
            Grammar.choice(List.of("ab")), tokenizer, 2, UnaryOperator.identity());
    assertArrayEquals(new int[] {'a', 'b'}, ids);
  }
}
