package dev.vidrio.server.completion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.LogLikelihood;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.server.testserver.TestServer;
import dev.vidrio.tokenizer.EncodeOptions;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code /v1/completions} against the model itself. */
class CompletionRouteTest {
  private static final String PATH = "/v1/completions";
  private static final String TEXT = "To be, or not to be";

  @RegisterExtension static final TestServer server = TestServer.forAll();
  private static Model bard;

  @BeforeAll
  static void open() {
    bard = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    bard.close();
  }

  private static JsonNode complete(String prompt, String more) {
    return server.json(PATH, "{'model':'bard','prompt':" + prompt + more + "}");
  }

  private static String greedy(String prompt, int tokens) {
    return bard.generate(
            prompt,
            GenerationOptions.DEFAULT.withTokens(tokens).withSampling(SamplingOptions.GREEDY))
        .result()
        .text();
  }

  @Test
  void continuesTextLikeTheModel() {
    JsonNode json = complete("'" + TEXT + "'", ",'temperature':0,'max_tokens':20");
    assertEquals("text_completion", json.path("object").stringValue());
    assertEquals(greedy(TEXT, 20), json.path("choices").path(0).path("text").stringValue());
    assertEquals("length", json.path("choices").path(0).path("finish_reason").stringValue());
    assertEquals(20, json.path("usage").path("completion_tokens").intValue());
    assertEquals(
        16, complete("'" + TEXT + "'", "").path("usage").path("completion_tokens").intValue());
  }

  @Test
  void acceptsFourFormsOfPrompts() {
    String ids = Arrays.toString(bard.tokenizer().encode(TEXT));
    String expected = greedy(TEXT, 8);
    for (String prompt : List.of("'" + TEXT + "'", "['" + TEXT + "']", ids, "[" + ids + "]")) {
      JsonNode json = complete(prompt, ",'temperature':0,'max_tokens':8");
      assertEquals(expected, json.path("choices").path(0).path("text").stringValue(), prompt);
    }
    JsonNode two = complete("['" + TEXT + "','O Romeo']", ",'temperature':0,'max_tokens':8,'n':2");
    assertEquals(4, two.path("choices").size());
    for (int i = 0; i < 4; i++) {
      assertEquals(i, two.path("choices").path(i).path("index").intValue());
      assertEquals(
          greedy(i < 2 ? TEXT : "O Romeo", 8),
          two.path("choices").path(i).path("text").stringValue());
    }
  }

  /** The i-th answer has the seed plus i, also if it waits for others. */
  @Test
  void queuesAnswersBeyondTheSlots() {
    int sequences = server.server().engineOptions("bard").orElseThrow().sequences();
    int n = 2 * sequences + 3;
    JsonNode choices = complete("'O'", ",'max_tokens':4,'seed':7,'n':" + n).path("choices");
    assertEquals(n, choices.size());
    for (int i : new int[] {0, sequences - 1, sequences, n - 1}) {
      assertEquals(i, choices.path(i).path("index").intValue());
      assertEquals(
          complete("'O'", ",'max_tokens':4,'seed':" + (7 + i))
              .path("choices")
              .path(0)
              .path("text")
              .stringValue(),
          choices.path(i).path("text").stringValue());
    }
  }

  @Test
  void streamConcatenatesToTheWholeText() {
    HttpResponse<String> response =
        server.post(
            PATH,
            "{'model':'bard','prompt':'"
                + TEXT
                + "','temperature':0,'max_tokens':20,'stream':true,"
                + "'echo':true,'stream_options':{'include_usage':true}}");
    var text = new StringBuilder();
    String[] events = response.body().split("\n\n", 0);
    for (String event : Arrays.copyOf(events, events.length - 2)) {
      JsonNode chunk = JsonMapper.shared().readTree(event.substring(6));
      assertEquals("text_completion", chunk.path("object").stringValue());
      text.append(chunk.path("choices").path(0).path("text").stringValue());
    }
    assertEquals(TEXT + greedy(TEXT, 20), text.toString());
    JsonNode usage = JsonMapper.shared().readTree(events[events.length - 2].substring(6));
    assertEquals(0, usage.path("choices").size());
    assertEquals(20, usage.path("usage").path("completion_tokens").intValue());
    assertEquals("data: [DONE]", events[events.length - 1]);
  }

