package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The tools of a request: their names, and the JSON types of their parameters, which formats that
 * write strings without quotes need to tell strings from other values.
 */
public final class ParameterTypes {
  private static final int MAX_DEPTH = 16;
  private static final Set<String> ALL =
      Set.of("string", "number", "integer", "boolean", "null", "array", "object");

  private final Map<String, Map<?, ?>> schemas = new HashMap<>();

  /**
   * Reads the tools.
   *
   * @param tools the tools, as in {@link dev.vidrio.template.ChatOptions#tools}
   */
  public ParameterTypes(List<? extends Map<String, ? extends @Nullable Object>> tools) {
    for (Map<?, ?> tool : tools) {
      Object inner = tool.get("function");
      Map<?, ?> function = inner instanceof Map<?, ?> map ? map : tool;
      if (function.get("name") instanceof String name) {
        schemas.put(name, function.get("parameters") instanceof Map<?, ?> map ? map : Map.of());
      }
    }
  }

  /** Returns whether there is a tool of that name. */
  public boolean contains(String name) {
    return schemas.containsKey(name);
  }

  /** Returns whether there is a tool with a name that begins so. */
  boolean mayContain(String begun) {
    return schemas.keySet().stream().anyMatch(name -> name.startsWith(begun));
  }

  /** Returns whether a parameter's only type is {@code string}. */
  boolean isString(String function, String parameter) {
    return types(function, parameter).equals(Set.of("string"));
  }

  /**
   * Returns a parameter's value: JSON or a literal of Python, if the parameter's schema allows it;
   * else the text.
   */
  @Nullable Object value(String function, String parameter, String text) {
    return value(types(function, parameter), text);
  }

  private static @Nullable Object value(Set<String> types, String text) {
    if (types.equals(Set.of("string"))) {
      return text;
    }
    Object value;
    try {
      value = parse(text.strip());
    } catch (IllegalArgumentException e) {
      return text;
    }
    // Without a schema, quotes may be part of the text.
    boolean isUnclear = value instanceof String && types.equals(ALL);
    return isUnclear || !isAllowed(value, types) ? text : value;
  }

  /** Returns the value of a schema as {@link #value(String, String, String)} does. */
  static @Nullable Object value(Schema schema, String text) {
    return value(types(schema.node, schema.root, 0, new IdentityHashMap<>()), text);
  }

  /**
   * A schema within the parameters of a function.
   *
   * @param node the schema; null allows any value
   * @param root the parameters, which references refer to
   */
  record Schema(@Nullable Object node, Map<?, ?> root) {
    /** Returns the schema of the elements of lists, or of a member of objects. */
    Schema of(String key, boolean isList) {
      Object found = find(node, key, isList, 0, Collections.newSetFromMap(new IdentityHashMap<>()));
      return new Schema(found, root);
    }

    /** Returns the schema of a key or of elements; null if none of the schemas read has it. */
    private @Nullable Object find(
        @Nullable Object schema, String key, boolean isList, int depth, Set<Object> read) {
      if (!(schema instanceof Map<?, ?> map) || depth > MAX_DEPTH || !read.add(map)) {
        return null;
      }
      Object here =
          isList
              ? map.get("items")
              : map.get("properties") instanceof Map<?, ?> properties ? properties.get(key) : null;
      if (here == null && map.get("$ref") instanceof String ref && ref.startsWith("#/")) {
        here = find(target(root, ref), key, isList, depth + 1, read);
      }
      for (String branches : List.of("anyOf", "oneOf", "allOf")) {
        if (here == null && map.get(branches) instanceof List<?> list) {
          here =
              list.stream()
                  .map(branch -> find(branch, key, isList, depth + 1, read))
                  .filter(Objects::nonNull)
                  .findFirst()
                  .orElse(null);
        }
      }
      return here;
    }
  }

  /** Returns the schema of a parameter. */
  Schema schema(String function, String parameter) {
    Map<?, ?> root = Objects.requireNonNullElse(schemas.get(function), Map.of());
    return new Schema(root, root).of(parameter, false);
  }

