package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineStatus;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.CountingExecutor;
import dev.vidrio.server.testserver.TestServer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Speculative decoding with a draft model. */
@Timeout(120)
class DraftModelTest {
  private static final ModelSource BARD =
      new ModelSource(TestServer.BARD, () -> Model.open(BardFiles.q8()));

  /** A draft model: the weights in higher precision. Its predictions mostly agree. */
  private static final ModelSource WITH_DRAFT = BARD.withDraft(() -> Model.open(BardFiles.f32()));

  private static ServerOptions drafting(ServerOptions options) {
    return options.withEngine(options.engine().withDraftTokens(3).withAdaptiveDrafts(false));
  }

  /** Returns the answer to a prompt; {@code more} has further fields. */
  private static String answer(TestServer server, String more) {
    return server
        .json(
            "/v1/completions",
            """
            {"model": "bard", "prompt": "To be, or", "max_tokens": 40, "temperature": 0,
             "ignore_eos": true%s}\
            """
                .formatted(more))
        .path("choices")
        .path(0)
        .path("text")
        .stringValue();
  }

  private static EngineStatus status(TestServer server) {
    return server.server().status(TestServer.BARD).orElseThrow();
  }

  @Test
  void savesStepsWithoutChangingAnswers() {
    String expected;
    try (TestServer server = TestServer.start(options -> options, BARD)) {
      expected = answer(server, "");
      assertEquals(0, status(server).draftTokens());
    }
    try (TestServer server = TestServer.start(DraftModelTest::drafting, WITH_DRAFT)) {
      assertEquals(expected, answer(server, ", \"draft_tokens\": 0"));
      assertEquals(0, status(server).draftTokens());
      assertEquals(expected, answer(server, ""));
      long accepted = status(server).acceptedTokens();
      assertTrue(accepted > 0);
      assertEquals(expected, answer(server, ", \"draft_tokens\": 8"));
      assertTrue(status(server).acceptedTokens() > accepted);
      // A beam search uses no draft tokens.
      assertEquals(expected, answer(server, ", \"beams\": 1"));
    }
  }

  @Test
  void loadsAndUnloadsDraftModelWithItsModel() throws InterruptedException {
    var draft = new AtomicReference<CountingExecutor>();
    ModelSource source =
        BARD.withDraft(
            () -> {
              var counting = new CountingExecutor();
              draft.set(counting);
              return Model.open(BardFiles.f32(), ModelOptions.with(() -> counting));
            });
    try (TestServer server =
        TestServer.start(
            options -> drafting(options).withKeepAlive(Duration.ofMillis(50)), source)) {
      for (int round = 0; round < 2; round++) {
        while (server.server().status(TestServer.BARD).isPresent()) {
          Thread.sleep(5);
        }
        assertTrue(answer(server, "").length() > 0);
        assertTrue(Objects.requireNonNull(draft.get()).takeTokens() > 0);
      }
    }
  }

  @Test
  void rejectsDraftModelWithOtherVocabulary() {
    ModelSource parrot = new ModelSource(TestServer.PARROT, TestServer::parrot);
    var e =
        assertThrows(
            InvalidInputException.class,
            () ->
                TestServer.start(
                        DraftModelTest::drafting, parrot, BARD.withDraft(TestServer::parrot))
                    .close());
    assertTrue(e.getMessage().startsWith("draft model "), e.getMessage());
  }
}
