package dev.vidrio.model.evaluation;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.testfiles.TestExecutors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Verifies the conformance kit of docs/receipts, which was made on another machine, on every
 * executor of this one.
 */
class ReceiptKitTest {
  private static final Path KIT = Path.of("../../docs/receipts/kit");
  private static final boolean FULL = Boolean.getBoolean("vidrio.test.full");
  private static final Path FIXTURES = Path.of("src/test/resources/dev/vidrio/model/architecture");

  private static List<Path> receipts(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      // The smallest first, for the scalar kernels.
      return files
          .filter(file -> file.toString().endsWith(".json"))
          .sorted(Comparator.comparingLong(file -> file.toFile().length()))
          .toList();
    }
  }

  private static void verify(Path file, List<Path> receipts) {
    TestExecutors.all(2)
        .forEach(
            executor -> {
              try (Model model = Model.open(file, ModelOptions.with(executor))) {
                boolean few = !FULL && model.executor().name().equals("scalar");
                for (Path receipt : few ? receipts.subList(0, 1) : receipts) {
                  assertNull(
                      Verification.of(model, Receipt.read(receipt)).difference(),
                      receipt + " on " + model.executor().name());
                }
              }
            });
  }

  @Test
  void bardGivesTheAnswersOfTheKit() throws IOException {
    List<Path> receipts = receipts(KIT);
    assertTrue(receipts.size() >= 6);
    verify(BardFiles.q8(), receipts);
  }

  @Test
  void fixturesGiveTheAnswersOfTheKit() throws IOException {
    List<Path> receipts = receipts(KIT.resolve("fixtures"));
    assertTrue(receipts.size() >= 8);
    for (Path receipt : receipts) {
      String name = receipt.getFileName().toString().replace(".json", "");
      verify(FIXTURES.resolve(name).resolve("model.gguf"), List.of(receipt));
    }
  }
}
