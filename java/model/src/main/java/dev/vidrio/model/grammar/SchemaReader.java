package dev.vidrio.model.grammar;

import dev.vidrio.model.InvalidInputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Makes a grammar of a JSON schema (draft 2020-12), in the dialect that docs/structured-output.md
 * describes. What the grammar allows is valid; some texts that are valid, too, it does not allow,
 * such as properties in another order.
 */
final class SchemaReader {

  /** Schemas made by putting together others, one within the other. */
  private static final int MAX_DEPTH = 200;

  private record Pending(int rule, String path, JsonNode node) {}

  private final JsonNode document;
  private final Rules rules = new Rules(SchemaPart.FIELD);
  private final JsonRules json;
  // By identity, so that a schema becomes one rule however many refer to it.
  private final IdentityHashMap<JsonNode, Integer> known = new IdentityHashMap<>();
  private final Deque<Pending> pending = new ArrayDeque<>();
  private final StructureRules structures;
  private int depth;

  private SchemaReader(JsonNode document) {
    this.document = document;
    int root = rules.declare("#");
    json = new JsonRules(rules);
    structures = new StructureRules(rules, json, this::rule);
    known.put(document, root);
    pending.add(new Pending(root, "#", document));
  }

  /**
   * Reads a schema; the rule of its values is the first.
   *
   * @throws InvalidInputException if it is malformed or has what is not supported
   */
  static Rules read(String text) {
    SchemaReader reader = new SchemaReader(SchemaJson.parse(SchemaPart.FIELD, text));
    while (!reader.pending.isEmpty()) {
      Pending next = reader.pending.remove();
      reader.rules.define(next.rule, reader.schema(next.path, next.node));
    }
    return reader.rules;
  }

  /** A rule of the values of a schema below another one, to be read later. */
  private Expr rule(String path, JsonNode node) {
    if (node.isBoolean()) {
      return node.booleanValue() ? json.value() : Expr.NOTHING;
    }
    Integer rule = known.get(node);
    if (rule == null) {
      rule = rules.declare(path);
      known.put(node, rule);
      pending.add(new Pending(rule, path, node));
    }
    return new Expr.Call(rule);
  }

  private Expr schema(String path, JsonNode node) {
    if (node.isBoolean()) {
      return node.booleanValue() ? json.value() : Expr.NOTHING;
    }
    return schema(SchemaPart.of(path, node));
  }

  private Expr schema(SchemaPart part) {
    if (++depth > MAX_DEPTH) {
      throw part.error(
          part.has("$ref") ? "$ref" : "allOf", "puts together more than " + MAX_DEPTH + " schemas");
    }
    Expr expr;
    if (part.has("$ref")) {
      expr = reference(part);
    } else if (part.has("allOf")) {
      expr = all(part);
    } else if (part.has("anyOf")) {
      expr = any(part, "anyOf");
    } else if (part.has("oneOf")) {
      expr = any(part, "oneOf");
    } else if (part.has("enum") || part.has("const")) {
      expr = values(part);
    } else {
      expr = types(part);
    }
    depth--;
    return expr;
  }

  private Expr reference(SchemaPart part) {
    String pointer = part.text("$ref");
    JsonNode target = resolve(part, pointer);
    return part.assertions().size() > 1
        ? schema(SchemaMerge.merge(part.without("$ref"), SchemaPart.of(pointer, target)))
        : rule(pointer, target);
  }

  private JsonNode resolve(SchemaPart part, String pointer) {
    if (!pointer.equals("#") && !pointer.startsWith("#/")) {
      throw part.error("$ref", "must begin with '#/': only this document is read");
    }
    JsonNode target = document;
    String[] steps = pointer.split("/", -1);
    for (int i = 1; i < steps.length; i++) {
      String step = steps[i].replace("~1", "/").replace("~0", "~");
      target =
          target.isArray() && step.matches("[0-9]{1,6}")
              ? target.path(Integer.parseInt(step))
              : target.path(step);
    }
    if (target.isMissingNode()) {
      throw part.error("$ref", "names '" + pointer + "', which is not there");
    }
    return target;
  }

