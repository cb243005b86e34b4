package dev.vidrio.fuzz;

import java.util.List;
import java.util.function.Supplier;

/**
 * A fuzzing harness.
 *
 * @param name the name in commands, reports and directories
 * @param target the class with Jazzer's entry point
 * @param body runs one input; any exception is a finding
 * @param seeds creates the inputs that the fuzzer begins with
 */
public record Harness(String name, Class<?> target, Body body, Supplier<List<byte[]>> seeds) {

  /** Runs one input. */
  @FunctionalInterface
  public interface Body {
    /** Runs an input, and throws an exception if it is a finding. */
    void run(byte[] data);
  }

  private static final List<Harness> ALL =
      List.of(
          new Harness(
              "gguf", GgufHarness.class, GgufHarness::fuzzerTestOneInput, GgufHarness::seeds),
          new Harness(
              "vocabulary",
              VocabularyHarness.class,
              VocabularyHarness::fuzzerTestOneInput,
              VocabularyHarness::seeds),
          new Harness(
              "safetensors",
              SafetensorsHarness.class,
              SafetensorsHarness::fuzzerTestOneInput,
              SafetensorsHarness::seeds),
          new Harness(
              "config",
              ConfigHarness.class,
              ConfigHarness::fuzzerTestOneInput,
              ConfigHarness::seeds),
          new Harness(
              "adapter",
              AdapterHarness.class,
              AdapterHarness::fuzzerTestOneInput,
              AdapterHarness::seeds),
          new Harness("sae", SaeHarness.class, SaeHarness::fuzzerTestOneInput, SaeHarness::seeds),
          new Harness(
              "tokenizer",
              TokenizerHarness.class,
              TokenizerHarness::fuzzerTestOneInput,
              TokenizerHarness::seeds),
          new Harness(
              "text", TextHarness.class, TextHarness::fuzzerTestOneInput, TextHarness::seeds),
          new Harness(
              "template",
              TemplateHarness.class,
              TemplateHarness::fuzzerTestOneInput,
              TemplateHarness::seeds),
          new Harness(
              "schema",
              SchemaHarness.class,
              SchemaHarness::fuzzerTestOneInput,
              SchemaHarness::seeds),
          new Harness(
              "regex", RegexHarness.class, RegexHarness::fuzzerTestOneInput, RegexHarness::seeds),
          new Harness(
              "ebnf", EbnfHarness.class, EbnfHarness::fuzzerTestOneInput, EbnfHarness::seeds),
          new Harness(
              "request",
              RequestHarness.class,
              RequestHarness::fuzzerTestOneInput,
              RequestHarness::seeds),
          new Harness(
              "answer",
              AnswerHarness.class,
              AnswerHarness::fuzzerTestOneInput,
              AnswerHarness::seeds));

  /** Returns all harnesses. */
  public static List<Harness> all() {
    return ALL;
  }
}
