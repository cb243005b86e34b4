package dev.vidrio.template.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The table of formats, and the list in the documentation that is derived from it. After a change
 * of the table, {@code -Dvidrio.update=true} rewrites the list instead of failing.
 */
class ToolFormatsTest {
  private static final Path PAGE = Path.of("../../docs/tools.md");
  private static final Pattern LIST =
      Pattern.compile("by ToolFormatsTest -->\n(.*?)<!-- end -->", Pattern.DOTALL);

  /** Returns a pattern as text; a line break is written as {@code \n}. */
  private static String text(List<Part> parts) {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(
          switch (part) {
            case Part.Text(String literal) -> literal;
            case Part.Slot(Part.Variable variable) -> text(variable);
            case Part.Members(List<Part.Member> members) ->
                members.stream()
                    .map(member -> "\"" + member.key() + "\": " + value(member.value()))
                    .collect(Collectors.joining(", ", "{", "}"));
          });
    }
    return text.toString();
  }

  private static String text(Part.Variable variable) {
    return "$" + variable.name().toLowerCase(Locale.ROOT);
  }

  private static String value(Part.Variable variable) {
    return variable == Part.Variable.JSON ? text(variable) : "\"" + text(variable) + "\"";
  }

  private static String code(String text) {
    String line = text.replace("\n", "\\n").replace("|", "\\|");
    return line.contains("`") ? "`` " + line + " ``" : "`" + line + "`";
  }

  private static String row(ToolCallFormat format) {
    String calls = code(format.open() + text(format.call()) + format.close());
    String parameter =
        format.parameter().isEmpty() ? "" : ", " + code(text(format.parameter()).strip());
    return "| " + format.name() + " | " + format.models() + " | " + calls + parameter + " |\n";
  }

  @Test
  void documentationListsAllFormats() throws IOException {
    String list =
        Stream.concat(ToolCallFormat.known().stream(), Stream.of(ToolCallFormat.HARMONY))
            .map(ToolFormatsTest::row)
            .collect(Collectors.joining("", "| format | models | call |\n|---|---|---|\n", ""));
    String page = Files.readString(PAGE);
    Matcher matcher = LIST.matcher(page);
    assertTrue(matcher.find(), PAGE + " has no list");
    if (Boolean.getBoolean("vidrio.update")) {
      Files.writeString(
          PAGE, page.substring(0, matcher.start(1)) + list + page.substring(matcher.end(1)));
    } else {
      assertEquals(list, matcher.group(1), PAGE + ": run with -Dvidrio.update=true");
    }
  }

  @Test
  void namesAreUnique() {
    Set<String> names = new HashSet<>();
    for (ToolCallFormat format : ToolCallFormat.known()) {
      assertTrue(names.add(format.name()), format.name());
    }
  }

  @Test
  void eachFormatHasANameAndArguments() {
    for (ToolCallFormat format : ToolCallFormat.known()) {
      String pattern = text(format.call());
      assertTrue(pattern.contains("$name"), pattern);
      assertTrue(pattern.matches("(?s).*\\$(json|parameters|python|gemma).*"), pattern);
      assertEquals(pattern.contains("$parameters"), !format.parameter().isEmpty(), pattern);
    }
  }
}
