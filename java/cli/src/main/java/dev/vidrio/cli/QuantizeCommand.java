package dev.vidrio.cli;

import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio quantize}. */
@Command(name = "quantize", description = "Quantizes a GGUF file to another weight type.")
final class QuantizeCommand extends RewriteCommand {

  @Parameters(
      paramLabel = "IN.gguf",
      description = "A GGUF file, or the first part of a split one.")
  private Path input = Path.of("");

  @Option(
      names = "--type",
      required = true,
      paramLabel = "TYPE",
      converter = FileTypeConverter.class,
      description =
          "F32, F16, BF16, Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q5_1, Q5_0, Q4_K_M, Q4_K_S, Q4_1, Q4_0,"
              + " IQ4_NL, IQ4_XS, MXFP4_MOE, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K or Q2_K_S.")
  private FileType type = FileType.Q8_0;

  @Option(names = "--pure", description = "Use one type for all matrices, not a mixture.")
  private boolean pure;

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description = "Importance matrix: a GGUF file of llama-imatrix.")
  private @Nullable Path importance;

  @Override
  public void run() {
    QuantizeOptions options = new QuantizeOptions(type, pure, importance, fraction -> {});
    write(input, options, Quantizer::quantize);
  }
}
