package dev.vidrio.cli.lens.option;

import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.page.Page;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option of an HTML page for the results. */
public final class PageOption {
  private static final List<String> OTHER_FORMS = List.of("--json", "--dot");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.html",
      description = "Draw the results on a self-contained HTML page.")
  private @Nullable Path output;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  /**
   * Rejects other extensions, files that cannot be written, and other output formats. Called before
   * the results are computed.
   */
  public void check() {
    if (output == null) {
      return;
    }
    for (String other : OTHER_FORMS) {
      if (command.commandLine().getParseResult().hasMatchedOption(other)) {
        throw new ParameterException(command.commandLine(), other + ": cannot be combined with -o");
      }
    }
    OutputFile.check(command, output, ".html");
  }

  /** Returns whether a page is requested. */
  public boolean isWanted() {
    return output != null;
  }

  /**
   * Writes the page atomically.
   *
   * @param tokens the text, or none if there is no single text
   */
  public void write(Model model, String title, int[] tokens, List<? extends View> views)
      throws IOException {
    String text = tokens.length == 0 ? "" : model.tokenizer().decode(tokens);
    String html = new Page(title, model.name(), text, List.copyOf(views)).html();
    AtomicFile.write(Objects.requireNonNull(output), html.getBytes(StandardCharsets.UTF_8));
    System.out.println(output + ": " + title);
  }
}