  /** Log-probabilities of the prompt after its context, as lm-evaluation-harness requests them. */
  @Test
  void scoresTextsLikeTheModel() {
    String context = "To be, or not to be: that is";
    String continuation = " the question";
    LogLikelihood expected =
        LogLikelihood.of(
                bard,
                List.of(new LogLikelihood.Request(context, continuation)),
                SessionOptions.DEFAULT,
                done -> {})
            .getFirst();
    int before = bard.tokenizer().encode(context).length;
    int[] ids = bard.tokenizer().encode(context + continuation);
    for (String more : List.of(",'max_tokens':0", ",'max_tokens':1")) {
      JsonNode logprobs =
          complete(
                  "[" + Arrays.toString(ids) + "]",
                  more + ",'echo':true,'logprobs':1,'temperature':0")
              .path("choices")
              .path(0)
              .path("logprobs");
      int added = more.endsWith("1") ? 1 : 0;
      assertEquals(ids.length + added, logprobs.path("tokens").size());
      assertTrue(logprobs.path("token_logprobs").path(0).isNull());
      double sum = 0;
      boolean greedy = true;
      for (int i = before; i < ids.length; i++) {
        double own = logprobs.path("token_logprobs").path(i).doubleValue();
        sum += own;
        double best = Double.NEGATIVE_INFINITY;
        for (JsonNode other : logprobs.path("top_logprobs").path(i)) {
          best = Math.max(best, other.doubleValue());
        }
        greedy &= own == best;
      }
      assertEquals(expected.logLikelihood(), sum, tolerance(expected.tokens()));
      assertEquals(expected.greedy(), greedy);
      assertEquals(expected.tokens(), ids.length - before);
    }
  }

  /** The engine sums exponentials in F32 on 16 lanes, the evaluation in double. */
  private static double tolerance(int tokens) {
    return tokens * (bard.architecture().vocabulary() / 16.0 + 5) * 0x1p-24;
  }

  @Test
  void offsetsMatchEchoedTokens() {
    JsonNode choice =
        complete("'" + TEXT + "'", ",'max_tokens':4,'echo':true,'logprobs':0,'temperature':0")
            .path("choices")
            .path(0);
    String text = choice.path("text").stringValue();
    assertEquals(TEXT + greedy(TEXT, 4), text);
    JsonNode tokens = choice.path("logprobs").path("tokens");
    JsonNode offsets = choice.path("logprobs").path("text_offset");
    int first = bard.tokenizer().isSpecial(bard.tokenizer().encode(TEXT)[0]) ? 1 : 0;
    for (int i = first; i < tokens.size(); i++) {
      int offset = offsets.path(i).intValue();
      assertTrue(text.startsWith(tokens.path(i).stringValue(), offset), i + " " + tokens);
    }
  }

  /** As in Python, an emoji is one character. */
  @Test
  void offsetsCountCodePoints() {
    JsonNode choice =
        complete("'😀 To be'", ",'max_tokens':0,'echo':true,'logprobs':0").path("choices").path(0);
    String text = choice.path("text").stringValue();
    JsonNode tokens = choice.path("logprobs").path("tokens");
    JsonNode offsets = choice.path("logprobs").path("text_offset");
    int last = tokens.size() - 1;
    int at = text.offsetByCodePoints(0, offsets.path(last).intValue());
    assertEquals(tokens.path(last).stringValue(), text.substring(at));
  }

