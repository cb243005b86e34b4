package dev.vidrio.cli;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.evaluation.Verification;
import dev.vidrio.model.receipt.Receipt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio verify}. */
@Command(
    name = "verify",
    description = {
      "Checks receipts of answers: computes each answer again and compares every bit.",
      "'vidrio run --receipt FILE' and requests with \"receipt\": true make receipts. Any executor,"
          + " instruction set and machine gives the same result. The exit code is 1 if an answer"
          + " differs."
    })
@JsonHelp("Print JSON: for each receipt, whether it is verified, and the first difference.")
final class VerifyCommand extends ModelCommand<Map<Path, Verification>> {
  @Parameters(arity = "1..*", paramLabel = "RECEIPT", description = "The receipts, JSON files.")
  private List<Path> files = new ArrayList<>();

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "The LoRA adapter of the answers: a GGUF file or a PEFT directory.")
  private @Nullable AdapterFile adapter;

  @Override
  protected Map<Path, Verification> run(Model opened) {
    // All are read first, so that a file that is not a receipt ends the command at once.
    Map<Path, Receipt> receipts = new LinkedHashMap<>();
    files.forEach(file -> receipts.put(file, Receipt.read(file)));
    Adapter loaded = adapter == null ? null : opened.openAdapter(adapter.path());
    Map<Path, Verification> results = new LinkedHashMap<>();
    try (var bar = new ProgressBar("verify")) {
      receipts.forEach(
          (file, receipt) -> {
            results.put(file, Verification.of(opened, receipt, loaded));
            bar.update((double) results.size() / receipts.size(), "");
          });
    }
    return results;
  }

  @Override
  protected void print(Map<Path, Verification> results) {
    results.forEach(
        (file, result) ->
            System.out.println((results.size() > 1 ? file + ": " : "") + line(result)));
  }

  private String line(Verification result) {
    Verification.Difference difference = result.difference();
    Receipt receipt = result.receipt();
    return difference == null
        ? "verified: %d tokens of %s after %d of the prompt, finish %s, on %s; chain %s"
            .formatted(
                receipt.answer().size(),
                receipt.model().name(),
                receipt.prompt().size(),
                receipt.finish(),
                model().executor().name(),
                receipt.chain().substring(0, 16))
        : "differs: " + difference.message();
  }

  @Override
  protected int exitCode(Map<Path, Verification> results) {
    return results.values().stream().allMatch(Verification::isVerified) ? 0 : 1;
  }

  @Override
  protected void fill(JsonObject object, Map<Path, Verification> results) {
    object.put("executor", model().executor().name());
    List<JsonObject> all = new ArrayList<>();
    results.forEach((file, result) -> all.add(toJson(file, result)));
    object.put("receipts", all);
  }

  private static JsonObject toJson(Path file, Verification result) {
    Receipt receipt = result.receipt();
    var json =
        new JsonObject()
            .with("file", file.toString())
            .with("verified", result.isVerified())
            .with("tokens", receipt.answer().size())
            .with("chain", receipt.chain());
    if (!result.isVerified()) {
      Verification.Difference difference = Objects.requireNonNull(result.difference());
      json.put(
          "difference",
          new JsonObject()
              .with("field", difference.field())
              .with("position", difference.position() < 0 ? null : difference.position())
              .with("expected", difference.expected())
              .with("computed", difference.computed())
              .with("message", difference.message()));
    }
    return json;
  }
}