  private Expr all(SchemaPart part) {
    SchemaPart whole = part.without("allOf");
    List<JsonNode> parts = part.list("allOf");
    if (parts.size() == 1 && whole.assertions().isEmpty()) {
      return schema(part.below("allOf", "0"), parts.getFirst());
    }
    for (int i = 0; i < parts.size(); i++) {
      JsonNode more = parts.get(i);
      if (more.isBoolean()) {
        if (!more.booleanValue()) {
          return Expr.NOTHING;
        }
        continue;
      }
      SchemaPart other = SchemaPart.of(part.below("allOf", Integer.toString(i)), more);
      whole = SchemaMerge.merge(whole, inlined(other));
    }
    return schema(whole);
  }

  /** A schema in place of a reference to it. */
  private SchemaPart inlined(SchemaPart part) {
    SchemaPart inlined = part;
    for (int i = 0; inlined.has("$ref"); i++) {
      String pointer = inlined.text("$ref");
      SchemaPart target = SchemaPart.of(pointer, resolve(inlined, pointer));
      if (i == MAX_DEPTH) {
        throw part.error("$ref", "leads to itself");
      }
      SchemaPart rest = inlined.without("$ref");
      inlined = rest.assertions().isEmpty() ? target : SchemaMerge.merge(rest, target);
    }
    return inlined;
  }

  private Expr any(SchemaPart part, String keyword) {
    SchemaPart rest = part.without(keyword);
    List<JsonNode> alternatives = part.list(keyword);
    List<Expr> parts = new ArrayList<>(List.of(Expr.NOTHING));
    for (int i = 0; i < alternatives.size(); i++) {
      String path = part.below(keyword, Integer.toString(i));
      JsonNode node = alternatives.get(i);
      if (rest.assertions().isEmpty() || node.isBoolean()) {
        parts.add(node.isBoolean() && node.booleanValue() ? schema(rest) : schema(path, node));
      } else {
        parts.add(schema(SchemaMerge.merge(rest, inlined(SchemaPart.of(path, node)))));
      }
    }
    return new Expr.Choice(parts);
  }

  private Expr values(SchemaPart part) {
    for (String keyword : part.assertions()) {
      if (!List.of("enum", "const", "type").contains(keyword)) {
        throw part.error(keyword, "cannot stand beside enum or const");
      }
    }
    JsonNode only = part.get("const");
    List<JsonNode> values = part.has("enum") ? part.list("enum") : List.of();
    if (only != null) {
      values = part.has("enum") && !values.contains(only) ? List.of() : List.of(only);
    }
    List<Expr> parts = new ArrayList<>(List.of(Expr.NOTHING));
    for (JsonNode value : values) {
      if (part.types().stream().anyMatch(type -> isOf(type, value))) {
        parts.add(json.literal(value));
      }
    }
    return new Expr.Choice(parts);
  }

  private static boolean isOf(String type, JsonNode value) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isString();
      case "number" -> value.isNumber();
      case "integer" -> value.isNumber() && value.canConvertToExactIntegral();
      case "boolean" -> value.isBoolean();
      default -> value.isNull();
    };
  }

  private Expr types(SchemaPart part) {
    if (part.assertions().isEmpty()) {
      return json.value();
    }
    List<Expr> parts = new ArrayList<>(List.of(Expr.NOTHING));
    for (String type : part.types()) {
      parts.add(
          switch (type) {
            case "object" -> structures.object(part);
            case "array" -> structures.array(part);
            case "string" -> ScalarRules.string(part, json);
            case "number", "integer" -> ScalarRules.number(part, type.equals("integer"));
            case "boolean" -> Expr.choice(Expr.text("true"), Expr.text("false"));
            default -> Expr.text("null");
          });
    }
    return new Expr.Choice(parts);
  }
}
