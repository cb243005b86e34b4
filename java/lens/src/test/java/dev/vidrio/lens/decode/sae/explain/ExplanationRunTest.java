package dev.vidrio.lens.decode.sae.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.lens.decode.sae.explain.ExplanationFile.Settings;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation.Scores;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Runs over an index of letters, with interruptions. */
class ExplanationRunTest {
  private static final ExplainOptions OPTIONS = new ExplainOptions(10, 4, 3, 5);
  private static final Settings SETTINGS = new Settings("sae", 1000, "reader", OPTIONS);
  private static final Set<Integer> FEATURES = Set.of(0, 2, 3, 5);

  /** Requests of all features: an explanation and four scores of three requests. */
  private static final int ALL = 4 * (1 + 4 * 3);

  @TempDir private Path directory = Path.of("");

  private Path file = Path.of("");
  private IndexFile index;

  @BeforeEach
  void write() throws IOException {
    Path lines = directory.resolve("index.jsonl");
    Files.write(lines, LetterFeatures.lines());
    index = IndexFile.open(lines);
    file = directory.resolve("explanations.jsonl");
  }

  private ExplanationRun run(ChatModel model, int limit) throws IOException {
    return new ExplanationRun(
        index, ExplanationFile.open(file, SETTINGS), model, OPTIONS, limit, requests -> {});
  }

  /** Lets each operation on the file fail once; the next run continues with what was written. */
  @Test
  void failedOperationsLeaveValidFile() throws IOException {
    assertTrue(complete(run(LetterFeatures::answer, 1000)));
    Map<Integer, FeatureExplanation> expected = ExplanationFile.read(file);
    var files = new FaultyFileSystem();
    int operations =
        files.failEach(
            () -> Files.deleteIfExists(file),
            () -> {
              var faulty = ExplanationFile.open(files.path(file), SETTINGS);
              for (FeatureExplanation explanation : expected.values()) {
                faulty.add(explanation);
              }
            },
            e -> FaultyFileSystem.assertNamesFileAndReason(directory, e),
            () -> {
              ExplanationFile.read(file)
                  .forEach((feature, found) -> assertEquals(expected.get(feature), found));
              assertTrue(complete(run(LetterFeatures::answer, 1000)));
              assertEquals(expected, ExplanationFile.read(file));
            });
    assertTrue(operations > 10, () -> operations + " operations");
  }

  private static boolean complete(ExplanationRun run) throws IOException {
    return run.explain(FEATURES) && run.score(FEATURES);
  }

  @Test
  void explainsAndScoresSelectedFeatures() throws IOException {
    ExplanationRun run = run(LetterFeatures::answer, 1000);
    assertTrue(complete(run));
    assertEquals(ALL, run.requests());
    Map<Integer, FeatureExplanation> found = ExplanationFile.read(file);
    assertEquals(FEATURES, found.keySet());
    for (FeatureExplanation explanation : found.values()) {
      int feature = explanation.feature();
      assertEquals("the letter " + LetterFeatures.letter(feature), explanation.text());
      Scores scores = Objects.requireNonNull(explanation.scores());
      assertTrue(scores.other() != feature && FEATURES.contains(scores.other()));
      assertEquals(1, scores.detection().accuracy());
      assertEquals(1, scores.fuzzing().accuracy());
      assertEquals(0.5, scores.otherDetection().accuracy());
      assertEquals(0.5, scores.otherFuzzing().accuracy());
      assertEquals(0, scores.failed());
      assertEquals(32, scores.texts());
    }
  }

  /** Fails at every request once; the rest of each run is done by the next. */
  @Test
  void interruptedRunsContinue() throws IOException {
    assertTrue(complete(run(LetterFeatures::answer, 1000)));
    Map<Integer, FeatureExplanation> expected = ExplanationFile.read(file);
    Files.delete(file);
    int runs = 0;
    while (true) {
      int last = 14 + runs++;
      var failing =
          new ChatModel() {
            private int answers;

            @Override
            public String answer(List<ChatMessage> messages) throws IOException {
              if (answers++ == last) {
                throw new IOException("gone");
              }
              return LetterFeatures.answer(messages);
            }
          };
      try {
        assertTrue(complete(run(failing, 1000)));
        break;
      } catch (IOException e) {
        assertEquals("gone", e.getMessage());
        // A line that was not written to its end, as by a process that was killed.
        Files.writeString(file, "{\"feature\":5,\"te", StandardOpenOption.APPEND);
      }
    }
    assertTrue(runs > 2);
    assertEquals(expected, ExplanationFile.read(file));
  }

  @Test
  void limitOfRequestsIsNotExceeded() throws IOException {
    int sent = 0;
    int runs = 0;
    for (boolean complete = false; !complete; runs++) {
      ExplanationRun run = run(LetterFeatures::answer, 20);
      complete = complete(run);
      assertTrue(run.requests() <= 20);
      sent += run.requests();
    }
    assertEquals(ALL, sent);
    assertTrue(runs > 2);
    // Nothing is left to do.
    ExplanationRun again = run(LetterFeatures::answer, 1);
    assertTrue(complete(again));
    assertEquals(0, again.requests());
  }

  @Test
  void malformedExplanationsAreNotScored() throws IOException {
    ExplanationRun run = run(messages -> "?", 1000);
    assertTrue(complete(run));
    assertEquals(4, run.requests());
    assertTrue(
        ExplanationFile.read(file).values().stream()
            .allMatch(explanation -> explanation.text().isEmpty() && explanation.scores() == null));
  }

  @Test
  void otherSettingsAndDamagedFilesAreRejected() throws IOException {
    ExplanationFile.open(file, SETTINGS).add(new FeatureExplanation(1, "a", null));
    var other = new Settings("sae", 1000, "another", OPTIONS);
    assertMessage("differ from those requested", () -> ExplanationFile.open(file, other));
    Files.writeString(file, "{}\n", StandardOpenOption.APPEND);
    assertMessage("line 3: is not of explanations", () -> ExplanationFile.read(file));
    assertFalse(Files.exists(directory.resolve("none")));
    assertEquals(Map.of(), ExplanationFile.read(directory.resolve("none")));
  }

  private static void assertMessage(String expected, Executable call) {
    String message = assertThrows(ModelFileException.class, call).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