  /** Returns JSON or a literal of Python as JSON types. */
  static @Nullable Object parse(String text) {
    try {
      return JsonMapper.shared().readValue(text, Object.class);
    } catch (JacksonException e) {
      return PythonLiteral.parse(text);
    }
  }

  /** Values of other types than the schema's are kept, unless the parameter may be a string. */
  private static boolean isAllowed(@Nullable Object value, Set<String> types) {
    return !types.contains("string")
        || types.equals(ALL)
        || switch (value) {
          case null -> types.contains("null");
          case String _ -> true;
          case Boolean _ -> types.contains("boolean");
          case Number _ -> types.contains("number") || types.contains("integer");
          case List<?> _ -> types.contains("array");
          case Map<?, ?> _ -> types.contains("object");
          default -> false;
        };
  }

  private Set<String> types(String function, String parameter) {
    return of(Objects.requireNonNullElse(schemas.get(function), Map.of()), parameter);
  }

  /** Returns the JSON types that a schema's property may have; all that are not excluded. */
  public static Set<String> of(Map<?, ?> root, String parameter) {
    return root.get("properties") instanceof Map<?, ?> properties
            && properties.containsKey(parameter)
        ? types(properties.get(parameter), root, 0, new IdentityHashMap<>())
        : ALL;
  }

  /**
   * Returns the types that a schema allows, as far as it is read: all that are not excluded.
   *
   * @param known the types of schemas that were read; all types for those that are being read
   */
  private static Set<String> types(
      @Nullable Object schema, Map<?, ?> root, int depth, Map<Object, Set<String>> known) {
    if (!(schema instanceof Map<?, ?> map) || depth > MAX_DEPTH) {
      return ALL;
    }
    Set<String> read = known.putIfAbsent(map, ALL);
    if (read != null) {
      return read;
    }
    Set<String> types = read(map, root, depth, known);
    known.put(map, types);
    return types;
  }

  private static Set<String> read(
      Map<?, ?> map, Map<?, ?> root, int depth, Map<Object, Set<String>> known) {
    Set<String> types = new HashSet<>(ALL);
    Object type = map.get("type");
    if (type instanceof String name) {
      types.retainAll(named(List.of(name)));
    } else if (type instanceof List<?> names) {
      types.retainAll(named(names));
    }
    if (map.get("enum") instanceof List<?> values) {
      types.retainAll(typesOf(values));
    } else if (map.containsKey("const")) {
      List<@Nullable Object> one = new ArrayList<>();
      one.add(map.get("const"));
      types.retainAll(typesOf(one));
    }
    for (String key : List.of("anyOf", "oneOf")) {
      if (map.get(key) instanceof List<?> branches) {
        Set<String> any = new HashSet<>();
        branches.forEach(branch -> any.addAll(types(branch, root, depth + 1, known)));
        types.retainAll(any);
      }
    }
    if (map.get("allOf") instanceof List<?> branches) {
      branches.forEach(branch -> types.retainAll(types(branch, root, depth + 1, known)));
    }
    if (map.get("$ref") instanceof String reference && reference.startsWith("#/")) {
      types.retainAll(types(target(root, reference), root, depth + 1, known));
    }
    return types;
  }

  private static @Nullable Object target(Map<?, ?> root, String reference) {
    Object node = root;
    for (String step : reference.substring(2).split("/", -1)) {
      node = node instanceof Map<?, ?> map ? map.get(step) : null;
    }
    return node;
  }

  private static Set<String> named(List<?> names) {
    Set<String> types = new HashSet<>();
    for (Object name : names) {
      types.add(String.valueOf(name));
      if ("number".equals(name)) {
        types.add("integer");
      }
    }
    return types;
  }

  private static Set<String> typesOf(List<?> values) {
    Set<String> types = new HashSet<>();
    for (Object value : values) {
      types.addAll(
          switch (value) {
            case null -> Set.of("null");
            case String _ -> Set.of("string");
            case Boolean _ -> Set.of("boolean");
            case Number _ -> Set.of("number", "integer");
            case List<?> _ -> Set.of("array");
            default -> Set.of("object");
          });
    }
    return types;
  }
}
