package dev.vidrio.model.receipt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReceiptTest {
  private static final Receipt RECEIPT =
      Receipt.of(
          new Receipt.Identity("model.gguf", "0123456789abcdef".repeat(4)),
          new Receipt.Adapted("fedcba9876543210".repeat(4), 0.1f),
          new Receipt.Computation(1, Arithmetic.BF16, KvType.Q8_0, true),
          SamplingOptions.builder()
              .temperature(0.7)
              .repeatPenalty(1.1)
              .dry(new DryOptions(0.8, 1.75, 2, 64, List.of("\n", "é")))
              .topNSigma(2)
              .xtc(0.5, 0.1)
              .logitBias(Map.of(5, -1.5f, 17, 0.1f))
              .seed(-3)
              .build(),
          new Receipt.Stop(64, 2, List.of("\n\n", "Ende ⏹"), List.of(9, 4), true),
          Map.of("regex", "[a-zä]+"),
          List.of(1, 2, 300),
          List.of(7, 70000),
          4,
          "stop",
          List.of(1L, -1L, Long.MIN_VALUE));

  @TempDir Path directory;

  /** The chain as docs/receipts/chain.py computes it. */
  @Test
  void chainEqualsThatOfOtherImplementation() {
    assertEquals(
        "462ba2627bb7c55c6aacc13b691b37dfb28f5d579f6208509626d560d2ae0f6c", RECEIPT.chain());
  }

  @Test
  void readsEverythingThatIsWritten() throws IOException {
    Path file = directory.resolve("receipt.json");
    RECEIPT.write(file);
    assertEquals(RECEIPT, Receipt.read(file));
    assertEquals(RECEIPT.toJson(), Files.readString(file));
    assertEquals(RECEIPT, Receipt.parse("receipt", RECEIPT.toJson().replace("\n", "")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"receipt\": 1| \"receipt\": 2| receipt 2: must be 1",
        "\"vidrio\"| \"version\"| vidrio: is missing",
        "\"name\":\"model.gguf\"| \"name\":3| model.name 3: must be a text of at most 65536"
            + " characters",
        "\"sha256\":\"0123| \"sha256\":\"0x23| model.sha256"
            + " 0x23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef: must be 64"
            + " hexadecimal digits in lower case",
        "\"strength\":0.1| \"strength\":1e99| adapter.strength 1.0E99: must be finite",
        "\"cache\":\"q8_0\"| \"cache\":\"q4\"| arithmetic.cache q4: must be one of bf16, f16, f32,"
            + " q4_0, q8_0",
        "\"version\":1| \"version\":0| arithmetic.version 0: must be an integer from 1 to"
            + " 2147483647",
        "\"long_context\":true| \"long_context\":1| arithmetic.long_context 1: must be true or"
            + " false",
        "\"temperature\":0.7| \"temperature\":-1| sampling: temperature -1: must be 0 to 100",
        "\"top_k\":40| \"top_k\":1.5| sampling.top_k 1.5: must be an integer from 0 to 2147483647",
        "\"17\":0.1| \"x\":0.1| sampling.logit_bias.x: must be a token id",
        "\"seed\":-3| \"seed\":99999999999999999999| sampling.seed 99999999999999999999: must be an"
            + " integer from -9223372036854775808 to 9223372036854775807",
        "\"seed\":-3| \"seed\":-3,\"magic\":1| sampling.magic: is not a field of receipts of format"
            + " 1",
        "\"min_tokens\":2| \"min_tokens\":-2| stop.min_tokens -2: must be an integer from 0 to"
            + " 2147483647",
        "\"Ende ⏹\"| \"\"| stop.strings[1] \"\": must be a text of 1 to 65536 characters",
        "\"token_ids\":[4,9]| \"token_ids\":4| stop.token_ids 4: must be an array",
        "\"regex\"| \"a\":1,\"regex\"| grammar",
        "\"prompt\": [1,2,300]| \"prompt\": []| prompt: has no tokens",
        "\"answer\": [7| \"answer\": [-7| answer[0] -7: must be a token id",
        "\"answer\": [7,| \"answer\": [7,8,| logits 3 hashes: must be 4, one per token",
        "\"end_token\": 4| \"end_token\": \"4\"| end_token \"4\": must be an integer from 0 to"
            + " 2147483647",
        "\"finish\": \"stop\"| \"finish\": \"end\"| finish end: must be one of canceled, context,"
            + " length, stop, timeout",
        "\"8000000000000000\"| \"8\"| logits[2] \"8\": must be 16 hexadecimal digits in lower case",
        "\"answer\"| \"answer\": [], \"answer\"| invalid JSON: Duplicate Object property \"answer\""
            + " (line 11, column 25)",
      })
  void rejectsMalformedReceipts(String part, String other, String message) {
    String json = RECEIPT.toJson();
    assertEquals(true, json.contains(part), json);
    String changed = json.replace(part, other.strip());
    if (message.strip().equals("grammar")) {
      // Checked when it is compiled.
      var grammar = Objects.requireNonNull(Receipt.parse("receipt", changed).grammar());
      assertEquals(2, grammar.size());
      return;
    }
    assertEquals(
        "receipt: " + message.strip(),
        assertThrows(ModelFileException.class, () -> Receipt.parse("receipt", changed))
            .getMessage());
  }

  @Test
  void rejectsFilesThatAreNotReceipts() throws IOException {
    Path missing = directory.resolve("missing.json");
    assertEquals(
        missing + ": no such file",
        assertThrows(ModelFileException.class, () -> Receipt.read(missing)).getMessage());
    assertEquals(
        "receipt: must hold a JSON object",
        assertThrows(ModelFileException.class, () -> Receipt.parse("receipt", "[]")).getMessage());
  }

  /** Any byte may be changed or lost: the receipt is rejected, or parsed as another one. */
  @Test
  void parsesOrRejectsDamagedReceipts() {
    var random = new Random(1);
    int rejected = 0;
    String json = RECEIPT.toJson();
    for (int i = 0; i < 2000; i++) {
      var damaged = new StringBuilder(json);
      int at = random.nextInt(json.length());
      if (random.nextBoolean()) {
        damaged.setLength(at);
      } else {
        damaged.setCharAt(at, "\"0{9,a".charAt(random.nextInt(6)));
      }
      try {
        var _ = Receipt.parse("receipt", damaged.toString()).computeChain();
      } catch (ModelFileException e) {
        rejected++;
      }
    }
    assertTrue(rejected > 1000, rejected + " rejected");
  }
}
