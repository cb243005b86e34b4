package dev.vidrio.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.testfiles.ScriptedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.ToolCall;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.call.ToolCallFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The cases of another program's test, which {@code bench/peers/tool_cases.py} extracts: answers to
 * prompts of many templates, and the content, reasoning and calls that are expected. Runs if the
 * properties {@code vidrio.tool.cases} and {@code vidrio.template.directory} are set.
 *
 * <p>White space around texts is not compared. Where a case expects reasoning within the content,
 * both are compared together, without marks.
 */
class ToolCasesTest {
  /** Cases that disagree, by template, with the reasons. */
  private static final Map<String, Integer> KNOWN =
      new TreeMap<>(
          Map.ofEntries(
              // The reasoning includes the line in the prompt that begins it.
              Map.entry("Apriel-1.6-15b-Thinker-fixed.jinja", 2),
              // An element where a string is allowed too is an object here.
              Map.entry("MiniMax-M3.jinja", 1),
              // A second opening mark is not part of the reasoning here.
              Map.entry("Qwen3.5-4B.jinja", 1),
              // An end token in the reasoning.
              Map.entry("inclusionai-ling-3.0-flash.jinja", 1),
              // The prompt ends within a message to a recipient.
              Map.entry("meetkai-functionary-medium-v3.2.jinja", 2),
              Map.entry("muse-glimmer.jinja", 7),
              // A fence around JSON, which a grammar does not allow here.
              Map.entry("meta-llama-Llama-3.1-8B-Instruct.jinja", 1),
              Map.entry("mistralai-Ministral-3-14B-Reasoning-2512.jinja", 1),
              // Messages to recipients that are not tools are content here.
              Map.entry("openai-gpt-oss-120b.jinja", 2)));

  /** Special tokens, which are not text; and single characters. */
  private static final Pattern TOKEN =
      Pattern.compile("<\\|[^|<>]{1,40}\\|>|<｜[^｜<>]{1,40}｜>|.", Pattern.DOTALL);

  private static final Pattern MARKS =
      Pattern.compile(
          "\\s+|<\\|(channel|message|end|start)\\|>(analysis|final|assistant)?|<\\|[^|<>]{1,40}\\|>"
              + "|</?(mm:|seed:)?think>|\\[/?THINK\\]|<\\|channel>thought|<channel\\|>");

  @TempDir private static Path directory;

  private final Map<String, String> sources = new LinkedHashMap<>();

  @Test
  void agreesExceptWhereListed() throws IOException {
    String cases = System.getProperty("vidrio.tool.cases");
    String templates = System.getProperty("vidrio.template.directory");
    assumeTrue(cases != null && templates != null);
    Map<String, Integer> differing = new TreeMap<>();
    int count = 0;
    int continued = 0;
    try (Model model = Model.open(ScriptedModel.write(directory.resolve("scripted.gguf")))) {
      for (JsonNode each : JsonMapper.shared().readTree(Path.of(cases).toFile())) {
        if (each.path("continue").asInt() > 0) {
          continued++; // Messages of the assistant are not continued.
          continue;
        }
        count++;
        String name = each.path("template").stringValue();
        if (!sources.containsKey(name)) {
          sources.put(name, Files.readString(Path.of(templates, name)));
        }
        if (!agrees(model, each, sources.get(name))) {
          differing.merge(name, 1, Integer::sum);
        }
      }
    }
    int failed = differing.values().stream().mapToInt(Integer::intValue).sum();
    System.out.printf("%d of %d agree, %d not applicable%n", count - failed, count, continued);
    assertEquals(KNOWN, differing);
  }

  private static Map<String, @Nullable Object> tool(JsonNode tool) {
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", tool.path("name").stringValue());
    function.put("description", tool.path("description").stringValue());
    function.put("parameters", tree(tool.path("parameters").stringValue()));
    return Map.of("type", "function", "function", function);
  }

  private static @Nullable Object tree(String json) {
    try {
      return JsonMapper.shared().readValue(json.isBlank() ? "{}" : json, Object.class);
    } catch (JacksonException e) {
      return json;
    }
  }

