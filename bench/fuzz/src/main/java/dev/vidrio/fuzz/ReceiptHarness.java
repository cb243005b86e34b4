package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import java.util.Map;

/**
 * Parses a receipt of an answer. One that is accepted is written and parsed again: it is equal, and
 * its second text is the first.
 */
public final class ReceiptHarness {
  private ReceiptHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    try {
      Receipt receipt = Receipt.parse("receipt", Fixtures.text(data));
      String json = receipt.toJson();
      Receipt again = Receipt.parse("written", json);
      Oracle.requireEqual(receipt, again, "written and parsed");
      Oracle.requireEqual(json, again.toJson(), "the second text");
      Oracle.requireEqual(receipt.computeChain(), again.computeChain(), "the chain");
      if (receipt.grammar() != null) {
        var _ = Grammar.of(receipt.grammar());
      }
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /** Returns receipts with all fields, and with as few as possible. */
  public static List<byte[]> seeds() {
    Receipt full =
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
            new Receipt.Stop(64, 2, List.of("\n\n", "end"), List.of(9, 4), true),
            Map.of("regex", "[a-zä]+"),
            List.of(1, 2, 300),
            List.of(7, 70000),
            4,
            "stop",
            List.of(1L, -1L, Long.MIN_VALUE));
    Receipt small =
        Receipt.of(
            new Receipt.Identity("m", "0123456789abcdef".repeat(4)),
            null,
            new Receipt.Computation(1, Arithmetic.INT8, KvType.F16, false),
            SamplingOptions.builder().build(),
            new Receipt.Stop(1, 0, List.of(), List.of(), false),
            null,
            List.of(1),
            List.of(),
            null,
            "length",
            List.of());
    return Fixtures.bytes(full.toJson(), small.toJson());
  }
}
