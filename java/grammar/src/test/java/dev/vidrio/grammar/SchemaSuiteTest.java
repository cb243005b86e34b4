package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Schemas with valid and invalid instances, such as MaskBench's, which {@code
 * bench/conformance/schema_cases.py} writes. Runs if the property {@code vidrio.schema.cases} is
 * set, and prints what is rejected and not allowed.
 */
class SchemaSuiteTest {
  @Test
  void countsAllowedInstances() throws IOException {
    String file = System.getProperty("vidrio.schema.cases");
    assumeTrue(file != null);
    List<JsonNode> cases =
        Files.readAllLines(Path.of(file)).stream()
            .map(line -> JsonMapper.shared().readTree(line))
            .toList();
    var compiled = new AtomicInteger();
    var valid = new AtomicInteger();
    var allowed = new AtomicInteger();
    var invalid = new AtomicInteger();
    var wrong = new ConcurrentLinkedQueue<String>();
    cases.parallelStream()
        .forEach(
            each -> {
              String name = each.path("name").stringValue();
              Grammar grammar;
              try {
                grammar = Grammar.jsonSchema(each.path("schema").stringValue());
                TokenConstraint.of(grammar, ListTokenizer.of("a"));
              } catch (InvalidInputException e) {
                System.out.println("rejected " + name + ": " + e.getMessage());
                return;
              }
              compiled.incrementAndGet();
              for (JsonNode test : each.path("tests")) {
                String text = test.path("text").stringValue();
                boolean matches = grammar.matches(text);
                if (test.path("valid").booleanValue()) {
                  valid.incrementAndGet();
                  if (matches) {
                    allowed.incrementAndGet();
                  } else {
                    System.out.println("not allowed " + name + ": " + text);
                  }
                } else {
                  invalid.incrementAndGet();
                  if (matches) {
                    wrong.add(name + ": " + text);
                  }
                }
              }
            });
    System.out.printf(
        "schemas: %d of %d compile; %d of %d valid instances allowed, %d of %d invalid ones%n",
        compiled.get(), cases.size(), allowed.get(), valid.get(), wrong.size(), invalid.get());
    assertEquals(List.of(), List.copyOf(wrong));
  }
}
