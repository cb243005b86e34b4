package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A GGUF file lists a token, used or not, for each row of its embedding. */
class VocabularySizeTest {
  @ParameterizedTest
  @ValueSource(ints = {40, 63, 65})
  void rejectsOtherNumbersOfTokensThanRows(int tokens, @TempDir Path directory) throws IOException {
    GgufWriter writer = TinyModels.writer("llama");
    TinyVocabulary.putFirst(writer, tokens);
    Path file = Files.write(directory.resolve("model.gguf"), writer.toBytes());
    String message =
        assertThrows(ModelFileException.class, () -> Model.open(file).close()).getMessage();
    String expected = "tokens' length " + tokens + ": must be the 64 rows of token_embd.weight";
    assertTrue(message.contains(expected), message);
  }
}
