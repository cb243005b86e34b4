package dev.vidrio.cli.style;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The rules of CONTRIBUTING.md for prose, over every source and page of the tree. */
class ProseTest {
  private static final Path ROOT = Path.of("../..");

  /** Build directories and code that jextract generates. */
  private static final Set<String> SKIPPED = Set.of("target", "build", "bindings/src/main");

  private static final Pattern TEXT = Pattern.compile(".*\\.(md|java|c|h|inc|js|css)");

  /** First words that make a reader look for the sentence's subject elsewhere. */
  private static final Pattern OPENING =
      Pattern.compile(
          "(What|The same|Those|Of|Whose|Who|Whoever|Where|Whether|Says|Has|That)\\b(?!-)");

  /** Phrases with a plain equivalent; CONTRIBUTING.md lists the equivalents. */
  private static final Pattern PHRASE =
      Pattern.compile(
          "\\b(whoever|whomever|hears|nobody|in the place of|so many|told apart|of which"
              + "|whose|(?<!there )(is|are) no"
              + " (?!longer|more|less|greater|larger|smaller|better|worse|need|way|other))\\b",
          Pattern.CASE_INSENSITIVE);

  /** British spelling, by stems that have no American reading. */
  private static final Pattern BRITISH =
      Pattern.compile(
          "\\b\\w*(colour|neighbour|behaviour|favour|honour|flavour|centred|analyse|artefact|cancelled"
              + "|cancelling|labelled|labelling|modelling|travelled|catalogue|defence|licence"
              + "|(?:normal|optim|initial|quant|token|serial|organ|recogn|memor|general|real|special"
              + "|synchron|parallel|summar|minim|maxim|vector|random|character|author|final)is(?:e|ed|er|es|ing|ation))\\w*"
              + "|\\b(centre|centres|grey|whilst|amongst)\\b",
          Pattern.CASE_INSENSITIVE);

  /** Test names that read as half a sentence. */
  private static final Pattern TEST_NAME =
      Pattern.compile("\\bvoid (what|who|whoever|whose|those|that|where|whether|of)[A-Z]\\w*\\(");

  private final List<String> findings = new ArrayList<>();

  @Test
  void followsTheRulesForProse() throws IOException {
    for (Path file : files()) {
      check(file, Files.readString(file));
    }
    assertEquals("", String.join("\n", findings));
  }

  private void check(Path file, String text) {
    String name = file.getFileName().toString();
    if (name.endsWith(".md")) {
      checkText(file, 1, withoutCode(text));
    } else {
      var source = SourceText.of(text);
      source.comments().forEach(comment -> checkComment(file, comment));
      if (file.toString().contains("/test/")) {
        find(file, 1, text, TEST_NAME, "test name");
      } else {
        source.strings().forEach(string -> checkText(file, string.line(), string.text()));
      }
    }
  }

  private void checkComment(Path file, SourceText.Part comment) {
    if (OPENING.matcher(comment.text()).lookingAt()) {
      report(file, comment.line(), "opening", comment.text().lines().findFirst().orElse(""));
    }
    checkText(file, comment.line(), comment.text());
  }

  private void checkText(Path file, int line, String text) {
    find(file, line, text, PHRASE, "phrase");
    find(file, line, text, BRITISH, "spelling");
  }

  private void find(Path file, int line, String text, Pattern pattern, String rule) {
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      int at =
          line + (int) text.substring(0, matcher.start()).chars().filter(c -> c == '\n').count();
      report(file, at, rule, matcher.group());
    }
  }

  private void report(Path file, int line, String rule, String text) {
    findings.add("%s:%d: %s: %s".formatted(ROOT.relativize(file), line, rule, text));
  }

  /** Replaces fenced blocks and code spans by nothing, and keeps the lines. */
  private static String withoutCode(String markdown) {
    String text =
        Pattern.compile("(?ms)^```.*?^```")
            .matcher(markdown)
            .replaceAll(block -> block.group().replaceAll("[^\\n]", ""));
    return text.replaceAll("`[^`\\n]*`", "");
  }

  private static List<Path> files() throws IOException {
    var files = new ArrayList<Path>();
    Files.walkFileTree(
        ROOT,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            Path relative = ROOT.relativize(directory);
            String name = String.valueOf(directory.getFileName());
            boolean skipped =
                (name.startsWith(".") && !name.equals(".."))
                    || SKIPPED.contains(relative.toString())
                    || SKIPPED.contains(name);
            return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile() && TEXT.matcher(file.toString()).matches()) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files;
  }
}
