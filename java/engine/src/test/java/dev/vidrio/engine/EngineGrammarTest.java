package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests answers with grammars in a batch with others. */
@Timeout(120)
class EngineGrammarTest extends BardCase {
  private static GenerationRequest request(int seed, Grammar grammar) {
    int[] prompt = prompt(seed, 30);
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(60)
                .withGrammar(grammar)
                .withSampling(SamplingOptions.builder().temperature(1).topK(0).seed(seed).build()))
        .build();
  }

  @Test
  void answersMatchTheirGrammars() {
    List<Grammar> grammars =
        List.of(
            Grammar.regex("[a-z]{3,9} [0-9]+!"),
            Grammar.choice(List.of("yes", "no", "yesterday")),
            Grammar.jsonSchema(
                "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}},"
                    + "\"required\":[\"a\"],\"additionalProperties\":false}"));
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withAdaptiveDrafts(false))) {
      List<TokenStream> streams = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        GenerationRequest request = request(i, grammars.get(i % 3));
        streams.add(engine.submit(request.toBuilder().draftTokens(i % 2 * 4).build()));
      }
      for (int i = 0; i < 24; i++) {
        Grammar grammar = grammars.get(i % 3);
        Completion completion = streams.get(i).result();
        GenerationRequest request = request(i, grammar);
        assertEquals(
            model.generate(request.prompt(), request.options()).result().tokens(),
            completion.result().tokens());
        if (completion.result().finish() == FinishReason.STOP) {
          assertTrue(grammar.matches(completion.result().text()), completion.result().text());
        }
      }
    }
  }

  /** A complete grammar ends the answer before the minimum; an open one continues to it. */
  @Test
  void minTokensAreLimitedByGrammar() {
    try (Engine engine = Engine.open(model)) {
      GenerationRequest one = request(1, Grammar.choice(List.of("yes")));
      Completion ended = engine.submit(one.toBuilder().minTokens(20).build()).result();
      assertEquals("yes", ended.result().text());
      GenerationRequest many = request(2, Grammar.regex("a*"));
      Completion went = engine.submit(many.toBuilder().minTokens(20).build()).result();
      assertTrue(went.result().tokens().size() >= 20);
      assertTrue(
          IntStream.range(0, went.result().text().length())
              .allMatch(i -> went.result().text().charAt(i) == 'a'));
    }
  }
}
