package dev.vidrio.cli.option;

import dev.vidrio.bard.Bard;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option that names the model of a command's tokenizer. */
public final class TokenizerOption {
  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      completionCandidates = ModelNames.class,
      description = ModelOption.DESCRIPTION)
  private String reference = "bard";

  /**
   * Reads the tokenizer without the model: the weights may be missing or of an unknown type, and
   * the architecture need not be supported.
   */
  public Tokenizer open() {
    ModelReference parsed = ModelReference.parse(reference);
    if (parsed instanceof ModelReference.Named(var entry) && entry.isEmbedded()) {
      try (InputStream in = Bard.open()) {
        MemorySegment file = MemorySegment.ofArray(in.readAllBytes());
        return Tokenizers.fromGguf(Gguf.parse("bard", file).metadata());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    Path path = ModelOption.find(parsed);
    if (Files.isDirectory(path)) {
      return Tokenizers.fromHuggingFace(path);
    }
    try (Arena arena = Arena.ofConfined()) {
      return Tokenizers.fromGguf(Gguf.open(path, arena).metadata());
    }
  }
}
