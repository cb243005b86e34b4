package dev.vidrio.server.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the text of an answer must be, in the words of requests. It is read with the request, and
 * compiled when there is room for the answer.
 */
public final class AnswerFormat {
  private static final int MAX_CHOICES = 1 << 14;

  private final String path;
  private final Supplier<Grammar> maker;

  /**
   * A form.
   *
   * @param path of the field that asks for it
   * @param maker compiles it
   */
  public AnswerFormat(String path, Supplier<Grammar> maker) {
    this.path = path;
    this.maker = maker;
  }

  /**
   * Compiles it.
   *
   * @throws ApiException 400 with the path of the field, where that is refused
   */
  public Grammar grammar() {
    try {
      return maker.get();
    } catch (InvalidInputException e) {
      throw ApiException.invalid(path, path + ": " + e.getMessage());
    }
  }

  /** Reads the extensions that every route for text has, of which one may be there. */
  static @Nullable AnswerFormat read(Fields fields) {
    List<AnswerFormat> given = new ArrayList<>(forms(fields, "json_schema"));
    Value outputs = fields.value("structured_outputs");
    if (outputs != null) {
      given.addAll(structuredOutputs(outputs));
    }
    if (given.size() > 1) {
      throw given.get(1).second();
    }
    return given.isEmpty() ? null : given.getFirst();
  }

  /** The error of a request that asks for another form too. */
  private ApiException second() {
    return ApiException.invalid(path, path + ": an answer has one form, and there is one");
  }

  /** The only one of two forms; null where there is none. */
  public static @Nullable AnswerFormat one(
      @Nullable AnswerFormat first, @Nullable AnswerFormat second) {
    if (first != null && second != null) {
      throw second.second();
    }
    return first == null ? second : first;
  }

  /** The same in vLLM's words. */
  private static List<AnswerFormat> structuredOutputs(Value value) {
    Fields fields = value.fields();
    List<AnswerFormat> given = forms(fields, "json");
    if (given.isEmpty()) {
      throw value.error("must have one of json, regex, grammar and choice");
    }
    fields.end();
    return given;
  }

  private static List<AnswerFormat> forms(Fields fields, String schema) {
    List<AnswerFormat> given = new ArrayList<>();
    add(given, fields.value(schema), AnswerFormat::ofSchema);
    add(given, fields.value("regex"), regex -> ofText(regex, Grammar::regex));
    add(given, fields.value("grammar"), ebnf -> ofText(ebnf, Grammar::ebnf));
    add(given, fields.value("choice"), AnswerFormat::ofChoice);
    return given;
  }

  private static void add(
      List<AnswerFormat> given, @Nullable Value value, Function<Value, AnswerFormat> reader) {
    if (value != null) {
      given.add(reader.apply(value));
    }
  }

  /**
   * Reads {@code response_format}, or a response's {@code text.format}, where what describes a
   * schema lies beside the type.
   */
  public static @Nullable AnswerFormat of(@Nullable Value format, boolean flat) {
    if (format == null) {
      return null;
    }
    Fields fields = format.fields();
    String type = fields.required("type").string();
    AnswerFormat read =
        switch (type) {
          case "text" -> null;
          case "json_object" -> {
            // Not OpenAI's, but known to clients of many servers.
            Value schema = fields.value("schema");
            yield schema == null
                ? new AnswerFormat(format.path(), Grammar::json)
                : ofSchema(schema);
          }
          case "json_schema" -> {
            Fields described = flat ? fields : fields.required("json_schema").fields();
            described.unused("name", "description");
            // An answer keeps to its schema, whether it must strictly or not.
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
                  fields.path("type")
                      + " '"
                      + type
                      + "': must be text, json_object or json_schema");
        };
    fields.end();
    return read;
  }

  private static AnswerFormat ofSchema(Value schema) {
    var _ = schema.fields();
    return new AnswerFormat(schema.path(), () -> Grammar.jsonSchema(schema.node().toString()));
  }

  private static AnswerFormat ofText(Value value, Function<String, Grammar> compiler) {
    String text = value.string();
    return new AnswerFormat(value.path(), () -> compiler.apply(text));
  }

  private static AnswerFormat ofChoice(Value value) {
    List<String> texts = value.elements(1, MAX_CHOICES).stream().map(Value::string).toList();
    return new AnswerFormat(value.path(), () -> Grammar.choice(texts));
  }
}
