package dev.vidrio.model.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that texts with a common beginning have the bits that they have alone. */
class SharedBeginningTest {
  @TempDir private Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void scoresLikeEachTextAlone(String name) throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("tiny.gguf"), name))) {
      String text = "0123456789 + (87654321) = '3,14'? ".repeat(2);
      int length = Math.min(text.length(), model.architecture().contextLength() - 16);
      String context = text.substring(0, length);
      List<LogLikelihood.Request> requests =
          List.of(
              new LogLikelihood.Request(context, "1"),
              new LogLikelihood.Request(context + "22", "345, 6789"),
              new LogLikelihood.Request(context, "12; 7"),
              new LogLikelihood.Request(context.substring(0, length * 3 / 4), "4"));
      List<LogLikelihood> together = score(model, requests);
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(score(model, requests.subList(i, i + 1)).getFirst(), together.get(i));
      }
    }
  }

  private static List<LogLikelihood> score(Model model, List<LogLikelihood.Request> requests) {
    return LogLikelihood.of(model, requests, SessionOptions.DEFAULT, done -> {});
  }
}
