package dev.vidrio.template;

import dev.vidrio.error.ModelException;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** The output of bench/peers/chat_templates.py: templates, conversations, and their prompts. */
final class GoldenFile {

  private final Map<?, ?> root;
  private final Map<String, ChatTemplate> parsed = new HashMap<>();

  GoldenFile(String json) {
    root = JsonMapper.shared().readValue(json, Map.class);
  }

  /**
   * A template with a conversation.
   *
   * @param template the name of the template
   * @param conversation the name of the conversation
   * @param prompt the prompt of transformers, or null if it raises an error
   */
  record Rendering(String template, String conversation, @Nullable String prompt) {
    @Override
    public String toString() {
      return template + ", " + conversation;
    }
  }

  List<Rendering> renderings() {
    List<Rendering> renderings = new ArrayList<>();
    for (Object entry : (List<?>) Objects.requireNonNull(root.get("renderings"))) {
      Map<?, ?> rendering = object(entry);
      renderings.add(
          new Rendering(
              string(rendering, "template"),
              string(rendering, "conversation"),
              (String) rendering.get("prompt")));
    }
    return renderings;
  }

  /** Renders with the interpreter under test. */
  String render(Rendering rendering) throws ModelException {
    Map<?, ?> given = object(object(root.get("conversations")).get(rendering.conversation()));
    String source = string(object(root.get("templates")), rendering.template());
    ChatTemplate template = parsed.get(rendering.template());
    if (template == null) {
      template = ChatTemplate.parse("golden", source);
      parsed.put(rendering.template(), template);
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (Object message : (List<?>) Objects.requireNonNull(given.get("messages"))) {
      messages.add(ChatMessage.of(stringMap(message)));
    }
    return template.render(messages, options(template, given));
  }

  private ChatOptions options(ChatTemplate template, Map<?, ?> given) {
    LocalDateTime now = LocalDateTime.parse(string(root, "now"));
    ChatOptions.Builder options =
        ChatOptions.builder()
            .addGenerationPrompt(
                (Boolean) Objects.requireNonNull(given.get("add_generation_prompt")))
            .bosToken(string(root, "bos_token"))
            .eosToken(string(root, "eos_token"))
            .clock(Clock.fixed(now.toInstant(ZoneOffset.UTC), ZoneOffset.UTC));
    if (given.get("tools") instanceof List<?> tools) {
      tools.forEach(tool -> options.tool(stringMap(tool)));
    }
    stringMap(given.get("variables"))
        .forEach(
            (name, value) -> {
              if (template.variables().contains(name)) {
                options.variable(name, value);
              }
            });
    return options.build();
  }

  private static Map<?, ?> object(@Nullable Object node) {
    return (Map<?, ?>) Objects.requireNonNull(node);
  }

  private static Map<String, @Nullable Object> stringMap(@Nullable Object node) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    object(node).forEach((key, value) -> map.put((String) key, value));
    return map;
  }

  private static String string(Map<?, ?> map, String key) {
    return (String) Objects.requireNonNull(map.get(key));
  }
}
