package dev.vidrio.tokenizer;

import dev.vidrio.formats.gguf.Gguf;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;

/** The examples of the documentation; {@link TokenizerExamplesTest} runs them. */
final class TokenizerExamples {
  private TokenizerExamples() {}

  static void tokenizer(Path file, PrintStream out) {
    // @start region="tokenizer"
    try (Arena arena = Arena.ofShared()) {
      Tokenizer tokenizer = Tokenizers.fromGguf(Gguf.open(file, arena).metadata());
      int[] ids = tokenizer.encode("To be, or not to be"); // with BOS, if the model expects it
      out.println(Arrays.toString(ids));
      out.println(tokenizer.decode(ids));
    }
    // @end
  }

  static void decoder(Tokenizer tokenizer, int[] ids, PrintStream out) {
    // @start region="decoder"
    TokenDecoder decoder = tokenizer.streamingDecoder();
    for (int id : ids) {
      out.print(decoder.accept(id));
    }
    out.print(decoder.finish());
    // @end
  }

  static int[] infill(Tokenizer tokenizer) {
    // @start region="infill"
    FillInMiddle code = FillInMiddle.of(tokenizer).orElseThrow();
    int[] prompt = code.prompt("def area(r):\n    return ", "\n\nprint(area(2))");
    // @end
    return prompt;
  }
}