  /** Also if text is held back as a possible stop string. */
  @Test
  void streamHasTheSameOffsets() {
    String likely = greedy(TEXT, 12);
    String stop = likely.charAt(likely.length() / 2) + "~~";
    String more = ",'max_tokens':12,'logprobs':0,'temperature':0,'stop':'" + stop + "'";
    JsonNode whole = complete("'" + TEXT + "'", more).path("choices").path(0).path("logprobs");
    String body = "{'model':'bard','stream':true,'prompt':'" + TEXT + "'" + more + "}";
    List<Integer> offsets = new ArrayList<>();
    server.events(PATH, body).stream()
        .map(event -> event.path("choices").path(0).path("logprobs").path("text_offset"))
        .forEach(each -> each.forEach(offset -> offsets.add(offset.intValue())));
    List<Integer> expected = new ArrayList<>();
    whole.path("text_offset").forEach(offset -> expected.add(offset.intValue()));
    assertEquals(12, expected.size());
    assertEquals(expected, offsets);
  }

  /** An empty answer has no mean log-probability. */
  @Test
  void ranksEmptyAnswersLast() {
    int first = bard.tokenizer().encode(greedy(TEXT, 1), new EncodeOptions(false, false))[0];
    String sampling = ",'max_tokens':6,'temperature':1,'seed':3,'stop_token_ids':[" + first + "]";
    List<String> all = new ArrayList<>();
    complete("'" + TEXT + "'", sampling + ",'n':16")
        .path("choices")
        .forEach(choice -> all.add(choice.path("text").stringValue()));
    assertTrue(all.contains(""), all.toString());
    JsonNode best = complete("'" + TEXT + "'", sampling + ",'best_of':16").path("choices").path(0);
    assertNotEquals("", best.path("text").stringValue());
  }

  @Test
  void ranksAnswersByMeanLogProbability() {
    String sampling = ",'max_tokens':6,'temperature':1,'seed':3,'logprobs':0";
    JsonNode all = complete("'" + TEXT + "'", sampling + ",'n':4").path("choices");
    JsonNode best = complete("'" + TEXT + "'", sampling + ",'best_of':4").path("choices");
    assertEquals(1, best.size());
    double max = Double.NEGATIVE_INFINITY;
    String text = "";
    for (JsonNode choice : all) {
      double sum = 0;
      for (JsonNode token : choice.path("logprobs").path("token_logprobs")) {
        sum += token.doubleValue();
      }
      double mean = sum / choice.path("logprobs").path("token_logprobs").size();
      if (mean > max) {
        max = mean;
        text = choice.path("text").stringValue();
      }
    }
    assertEquals(text, best.path(0).path("text").stringValue());
  }

  @Test
  void beamsReturnTheMostLikelyAnswers() {
    JsonNode one = complete("'" + TEXT + "'", ",'max_tokens':8,'beams':1").path("choices");
    assertEquals(greedy(TEXT, 8), one.path(0).path("text").stringValue());
    JsonNode best =
        complete(
                "'" + TEXT + "'",
                ",'max_tokens':8,'beams':4,'n':3,'length_penalty':0,'logprobs':0,'ignore_eos':true")
            .path("choices");
    assertEquals(3, best.size());
    double before = 0;
    for (JsonNode choice : best) {
      double sum = 0;
      for (JsonNode token : choice.path("logprobs").path("token_logprobs")) {
        sum += token.doubleValue();
      }
      assertEquals(choice.path("score").doubleValue(), sum, 1e-9);
      assertTrue(sum <= before);
      before = sum;
    }
  }

  @Test
  void appliesLogitBiasAndStopTokens() {
    int comma = bard.tokenizer().encode("a,")[bard.tokenizer().encode("a,").length - 1];
    JsonNode json =
        complete("'" + TEXT + "'", ",'max_tokens':3,'logit_bias':{'" + comma + "':100}");
    assertEquals(",,,", json.path("choices").path(0).path("text").stringValue());
    JsonNode stopped =
        complete(
            "'" + TEXT + "'",
            ",'max_tokens':3,'logit_bias':{'" + comma + "':100},'stop_token_ids':[" + comma + "]");
    assertEquals("stop", stopped.path("choices").path(0).path("finish_reason").stringValue());
    assertEquals("", stopped.path("choices").path(0).path("text").stringValue());
  }
}
