package dev.vidrio.template;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.template.builtin.Globals;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.template.interpreter.Renderer;
import dev.vidrio.template.syntax.Parser;
import dev.vidrio.template.syntax.Stmt;
import dev.vidrio.template.syntax.TemplateErrors;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.JsonTree;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.time.ZonedDateTime;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A model's chat template, which converts a conversation to a prompt.
 *
 * {@snippet file="TemplateExamples.java" region="render"}
 *
 * <p>The prompt contains the template's special tokens, so encode it with special tokens parsed and
 * without adding BOS and EOS.
 *
 * <p>Rendering follows Jinja 3.1 in the environment of Hugging Face transformers: trimmed blocks,
 * loop controls, {@code tojson} as Python's {@code json.dumps}, {@code raise_exception}, {@code
 * strftime_now}, {@code generation} blocks, and immutable lists and dicts. Not supported are
 * template inheritance and inclusion ({@code extends}, {@code block}, {@code include}, {@code
 * import}), {@code autoescape} blocks, and a few filters for web pages.
 *
 * <p>Limits: a template has at most 256 Ki characters. With n characters in messages, tools and
 * variables, a rendering takes at most 1000000 + n steps and 20 seconds, creates no text longer
 * than 1048576 + n characters, and nests at most 256 levels deep.
 *
 * <p>Immutable and thread-safe.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">The Jinja language</a>
 * @see <a href="https://huggingface.co/docs/transformers/chat_templating">Chat templates in
 *     transformers</a>
 */
public final class ChatTemplate {

  /** The maximum number of characters of a template, fifteen times the longest known one. */
  private static final int MAX_SOURCE = 1 << 18;

  /** The field names of reasoning in messages. */
  private static final List<String> REASONING =
      List.of("reasoning_content", "thinking", "reasoning");

  private static final Set<String> GIVEN =
      Set.of("messages", "tools", "add_generation_prompt", "bos_token", "eos_token");

  private final TemplateErrors errors;
  private final List<Stmt> body;
  private final Set<String> names;
  private final Set<String> variables;
  private final Optional<ToolCallFormat> shownFormat;
  private volatile @Nullable ToolCallFormat format;
  private volatile boolean isProbed;

  private ChatTemplate(TemplateErrors errors, Parser.Parsed parsed, String source) {
    this.errors = errors;
    this.shownFormat = ToolCallProbe.shown(source);
    this.body = parsed.body();
    this.names = parsed.names();
    this.variables = variables(names);
  }

  /**
   * Parses a template.
   *
   * @param name the template's name or file, for errors
   * @param source the template's text
   * @throws ModelFileException if the template is malformed or too long
   * @throws UnsupportedModelException if it uses an unsupported statement
   */
  public static ChatTemplate parse(String name, String source) {
    TemplateErrors errors = new TemplateErrors(name);
    if (source.length() > MAX_SOURCE) {
      throw new ModelFileException(
          name,
          "chat template",
          "of " + source.length() + " characters",
          "must have at most " + MAX_SOURCE);
    }
    return new ChatTemplate(errors, Parser.parse(source, errors), source);
  }

  /**
   * Returns whether the template reads a variable, such as {@code tools} or {@code
   * enable_thinking}.
   */
  public boolean reads(String variable) {
    return names.contains(variable);
  }

  /**
   * Checks that a model with this template can be given tools: the template reads them, and the
   * format of the calls that it writes is known. Otherwise a model's call would be returned as
   * text.
   *
   * @throws InvalidInputException if the template does not support tools, or writes calls in a
   *     format that is not supported
   */
  public void requireTools() {
    if (!reads("tools")) {
      throw new InvalidInputException(
          "tools", "", "this model's chat template does not support tools");
    }
    if (toolCallFormat().isEmpty()) {
      throw new InvalidInputException(
          "tools",
          "",
          "this model's chat template writes tool calls in a format that is not supported");
    }
  }

  /**
   * Returns the format in which the model writes tool calls, as its template writes those of
   * earlier turns; empty if it is not known.
   */
  public Optional<ToolCallFormat> toolCallFormat() {
    if (!isProbed) {
      format = ToolCallProbe.format(this, shownFormat).orElse(null);
      isProbed = true;
    }
    return Optional.ofNullable(format);
  }

  /**
   * Returns the variables that the template reads and that {@link ChatOptions#variables} may set,
   * sorted. Includes variables that the template itself assigns.
   */
  public Set<String> variables() {
    return variables;
  }

  private static Set<String> variables(Set<String> names) {
    Set<String> variables = new TreeSet<>(names);
    variables.removeAll(GIVEN);
    variables.removeAll(Globals.ALL.names());
    return Collections.unmodifiableSet(variables);
  }

  /**
   * Renders the prompt of a conversation.
   *
   * @param messages the conversation, oldest message first
   * @param options the other inputs of the template
   * @return the prompt
   * @throws InvalidInputException if the template rejects the messages or options, or exceeds a
   *     limit
   * @throws UnsupportedModelException if the template uses an unsupported filter, test, function or
   *     method
   */
  public String render(List<ChatMessage> messages, ChatOptions options) {
    Meter meter = new Meter(characters(messages, options), System::nanoTime);
    try {
      ZonedDateTime now = ZonedDateTime.now(options.clock());
      return Renderer.render(body, variables(messages, options), now, meter);
    } catch (Fault fault) {
      throw errors.of(fault, meter.line());
    }
  }

  private static long characters(List<ChatMessage> messages, ChatOptions options) {
    return JsonTree.characters(options.tools())
        + JsonTree.characters(options.variables())
        + messages.stream().mapToLong(message -> JsonTree.characters(message.fields())).sum();
  }

  private Map<String, Value> variables(List<ChatMessage> messages, ChatOptions options) {
    Map<String, Value> variables = new HashMap<>();
    variables.put(
        "messages", JsonTree.toValue(messages.stream().map(ChatTemplate::fields).toList()));
    variables.put(
        "tools", options.tools().isEmpty() ? Value.NONE : JsonTree.toValue(options.tools()));
    variables.put("documents", Value.NONE);
    variables.put("add_generation_prompt", Value.of(options.addGenerationPrompt()));
    if (options.bosToken() != null) {
      variables.put("bos_token", Value.of(options.bosToken()));
    }
    if (options.eosToken() != null) {
      variables.put("eos_token", Value.of(options.eosToken()));
    }
    options
        .variables()
        .forEach((name, value) -> variables.put(variable(name), JsonTree.toValue(value)));
    return variables;
  }

  /** Returns the name of a variable that the options may set, or rejects it. */
  private String variable(String name) {
    if (!variables.contains(name)) {
      throw new InvalidInputException(
          "template variable",
          name,
          "the template of " + errors.name() + " reads no variable of that name");
    }
    return name;
  }

  /**
   * Returns the fields that the template reads of a message. A message with tool calls and no
   * content gets the content {@code ""}: many templates read {@code content} of every message and
   * fail if it is missing or null. Reasoning gets both names under which templates read it.
   */
  private static Map<String, @Nullable Object> fields(ChatMessage message) {
    LinkedHashMap<String, @Nullable Object> fields = new LinkedHashMap<>(message.fields());
    for (String name : REASONING) {
      Object reasoning = fields.get(name);
      if (reasoning != null) {
        fields.putFirst("thinking", fields.getOrDefault("thinking", reasoning));
        fields.put("reasoning_content", reasoning);
        break;
      }
    }
    if (fields.containsKey("tool_calls")) {
      fields.putIfAbsent("content", "");
    }
    return fields;
  }
}
