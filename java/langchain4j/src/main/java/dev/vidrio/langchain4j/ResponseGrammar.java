package dev.vidrio.langchain4j;

import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.vidrio.grammar.Grammar;
import org.jspecify.annotations.Nullable;

/** Compiles response formats. */
final class ResponseGrammar {
  private ResponseGrammar() {}

  /**
   * Returns the grammar of a response format, or null for any text.
   *
   * @throws dev.vidrio.error.InvalidInputException if a schema is not supported
   */
  static @Nullable Grammar of(@Nullable ResponseFormat format) {
    if (format == null || format.type() == ResponseFormatType.TEXT) {
      return null;
    }
    JsonSchema schema = format.jsonSchema();
    if (schema == null) {
      return Grammar.json();
    }
    return schema.rootElement() instanceof JsonRawSchema raw
        ? Grammar.jsonSchema(raw.schema())
        : Grammar.jsonSchema(JsonSchemaElementUtils.toMap(schema.rootElement()));
  }
}
