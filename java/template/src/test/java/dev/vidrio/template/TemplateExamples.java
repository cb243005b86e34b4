package dev.vidrio.template;

import java.util.List;

/** The examples of the documentation; {@link ChatTemplateTest} runs them. */
final class TemplateExamples {
  private TemplateExamples() {}

  static String render(String source) {
    // @start region="render"
    ChatTemplate template = ChatTemplate.parse("model.gguf", source);
    String prompt =
        template.render(
            List.of(ChatMessage.system("Be brief."), ChatMessage.user("What is glass?")),
            ChatOptions.builder().bosToken("<s>").build());
    // @end
    return prompt;
  }
}
