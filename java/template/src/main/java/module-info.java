/**
 * Chat templates (Jinja), and parsing of responses into reasoning, content and tool calls.
 *
 * <p>Start at {@link dev.vidrio.template.ChatTemplate} and {@link dev.vidrio.template.ChatMessage}.
 */
@org.jspecify.annotations.NullMarked
module dev.vidrio.template {
  requires transitive dev.vidrio.error;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.template;
  exports dev.vidrio.template.call;
}
