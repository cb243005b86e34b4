package dev.vidrio.server.generation;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.grammar.Grammar;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the text of an answer must be, in the words of requests. */
public final class AnswerFormat {
  private static final int MAX_CHOICES = 1 << 14;

  private AnswerFormat() {}

  /** A field that says of what form an answer is. */
  private record Form(Value value, Function<Value, Grammar> maker) {
    Grammar grammar() {
      return maker.apply(value);
    }
  }

  /** Reads the extensions that every route for text has, of which one may be there. */
  static @Nullable Grammar read(Fields fields) {
    List<Form> given = new ArrayList<>(forms(fields, "json_schema"));
    Value outputs = fields.value("structured_outputs");
    if (outputs != null) {
      given.addAll(structuredOutputs(outputs));
    }
    if (given.size() > 1) {
      String second = given.get(1).value().path();
      throw ApiException.invalid(second, second + ": an answer has one form, and there is one");
    }
    return given.isEmpty() ? null : given.getFirst().grammar();
  }

  /** The same in vLLM's words. */
  private static List<Form> structuredOutputs(Value value) {
    Fields fields = value.fields();
    List<Form> given = forms(fields, "json");
    if (given.isEmpty()) {
      throw value.error("must have one of json, regex, grammar and choice");
    }
    fields.end();
    return given;
  }

  private static List<Form> forms(Fields fields, String schema) {
    List<Form> given = new ArrayList<>();
    add(given, fields.value(schema), AnswerFormat::ofSchema);
    add(given, fields.value("regex"), regex -> checked(regex, () -> Grammar.regex(regex.string())));
    add(given, fields.value("grammar"), ebnf -> checked(ebnf, () -> Grammar.ebnf(ebnf.string())));
    add(
        given,
        fields.value("choice"),
        choice -> {
          List<String> texts = choice.elements(1, MAX_CHOICES).stream().map(Value::string).toList();
          return checked(choice, () -> Grammar.choice(texts));
        });
    return given;
  }

  private static void add(List<Form> given, @Nullable Value value, Function<Value, Grammar> maker) {
    if (value != null) {
      given.add(new Form(value, maker));
    }
  }

  /**
   * Reads {@code response_format}, or a response's {@code text.format}, where what describes a
   * schema lies beside the type.
   */
  public static @Nullable Grammar of(@Nullable Value format, boolean flat) {
    if (format == null) {
      return null;
    }
    Fields fields = format.fields();
    String type = fields.required("type").string();
    Grammar grammar =
        switch (type) {
          case "text" -> null;
          case "json_object" -> {
            // Not OpenAI's, but known to clients of many servers.
            Value schema = fields.value("schema");
            yield schema == null ? Grammar.json() : ofSchema(schema);
          }
          case "json_schema" -> {
            Fields described = flat ? fields : fields.required("json_schema").fields();
            described.unused("name", "description");
            // An answer keeps to its schema, whether it must strictly or not.
            var _ = described.bool("strict", true);
            Grammar ofSchema = ofSchema(described.required("schema"));
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
    return grammar;
  }

  private static Grammar ofSchema(Value schema) {
    var _ = schema.fields();
    return checked(schema, () -> Grammar.jsonSchema(schema.node().toString()));
  }

  private static Grammar checked(Value value, Supplier<Grammar> maker) {
    return checked(value.path(), maker);
  }

  /** What a maker makes; where it refuses, the request is refused, by the path of the field. */
  public static <T extends @Nullable Grammar> T checked(String path, Supplier<T> maker) {
    try {
      return maker.get();
    } catch (InvalidInputException e) {
      throw ApiException.invalid(path, path + ": " + e.getMessage());
    }
  }
}
