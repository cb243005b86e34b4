package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.attribute.TokenSpan.Conversation;
import dev.vidrio.model.Model;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** The options of spans of a text, and of a conversation with messages as spans. */
public final class SpansOption {
  private static final Pattern RANGE = Pattern.compile("(\\d{1,9}):(\\d{1,9})");

  @Option(
      names = "--spans",
      paramLabel = "SPANS",
      defaultValue = "token",
      description =
          "token, word, sentence, message, or ranges FROM:TO (exclusive) of positions, separated by"
              + " commas.")
  private String spans = "token";

  @Option(
      names = "--messages",
      paramLabel = "FILE",
      description =
          "A JSON array of messages with role and content, instead of -p: the text is the"
              + " conversation in the model's template, up to the beginning of an answer.")
  private @Nullable Path messages;

  private List<TokenSpan> ofMessages = List.of();

  /** Rejects invalid options before the model is opened. */
  public void check(TextInput input) {
    if (messages != null && input.isPresent()) {
      throw new UsageException("--messages " + messages + ": -p, -f or --ids gives a second text");
    }
    if (spans.equals("message") && messages == null) {
      throw new UsageException("--spans message: needs --messages");
    }
    if (!List.of("token", "word", "sentence", "message").contains(spans)) {
      ranges();
    }
  }

  /** Returns the tokens of the conversation, or else of the text. */
  public int[] read(Model model, TextInput input) {
    if (messages == null) {
      return input.requiredIds(model);
    }
    List<ChatMessage> all = new ArrayList<>();
    Json.readArray(messages)
        .forEach(
            node ->
                all.add(
                    ChatMessage.of(
                        JsonMapper.shared()
                            .convertValue(node, new TypeReference<Map<String, Object>>() {}))));
    Conversation conversation =
        TokenSpan.messages(
            model
                .chatFormat()
                .orElseThrow(
                    () ->
                        new CommandException(
                            "--messages " + messages + ": the model has no chat template")),
            all);
    ofMessages = conversation.spans();
    return conversation.tokens().stream().mapToInt(Integer::intValue).toArray();
  }

  /** Returns whether the spans are single tokens. */
  public boolean areTokens() {
    return spans.equals("token");
  }

  /** Returns the name of a span: token, word, sentence, message or span. */
  public String name() {
    return spans.contains(":") ? "span" : spans;
  }

  /** Returns the spans of a text that ends with the last token, as of the next one. */
  public List<TokenSpan> of(Tokenizer tokenizer, int[] tokens) {
    return switch (spans) {
      case "token" -> TokenSpan.tokens(0, tokens.length);
      case "word" -> TokenSpan.words(tokenizer, tokens);
      case "sentence" -> TokenSpan.sentences(tokenizer, tokens);
      case "message" ->
          ofMessages.stream()
              .filter(span -> span.from() < tokens.length)
              .map(span -> new TokenSpan(span.from(), Math.min(span.to(), tokens.length)))
              .toList();
      default -> ranges(tokens.length);
    };
  }

  /**
   * Returns the spans of the input of an answer: those of the prompt and, for tokens, words and
   * sentences, those of the answer without its last token.
   */
  public List<TokenSpan> inputs(Tokenizer tokenizer, int[] tokens, int from) {
    if (spans.contains(":")) {
      return ranges(tokens.length - 1);
    }
    List<TokenSpan> prompt = of(tokenizer, Arrays.copyOf(tokens, from));
    if (spans.equals("message")) {
      return prompt;
    }
    int[] input = Arrays.copyOf(tokens, tokens.length - 1);
    return Stream.concat(prompt.stream(), after(tokenizer, input, from).stream()).toList();
  }

  /** Returns the spans of an answer: words or sentences, or else its tokens. */
  public List<TokenSpan> outputs(Tokenizer tokenizer, int[] tokens, int from) {
    return switch (spans) {
      case "word", "sentence" -> after(tokenizer, tokens, from);
      default -> TokenSpan.tokens(from, tokens.length);
    };
  }

  private List<TokenSpan> after(Tokenizer tokenizer, int[] tokens, int from) {
    if (from >= tokens.length) {
      return List.of();
    }
    return of(tokenizer, Arrays.copyOfRange(tokens, from, tokens.length)).stream()
        .map(span -> new TokenSpan(from + span.from(), from + span.to()))
        .toList();
  }

  private List<TokenSpan> ranges(int tokens) {
    List<TokenSpan> ranges = ranges();
    for (TokenSpan range : ranges) {
      if (range.to() > tokens) {
        throw new InvalidInputException(
            "spans", range.from() + ":" + range.to(), "must end by position " + tokens);
      }
    }
    return ranges;
  }

  private List<TokenSpan> ranges() {
    List<TokenSpan> ranges = new ArrayList<>();
    for (String part : spans.split(",", -1)) {
      Matcher matcher = RANGE.matcher(part.strip());
      if (!matcher.matches()) {
        throw new UsageException(
            "--spans "
                + spans
                + ": must be token, word, sentence, message or ranges such as"
                + " 0:5,5:9");
      }
      var range =
          new TokenSpan(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
      if (!ranges.isEmpty() && range.from() < ranges.getLast().to()) {
        throw new InvalidInputException("spans", part, "must begin after the range before it");
      }
      ranges.add(range);
    }
    return ranges;
  }
}
