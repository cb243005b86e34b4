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

/** A page that a command draws its results on. */
public final class PageOption {
  private static final List<String> OTHER_FORMS = List.of("--json", "--dot");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.html",
      description = "Draw the results on a self-contained HTML page.")
  private @Nullable Path output;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  public PageOption() {}

  /**
   * Refuses files that are no pages or can be none, and other forms besides. Called before the work
   * is done.
   */
  public void check() {
    if (output == null) {
      return;
    }
    for (String other : OTHER_FORMS) {
      if (command.commandLine().getParseResult().hasMatchedOption(other)) {
        throw new ParameterException(
            command.commandLine(), other + " goes without -o: a page holds the same results");
      }
    }
    OutputFile.check(command, output, ".html");
  }

  /** Whether the user wants one. */
  public boolean isWanted() {
    return output != null;
  }

  /**
   * Writes it, all or nothing.
   *
   * @param tokens the text that was read; none where there is no one text
   */
  public void write(Model model, String title, int[] tokens, List<? extends View> views)
      throws IOException {
    String text = tokens.length == 0 ? "" : model.tokenizer().decode(tokens);
    String html = new Page(title, model.name(), text, List.copyOf(views)).html();
    AtomicFile.write(Objects.requireNonNull(output), html.getBytes(StandardCharsets.UTF_8));
    System.out.println(output + ": " + title);
  }
}
