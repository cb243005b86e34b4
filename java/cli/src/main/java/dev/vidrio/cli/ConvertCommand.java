package dev.vidrio.cli;

import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio convert}. */
@Command(name = "convert", description = "Converts a Hugging Face model directory to a GGUF file.")
final class ConvertCommand extends RewriteCommand {

  @Parameters(
      paramLabel = "HF_DIR",
      description = "A directory with config.json, *.safetensors and tokenizer.json.")
  private Path input = Path.of("");

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      converter = FileTypeConverter.class,
      description =
          "F32, F16, BF16, Q8_0 or another type of 'vidrio quantize'. Default: as in the input.")
  private @Nullable FileType type;

  @Override
  public void run() {
    QuantizeOptions options = type == null ? QuantizeOptions.keepTypes() : QuantizeOptions.of(type);
    write(input, options, Quantizer::convert);
  }
}
