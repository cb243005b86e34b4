/** Renders chat templates (Jinja) and parses answers into reasoning, content and tool calls. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.template {
  requires transitive dev.vidrio.error;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.template;
}