  private static ChatMessage message(JsonNode message) {
    String role = message.path("role").stringValue();
    String content = message.path("content").stringValue();
    List<ToolCall> calls = new ArrayList<>();
    for (JsonNode call : message.path("calls")) {
      Map<String, @Nullable Object> arguments =
          JsonMapper.shared()
              .readValue(call.path("arguments").stringValue(), new TypeReference<>() {});
      calls.add(
          new ToolCall(call.path("id").stringValue(), call.path("name").stringValue(), arguments));
    }
    return role.equals("tool")
        ? ChatMessage.tool(content, null, message.path("id").stringValue())
        : calls.isEmpty()
            ? new ChatMessage(role, content)
            : ChatMessage.assistant(content, null, calls);
  }

  private static String prompt(
      ChatTemplate template, JsonNode each, List<Map<String, @Nullable Object>> tools) {
    var options = ChatOptions.builder().bosToken("<s>").eosToken("</s>");
    if (template.reads("tools")) {
      tools.forEach(options::tool);
    }
    for (String name : List.of("enable_thinking", "thinking")) {
      if (template.variables().contains(name)) {
        options.variable(name, each.path("thinking").asInt() > 0);
      }
    }
    List<ChatMessage> messages = new ArrayList<>();
    each.path("messages").forEach(message -> messages.add(message(message)));
    if (messages.isEmpty()) {
      messages.add(ChatMessage.user("Hi!"));
    }
    try {
      return template.render(messages, options.build());
    } catch (ModelException e) {
      return "";
    }
  }

  private static boolean agrees(Model model, JsonNode each, String source) {
    ChatTemplate template = ChatTemplate.parse("t", source);
    List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    each.path("tools").forEach(tool -> tools.add(tool(tool)));
    ReasoningMarkers marks = ReasoningMarkers.of(source).orElse(null);
    boolean begun = marks != null && marks.isOpenAfter(prompt(template, each, tools));
    // Templates that cannot render calls here show their format.
    ToolCallFormat format =
        template
            .toolCallFormat()
            .or(
                () ->
                    ToolCallFormat.known().stream()
                        .filter(known -> known.signs().stream().anyMatch(source::contains))
                        .findFirst())
            .orElse(ToolCallFormat.HERMES);
    var answer =
        new ChatAnswer(
            model.tokenizer(),
            marks,
            begun,
            tools.isEmpty()
                ? null
                : new ChatAnswer.Tools(format, new ParameterTypes(tools), false));
    int special = model.tokenizer().eos().orElseThrow();
    Matcher token = TOKEN.matcher(each.path("input").stringValue());
    while (token.find()) {
      String text = token.group();
      var _ =
          text.length() > 2
              ? answer.accept(new GeneratedToken(special, "", text, null))
              : answer.accept(text);
    }
    JsonNode expected = each.path("expect");
    boolean partial = each.path("partial").asInt() > 0;
    List<ReadCall> calls = List.copyOf(answer.calls());
    var _ = answer.finish(partial ? FinishReason.LENGTH : FinishReason.STOP);
    return agree(expected.path("calls"), partial ? calls : answer.calls(), partial)
        && agree(expected, answer.message(), each.path("reasoning").asInt() == 0);
  }

  private static boolean agree(JsonNode expected, List<ReadCall> calls, boolean partial) {
    boolean agree = expected.size() == calls.size();
    for (int i = 0; agree && i < calls.size(); i++) {
      ReadCall call = calls.get(i);
      String arguments = expected.path(i).path("arguments").stringValue();
      String id = expected.path(i).path("id").stringValue();
      agree =
          call.name().equals(expected.path(i).path("name").stringValue())
              && (partial
                  ? call.arguments().toString().equals(arguments.replaceAll("\\s+", ""))
                  : Objects.equals(tree(call.arguments().toString()), tree(arguments)))
              && (partial || id.isEmpty() || id.equals(call.id()));
    }
    return agree;
  }

  private static boolean agree(JsonNode expected, ChatMessage message, boolean together) {
    String content = Objects.requireNonNullElse(message.content(), "");
    String reasoning = Objects.requireNonNullElse(message.reasoning(), "");
    String expectedContent = expected.path("content").stringValue();
    String expectedReasoning = expected.path("reasoning").stringValue();
    return together
        ? text(reasoning + content).equals(text(expectedReasoning + expectedContent))
        : content.strip().equals(expectedContent.strip())
            && reasoning.strip().equals(expectedReasoning.strip());
  }

  private static String text(String marked) {
    return MARKS.matcher(marked).replaceAll("");
  }
}
