package dev.vidrio.server.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The required format of an answer: a JSON schema, regular expression, grammar or choice. It is
 * read with the request and compiled later, once the engine has capacity for the answer.
 *
 * @param path the path of its field
 * @param compiler compiles its grammar
 */
public record AnswerFormat(String path, Supplier<Grammar> compiler) {
  private static final int MAX_CHOICES = 1 << 14;

  /**
   * Compiles the grammar.
   *
   * @throws ApiException 400 with the path of the field if the grammar is rejected
   */
  public Grammar grammar() {
    try {
      return compiler.get();
    } catch (InvalidInputException e) {
      throw ApiException.invalid(path, e.getMessage());
    }
  }

  /** Reads the extension fields of all generation routes. At most one may be given. */
  public static @Nullable AnswerFormat read(JsonFields fields) {
    List<AnswerFormat> given = new ArrayList<>(formats(fields, "json_schema"));
    JsonValue outputs = fields.value("structured_outputs");
    if (outputs != null) {
      given.addAll(structuredOutputs(outputs));
    }
    if (given.size() > 1) {
      throw given.get(1).conflict();
    }
    return given.isEmpty() ? null : given.getFirst();
  }

  /** Returns the error of a request that has another format too. */
  private ApiException conflict() {
    return ApiException.invalid(path, "conflicts with another format of the answer");
  }

  /**
   * Returns the one of two formats that is not null, or null.
   *
   * @throws ApiException 400 if both are given
   */
  public static @Nullable AnswerFormat single(
      @Nullable AnswerFormat first, @Nullable AnswerFormat second) {
    if (first != null && second != null) {
      throw second.conflict();
    }
    return first == null ? second : first;
  }

  /** Reads vLLM's {@code structured_outputs}. */
  private static List<AnswerFormat> structuredOutputs(JsonValue value) {
    JsonFields fields = value.fields();
    List<AnswerFormat> given = formats(fields, "json");
    if (given.isEmpty()) {
      throw value.error("must have one of json, regex, grammar or choice");
    }
    fields.end();
    return given;
  }

  private static List<AnswerFormat> formats(JsonFields fields, String schema) {
    return Stream.of(
            fields.optional(schema, AnswerFormat::ofSchema),
            fields.optional("regex", regex -> ofText(regex, Grammar::regex)),
            fields.optional("grammar", ebnf -> ofText(ebnf, Grammar::ebnf)),
            fields.optional("choice", AnswerFormat::ofChoice))
        .flatMap(Optional::stream)
        .toList();
  }

  /**
   * Reads {@code response_format} of a chat, or {@code text.format} of a response.
   *
   * @param flat true if the schema's fields are next to the type, as in responses
   */
  public static @Nullable AnswerFormat of(@Nullable JsonValue format, boolean flat) {
    if (format == null) {
      return null;
    }
    JsonFields fields = format.fields();
    String type = fields.required("type").string();
    AnswerFormat read =
        switch (type) {
          case "text" -> null;
          case "json_object" -> {
            // An extension of many servers.
            JsonValue schema = fields.value("schema");
            yield schema == null
                ? new AnswerFormat(format.path(), Grammar::json)
                : ofSchema(schema);
          }
          case "json_schema" -> {
            JsonFields described = flat ? fields : fields.required("json_schema").fields();
            described.ignore("name", "description");
            // Answers always match the schema.
            var _ = described.bool("strict", true);
            AnswerFormat ofSchema = ofSchema(described.required("schema"));
            if (!flat) {
              described.end();
            }
            yield ofSchema;
          }
          default ->
              throw ApiException.invalid(
                  fields.path("type"),
                  "'" + type + "'",
                  "must be text, json_object or json_schema");
        };
    fields.end();
    return read;
  }

  private static AnswerFormat ofSchema(JsonValue schema) {
    var _ = schema.fields();
    return new AnswerFormat(schema.path(), () -> Grammar.jsonSchema(schema.node().toString()));
  }

  private static AnswerFormat ofText(JsonValue value, Function<String, Grammar> compiler) {
    String text = value.string();
    return new AnswerFormat(value.path(), () -> compiler.apply(text));
  }

  private static AnswerFormat ofChoice(JsonValue value) {
    List<String> texts = value.elements(1, MAX_CHOICES).stream().map(JsonValue::string).toList();
    return new AnswerFormat(value.path(), () -> Grammar.choice(texts));
  }
}
