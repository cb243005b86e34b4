package dev.vidrio.cli;

import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import java.util.List;

/**
 * Runs what most commands run, so that the launcher can write an AOT cache of its classes and
 * profiles (JEP 514, JEP 515).
 */
final class Training {
  /** A template as those of chat models, which the embedded model does not have. */
  private static final String TEMPLATE =
      """
      {%- if messages[0]['role'] != 'system' -%}
        {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' -}}
      {%- endif -%}
      {%- if tools -%}
        {%- for tool in tools -%}{{- tool | tojson -}}{%- endfor -%}
      {%- endif -%}
      {%- for message in messages -%}
        {%- set text = message.content | trim -%}
        {{- '<|im_start|>' + message['role'] + '\\n' + text + '<|im_end|>\\n' -}}
        {%- if loop.last and add_generation_prompt is defined -%}
          {{- '<|im_start|>assistant\\n' -}}
        {%- endif -%}
      {%- endfor -%}
      """;

  private Training() {}

  /** Runs the commands and ends the process. */
  public static void main(String[] args) {
    Main.execute("--version");
    Main.execute("tokenize", "To be");
    Main.execute("lens", "logits", "-p", "To be");
    ChatTemplate.parse("chat", TEMPLATE)
        .render(List.of(ChatMessage.user("To be")), ChatOptions.DEFAULT);
    System.exit(Main.execute("run", "--raw", "-p", "To be", "-n", "8"));
  }
}
