package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests generation under grammars that the model was not trained on. */
class StructuredGenerationTest {

  private static final Grammar SCENE =
      Grammar.jsonSchema(
          """
          {"type": "object",
           "properties": {
             "title": {"type": "string", "maxLength": 30},
             "acts": {"type": "integer", "minimum": 1, "maximum": 5},
             "roles": {"type": "array", "items": {"$ref": "#/$defs/role"}, "maxItems": 3}},
           "required": ["title", "acts", "roles"],
           "additionalProperties": false,
           "$defs": {"role": {
             "type": "object",
             "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 12},
               "dies": {"type": "boolean"}},
             "required": ["name", "dies"]}}}
          """);

  private static Model model;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static GenerationOptions options(Grammar grammar, double temperature, int seed) {
    SamplingOptions sampling =
        SamplingOptions.builder().temperature(temperature).topK(0).seed(seed).build();
    return GenerationOptions.DEFAULT.withTokens(200).withSampling(sampling).withGrammar(grammar);
  }

  @Test
  @Tag("long")
  void stoppedTextsAreValid() {
    int stopped = 0;
    for (int seed = 0; seed < 30; seed++) {
      GenerationResult result =
          model.generate("ACT I. SCENE", options(SCENE, seed % 3, seed)).result();
      if (result.finish() == FinishReason.STOP) {
        assertTrue(SCENE.matches(result.text()), result.text());
        stopped++;
      }
    }
    assertTrue(stopped > 15, stopped + " of 30");
  }

  @Test
  void completeGrammarEndsWithoutAStep() {
    Grammar grammar = Grammar.choice(List.of("HAMLET", "OPHELIA"));
    for (int seed = 0; seed < 10; seed++) {
      GenerationOptions options = options(grammar, 1, seed).withIgnoreEnd(true);
      GenerationResult result = model.generate("To be\n\n", options).result();
      assertEquals(FinishReason.STOP, result.finish());
      assertTrue(List.of("HAMLET", "OPHELIA").contains(result.text()), result.text());
    }
  }

  /** The end token of a complete text is not part of it, also with ignoreEnd. */
  @Test
  @Tag("long")
  void endTokenIsNotPartOfTheText() {
    int stopped = 0;
    for (int seed = 0; stopped == 0 && seed < 40; seed++) {
      GenerationOptions options = options(Grammar.regex("[a-z]*"), 1, seed);
      GenerationResult result = model.generate("To be", options).result();
      assertEquals(result, model.generate("To be", options.withIgnoreEnd(true)).result());
      stopped += result.finish() == FinishReason.STOP ? 1 : 0;
    }
    assertTrue(stopped > 0);
  }

  @Test
  void grammarOfAllTextsChangesNothing() {
    GenerationOptions free = options(Grammar.regex("[^]*"), 0, 0).withTokens(40);
    assertEquals(
        model.generate("To be", free.withGrammar(null)).result().tokens(),
        model.generate("To be", free).result().tokens());
  }

  @Test
  void compilesGrammarsOnce() {
    Grammar grammar = Grammar.regex("a+");
    assertSame(model.constraints().get(grammar), model.constraints().get(Grammar.regex("a+")));
  }

  @Test
  void examplesProduceTheirResults() {
    String season = "(spring|summer|autumn|winter) of 1[56][0-9]{2}";
    assertTrue(GenerationExamples.grammar(model).matches(season));
    assertTrue(List.of("to be", "not to be").contains(GenerationExamples.constraint(model)));
  }
}
