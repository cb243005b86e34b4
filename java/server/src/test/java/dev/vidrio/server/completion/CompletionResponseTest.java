package dev.vidrio.server.completion;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.testserver.TestServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Responses of completions. */
class CompletionResponseTest {
  private static final int[] PROMPT = TestServer.parrotIds("xyzq");

  /** Tokens that were not reached have nulls. */
  @ParameterizedTest
  @EnumSource(names = {"TIMEOUT", "CANCELED"})
  void scoresPromptsInPart(FinishReason finish) {
    var body =
        JsonMapper.shared()
            .readTree(
                "{'model':'parrot','prompt':'xyzq','max_tokens':0,'echo':true,'logprobs':0}"
                    .replace('\'', '"'));
    var request =
        CompletionRequest.read(
            new JsonValue("", body).fields(), new RequestLimits(8, 8, Duration.ofMinutes(1)), "");
    List<@Nullable TokenLogProbability> scored = new ArrayList<>();
    scored.add(null);
    scored.add(new TokenLogProbability(PROMPT[1], -0.5, List.of()));
    var completion =
        new Completion(
            new GenerationResult("", List.of(), PROMPT.length, finish),
            0,
            scored,
            List.of(),
            null,
            null,
            Duration.ZERO,
            Duration.ZERO,
            Duration.ZERO);
    try (Model parrot = TestServer.parrot()) {
      JsonNode choice =
          JsonMapper.shared()
              .valueToTree(
                  new CompletionResponse(
                          request, "bits-1-int8-f16", parrot.tokenizer(), List.of(PROMPT))
                      .toJson(List.of(completion)))
              .at("/choices/0");
      assertEquals("length", choice.path("finish_reason").stringValue());
      assertEquals("xyzq", choice.path("text").stringValue());
      assertEquals(PROMPT.length, choice.at("/logprobs/tokens").size());
      assertEquals(PROMPT.length, choice.at("/logprobs/text_offset").size());
      for (String list : List.of("token_logprobs", "top_logprobs")) {
        JsonNode values = choice.path("logprobs").path(list);
        assertEquals(PROMPT.length, values.size());
        for (int i = 0; i < PROMPT.length; i++) {
          assertEquals(i != 1, values.path(i).isNull(), list + " " + values);
        }
      }
    }
  }
}
