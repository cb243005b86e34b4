package dev.vidrio.fuzz;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A fuzzing harness.
 *
 * @param name the name in commands, reports and directories
 * @param target the class with Jazzer's entry point
 * @param body runs one input; any exception is a finding
 * @param seeds creates the inputs that the fuzzer begins with
 * @param parser the packages and classes below dev.vidrio that read the input, for coverage; after
 *     a minus, a class of them that does not
 */
public record Harness(
    String name, Class<?> target, Body body, Supplier<List<byte[]>> seeds, List<String> parser) {

  /** Runs one input. */
  @FunctionalInterface
  public interface Body {
    /** Runs an input, and throws an exception if it is a finding. */
    void run(byte[] data);
  }

  private static final List<Harness> ALL =
      List.of(
          new Harness(
              "gguf",
              GgufHarness.class,
              GgufHarness::fuzzerTestOneInput,
              GgufHarness::seeds,
              List.of(
                  "formats.gguf.GgufParser",
                  "formats.gguf.GgufTensor",
                  "formats.gguf.GgufValue",
                  "formats.gguf.GgufValueType",
                  "formats.gguf.HeaderCursor",
                  "formats.gguf.Scalars")),
          new Harness(
              "split",
              SplitHarness.class,
              SplitHarness::fuzzerTestOneInput,
              SplitHarness::seeds,
              List.of("formats.gguf.SplitFiles")),
          new Harness(
              "vocabulary",
              VocabularyHarness.class,
              VocabularyHarness::fuzzerTestOneInput,
              VocabularyHarness::seeds,
              List.of("tokenizer.GgufVocabulary", "tokenizer.SpecialTokens")),
          new Harness(
              "safetensors",
              SafetensorsHarness.class,
              SafetensorsHarness::fuzzerTestOneInput,
              SafetensorsHarness::seeds,
              List.of(
                  "formats.safetensors.Dtype",
                  "formats.safetensors.Safetensors",
                  "formats.safetensors.SafetensorsParser",
                  "formats.safetensors.SafetensorsTensor")),
          new Harness(
              "config",
              ConfigHarness.class,
              ConfigHarness::fuzzerTestOneInput,
              ConfigHarness::seeds,
              List.of(
                  "model.huggingface.ModelConfig",
                  "model.huggingface.checkpoint.Config",
                  "model.huggingface.mapping")),
          new Harness(
              "adapter",
              AdapterHarness.class,
              AdapterHarness::fuzzerTestOneInput,
              AdapterHarness::seeds,
              List.of(
                  "model.huggingface.AdapterConfig",
                  "model.huggingface.HuggingFaceAdapter",
                  "model.huggingface.ProjectionMap")),
          new Harness(
              "sae",
              SaeHarness.class,
              SaeHarness::fuzzerTestOneInput,
              SaeHarness::seeds,
              List.of(
                  "lens.decode.sae.SaeConfig",
                  "lens.decode.sae.SaeConfigReader",
                  "lens.decode.sae.SaeLensConfig",
                  "lens.decode.sae.TemporalConfig")),
          new Harness(
              "tokenizer",
              TokenizerHarness.class,
              TokenizerHarness::fuzzerTestOneInput,
              TokenizerHarness::seeds,
              List.of("tokenizer.huggingface", "-tokenizer.huggingface.VocabularyText")),
          new Harness(
              "wordpiece",
              WordPieceHarness.class,
              WordPieceHarness::fuzzerTestOneInput,
              WordPieceHarness::seeds,
              List.of("tokenizer.huggingface.VocabularyText")),
          new Harness(
              "text",
              TextHarness.class,
              TextHarness::fuzzerTestOneInput,
              TextHarness::seeds,
              List.of(
                  "tokenizer.VocabularyTokenizer",
                  "tokenizer.LiteralSearch",
                  "tokenizer.bpe.Bpe",
                  "tokenizer.bpe.WordMerger",
                  "tokenizer.word.WordSplitter")),
          new Harness(
              "receipt",
              ReceiptHarness.class,
              ReceiptHarness::fuzzerTestOneInput,
              ReceiptHarness::seeds,
              List.of("model.receipt.Receipt", "model.receipt.ReceiptJson")),
          new Harness(
              "conversation",
              ConversationHarness.class,
              ConversationHarness::fuzzerTestOneInput,
              ConversationHarness::seeds,
              List.of("model.state.ConversationFile", "model.state.StateFile")),
          new Harness(
              "template",
              TemplateHarness.class,
              TemplateHarness::fuzzerTestOneInput,
              TemplateHarness::seeds,
              List.of(
                  "template.builtin",
                  "template.interpreter",
                  "template.operation",
                  "template.syntax")),
          new Harness(
              "schema",
              SchemaHarness.class,
              SchemaHarness::fuzzerTestOneInput,
              SchemaHarness::seeds,
              List.of(
                  "grammar.schema",
                  "-grammar.schema.ToolCallRules",
                  "-grammar.schema.ToolParameter")),
          new Harness(
              "regex",
              RegexHarness.class,
              RegexHarness::fuzzerTestOneInput,
              RegexHarness::seeds,
              List.of(
                  "grammar.expression.CharacterProperties",
                  "grammar.expression.CodePoints",
                  "grammar.expression.RegexReader")),
          new Harness(
              "ebnf",
              EbnfHarness.class,
              EbnfHarness::fuzzerTestOneInput,
              EbnfHarness::seeds,
              List.of("grammar.expression.CodePoints", "grammar.expression.EbnfReader")),
          new Harness(
              "request",
              RequestHarness.class,
              RequestHarness::fuzzerTestOneInput,
              RequestHarness::seeds,
              List.of(
                  "server.anthropic.MessagesInput",
                  "server.anthropic.MessagesRequest",
                  "server.anthropic.MessagesTools",
                  "server.chat.ChatRequest",
                  "server.chat.ChatTools",
                  "server.chat.ResponseInput",
                  "server.chat.ResponseRequest",
                  "server.completion.CompletionRequest",
                  "server.completion.InfillRequest",
                  "server.generation.AnswerFormat",
                  "server.generation.GenerationParameters",
                  "server.generation.LogitBiases",
                  "server.generation.StopStrings",
                  "server.http.JsonFields",
                  "server.http.JsonValue",
                  "server.ollama.OllamaMessages",
                  "server.ollama.OllamaOptions",
                  "server.ollama.OllamaRequest")),
          new Harness(
              "answer",
              AnswerHarness.class,
              AnswerHarness::fuzzerTestOneInput,
              AnswerHarness::seeds,
              List.of("model.chat.ChatAnswer", "model.chat.ReasoningReader", "template.call")),
          new Harness(
              "http",
              HttpHarness.class,
              HttpHarness::fuzzerTestOneInput,
              HttpHarness::seeds,
              List.of(
                  "server.http.ApiFormat",
                  "server.http.ApiKeys",
                  "server.http.CorsPolicy",
                  "server.http.Exchange",
                  "server.http.Json",
                  "server.http.RequestFilter",
                  "server.http.Route",
                  "server.http.Router")),
          new Harness(
              "lens",
              LensHarness.class,
              LensHarness::fuzzerTestOneInput,
              LensHarness::seeds,
              List.of("cli.lens.ServedCommands", "lens.MetricSpec", "lens.edit", "server.lens")));

  /** Returns all harnesses. */
  public static List<Harness> all() {
    return ALL;
  }

  /** Returns the harness with a name. */
  static Harness named(String name) {
    return ALL.stream()
        .filter(each -> each.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no harness " + name));
  }

  /** Returns the inputs without fuzzing: the seeds, and the corpus that is checked in. */
  public List<byte[]> inputs() {
    List<byte[]> inputs = new ArrayList<>(seeds.get());
    inputs.addAll(Corpus.of(name));
    return inputs;
  }

  /** Returns whether a class, by its name in class files, is part of the parser. */
  boolean parses(String internalName) {
    String name = internalName.replace('/', '.');
    return parser.stream().anyMatch(each -> isIn(name, each))
        && parser.stream().noneMatch(each -> each.startsWith("-") && isIn(name, each.substring(1)));
  }

  private static boolean isIn(String name, String parser) {
    String full = "dev.vidrio." + parser;
    return name.equals(full) || name.startsWith(full + ".") || name.startsWith(full + "$");
  }
}
