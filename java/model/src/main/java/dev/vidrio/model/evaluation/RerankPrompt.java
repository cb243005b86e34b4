package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The question with which a chat model judges a document, that of Qwen3-Reranker (arXiv
 * 2506.05176):
 *
 * <pre>
 * system: Judge whether the Document meets the requirements based on the Query and the Instruct
 *         provided. Note that the answer can only be "yes" or "no".
 * user:   &lt;Instruct&gt;: …
 *         &lt;Query&gt;: …
 *         &lt;Document&gt;: …
 * </pre>
 *
 * <p>It is written by the model's chat template without reasoning; with Qwen3's template, the
 * prompt is that of the original token for token. A file may have a prompt of its own in {@value
 * #KEY}, with <code>{query}</code> and <code>{document}</code> in it; llama.cpp's converter writes
 * it for Qwen3-Reranker. Query and document are plain text: names of special tokens in them have no
 * effect.
 */
@FunctionalInterface
interface RerankPrompt {
  /** The GGUF key of a prompt. */
  String KEY = "tokenizer.chat_template.rerank";

  /** The question. */
  String TASK =
      "Judge whether the Document meets the requirements based on the Query and the Instruct"
          + " provided. Note that the answer can only be \"yes\" or \"no\".";

  /** Returns the tokens of the prompt, after which the model answers. */
  int[] encode(String query, String document);

  /**
   * Returns the prompt of a model.
   *
   * @throws UnsupportedModelException if the model has no chat template, or one that cannot express
   *     the question
   */
  static RerankPrompt of(Model model, String instruction) {
    Optional<String> own = model.gguf().metadata().optionalString(KEY);
    if (own.isPresent()) {
      return of(model, own.get(), "key '" + KEY + "'");
    }
    ChatFormat format =
        model
            .chatFormat()
            .orElseThrow(
                () ->
                    new UnsupportedModelException(
                        model.name(),
                        "reranking",
                        "supported: chat models, which have a chat template"));
    return withRole(format, instruction)
        .or(() -> withoutRole(format, instruction))
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    model.name(),
                    "reranking with this chat template",
                    "supported: templates that write a question and can leave out reasoning"));
  }

  /** Returns the prompt with a system message, if the template writes it. */
  private static Optional<RerankPrompt> withRole(ChatFormat format, String instruction) {
    return checked(
        format,
        (query, document) ->
            List.of(
                ChatMessage.system(TASK),
                ChatMessage.user(question(instruction, query, document))));
  }

  /** Returns the prompt as one message of the user, if the template writes it. */
  private static Optional<RerankPrompt> withoutRole(ChatFormat format, String instruction) {
    return checked(
        format,
        (query, document) ->
            List.of(ChatMessage.user(TASK + "\n" + question(instruction, query, document))));
  }

  private static String question(String instruction, String query, String document) {
    return "<Instruct>: " + instruction + "\n<Query>: " + query + "\n<Document>: " + document;
  }

  /** The messages of a question. */
  @FunctionalInterface
  interface Question {
    /** Returns the messages about a query and a document. */
    List<ChatMessage> messages(String query, String document);
  }

  private static Optional<RerankPrompt> checked(ChatFormat format, Question question) {
    ChatOptions.Builder builder = ChatOptions.builder();
    format.withoutReasoning().forEach(builder::variable);
    ChatOptions options = builder.build();
    try {
      String text = format.template().render(question.messages("q-1", "d-2"), options);
      boolean complete =
          text.contains(TASK) && text.contains("<Query>: q-1") && text.contains("d-2");
      return complete && !format.opensReasoning(text)
          ? Optional.of(
              (query, document) -> format.encode(question.messages(query, document), options))
          : Optional.empty();
    } catch (InvalidInputException e) {
      return Optional.empty(); // the template rejects the roles
    }
  }

  /** Returns the prompt of a text with placeholders. */
  private static RerankPrompt of(Model model, String prompt, String source) {
    String query = "{query}";
    String document = "{document}";
    int first = prompt.indexOf(query);
    int second = prompt.indexOf(document);
    if (first < 0 || second < first) {
      throw new UnsupportedModelException(
          model.name(), source + " without {query} and {document} in this order", "both");
    }
    // The text of a line is encoded by itself, as in the original; no token spans a line's end.
    int line = prompt.lastIndexOf('\n', first) + 1;
    EncodeOptions marked = new EncodeOptions(true, false);
    EncodeOptions plain = new EncodeOptions(false, false);
    Tokenizer tokenizer = model.tokenizer();
    int[] before = tokenizer.encode(prompt.substring(0, line), marked);
    int[] after = tokenizer.encode(prompt.substring(second + document.length()), marked);
    return (queryText, documentText) -> {
      String text =
          prompt.substring(line, first)
              + queryText
              + prompt.substring(first + query.length(), second)
              + documentText;
      return Stream.of(before, tokenizer.encode(text, plain), after)
          .flatMapToInt(IntStream::of)
          .toArray();
    };
  }
}
