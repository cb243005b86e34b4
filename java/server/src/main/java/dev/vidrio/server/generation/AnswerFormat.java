package dev.vidrio.server.generation;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.grammar.Grammar;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the text of an answer must be, in the words of requests. */
public final class AnswerFormat {
  private static final int MAX_CHOICES = 1 << 14;

  private AnswerFormat() {}

  /** Reads the extensions that every route for text has, of which one may be there. */
  static @Nullable Grammar read(Fields fields) {
    Value schema = fields.value("json_schema");
    Value regex = fields.value("regex");
    Value ebnf = fields.value("grammar");
    Value choice = fields.value("choice");
    List<Value> given = new ArrayList<>();
    for (Value value : new @Nullable Value[] {schema, regex, ebnf, choice}) {
      if (value != null) {
        given.add(value);
      }
    }
    if (given.size() > 1) {
      throw ApiException.invalid(
          given.get(1).path(), given.get(1).path() + ": an answer has one form, and there is one");
    }
    if (schema != null) {
      return ofSchema(schema);
    }
    if (regex != null) {
      return checked(regex, () -> Grammar.regex(regex.string()));
    }
    if (ebnf != null) {
      return checked(ebnf, () -> Grammar.ebnf(ebnf.string()));
    }
    if (choice != null) {
      List<String> choices = choice.elements(1, MAX_CHOICES).stream().map(Value::string).toList();
      return checked(choice, () -> Grammar.choice(choices));
    }
    return null;
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
          case "json_object" -> Grammar.json();
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
