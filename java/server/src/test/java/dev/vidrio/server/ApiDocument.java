package dev.vidrio.server;

import dev.vidrio.server.http.FieldListener;
import dev.vidrio.server.http.Route;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A description of the API by OpenAPI 3.1. Schemas of requests consist of what the routes read of
 * sample requests, those of responses of the fields of the responses to them.
 */
final class ApiDocument implements FieldListener {
  private static final Pattern INDEX = Pattern.compile("\\[\\d+]");

  /** Objects with the client's keys, so that what is read below them describes one sample. */
  private static final Set<String> FREE =
      Set.of("chat_template_kwargs", "files", "json_schema", "logit_bias", "metadata");

  /** Paths with the handler of {@code /v1/rerank}. */
  static final Set<String> RERANK = Set.of("/v2/rerank", "/rerank", "/v1/reranking", "/reranking");

  /** Routes that pass all other fields on. */
  private static final Set<String> OPEN = Set.of("/v1/lens/commands");

  private final Map<String, Map<String, Object>> paths = new TreeMap<>();
  private Fields current = new Fields();
  private int sample;

  /** The fields that a route reads of its requests. */
  private static final class Fields {
    /** The accepted values by path, in which {@code []} stands for any element. */
    final Map<String, Set<Map<String, Object>>> schemas = new LinkedHashMap<>();

    final Map<String, Set<String>> instances = new LinkedHashMap<>();
    final Map<String, Set<String>> requirements = new LinkedHashMap<>();
  }

  private final Map<String, Fields> requests = new TreeMap<>();
  private final Map<String, Set<JsonNode>> answers = new TreeMap<>();
  private final Map<String, Set<String>> types = new TreeMap<>();

  /** Records what is read of the next request. */
  synchronized void begin(String path) {
    current = requests.computeIfAbsent(path, p -> new Fields());
    current.instances.computeIfAbsent("", p -> new HashSet<>()).add(sample + " ");
    sample++;
  }

  /** Records a response to a request of a path. */
  void answered(String path, String type, @Nullable JsonNode body) {
    types.computeIfAbsent(path, p -> new LinkedHashSet<>()).add(type.replaceFirst(";.*", ""));
    if (body != null) {
      answers.computeIfAbsent(path, p -> new LinkedHashSet<>()).add(body);
    }
  }

  @Override
  public synchronized void read(String path, Map<String, Object> schema) {
    String place = INDEX.matcher(path).replaceAll("[]");
    current.schemas.computeIfAbsent(place, p -> new LinkedHashSet<>()).add(schema);
    if (schema.equals(Map.of("type", "object"))) {
      current.instances.computeIfAbsent(place, p -> new HashSet<>()).add(sample - 1 + " " + path);
    }
  }

  @Override
  public synchronized void required(String path) {
    String place = INDEX.matcher(path).replaceAll("[]");
    current
        .requirements
        .computeIfAbsent(place, p -> new HashSet<>())
        .add(sample - 1 + " " + parent(path));
  }

  private static String parent(String path) {
    int dot = path.lastIndexOf('.');
    return dot < 0 ? "" : path.substring(0, dot);
  }

  /** Returns the description of routes. */
  Map<String, Object> of(List<Route> routes) {
    for (Route route : routes) {
      String path = route.path();
      if (RERANK.contains(path)) {
        paths.put(path, Map.of("$ref", "#/paths/~1v1~1rerank"));
        continue;
      }
      boolean below = path.endsWith("/") && path.length() > 1;
      Map<String, Object> operation = new LinkedHashMap<>();
      if (below) {
        Map<String, Object> parameter = new LinkedHashMap<>();
        parameter.put("name", "id");
        parameter.put("in", "path");
        parameter.put("required", true);
        parameter.put("schema", Map.of("type", "string"));
        operation.put("parameters", List.of(parameter));
      }
      Fields fields = requests.get(path);
      if (fields != null && !route.method().equals("GET")) {
        operation.put(
            "requestBody",
            ordered("required", true, "content", content("application/json", body(path, fields))));
      }
      operation.put("responses", responses(path));
      if (route.access() == Route.Access.OPEN || route.access() == Route.Access.PROBE) {
        operation.put("security", List.of());
      }
      paths
          .computeIfAbsent(below ? path + "{id}" : path, p -> new TreeMap<>())
          .put(route.method().toLowerCase(java.util.Locale.ROOT), operation);
    }
    return ordered(
        "openapi", "3.1.0",
        "info", ordered("title", "Vidrio", "version", "1"),
        "security", List.of(Map.of(), Map.of("key", List.of())),
        "paths", paths,
        "components",
            ordered("securitySchemes", Map.of("key", ordered("type", "http", "scheme", "bearer"))));
  }

  private Map<String, Object> responses(String path) {
    Map<String, Object> content = new LinkedHashMap<>();
    Set<JsonNode> bodies = answers.getOrDefault(path, Set.of());
    for (String type : types.getOrDefault(path, Set.of("application/json"))) {
      boolean described = type.equals("application/json") && !bodies.isEmpty();
      content.put(type, described ? Map.of("schema", shape(List.copyOf(bodies))) : Map.of());
    }
    Map<String, Object> responses = new LinkedHashMap<>();
    responses.put("200", ordered("description", "the answer", "content", content));
    Map<String, Object> error =
        ordered("description", "an error", "content", Map.of("application/json", Map.of()));
    responses.put("default", error);
    return responses;
  }

  private static Map<String, Object> body(String path, Fields fields) {
    Map<String, Object> body = object(fields, "");
    if (OPEN.contains(path)) {
      body.put("additionalProperties", true);
    }
    return body;
  }

  private static Map<String, Object> object(Fields fields, String place) {
    Map<String, Object> properties = new TreeMap<>();
    List<String> required = new ArrayList<>();
    String prefix = place.isEmpty() ? "" : place + ".";
    for (String child : fields.schemas.keySet()) {
      String name = child.startsWith(prefix) ? child.substring(prefix.length()) : "";
      if (name.isEmpty() || name.indexOf('.') >= 0 || name.indexOf('[') >= 0) {
        continue;
      }
      properties.put(name, schema(fields, child, name));
      Set<String> all = fields.instances.getOrDefault(place, Set.of());
      // The name of a model is filled in if there is only one.
      if (!child.equals("model")
          && fields.requirements.getOrDefault(child, Set.of()).containsAll(all)
          && !all.isEmpty()) {
        required.add(name);
      }
    }
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("type", "object");
    schema.put("properties", properties);
    if (!required.isEmpty()) {
      schema.put("required", required.stream().sorted().toList());
    }
    schema.put("additionalProperties", false);
    return schema;
  }

  private static Object schema(Fields fields, String place, String name) {
    Map<String, Map<String, Object>> byType = new TreeMap<>();
    for (Map<String, Object> each : fields.schemas.getOrDefault(place, Set.of())) {
      Object type = each.get("type");
      if (type != null) {
        byType.merge((String) type, new TreeMap<>(each), ApiDocument::narrow);
      }
    }
    List<Object> forms = new ArrayList<>();
    byType.forEach(
        (type, keywords) -> {
          boolean free = FREE.contains(name);
          if (type.equals("object") && !free) {
            forms.add(object(fields, place));
          } else {
            Map<String, Object> form = new LinkedHashMap<>(keywords);
            if (type.equals("array") && fields.schemas.containsKey(place + "[]")) {
              form.put("items", schema(fields, place + "[]", name));
            }
            forms.add(form);
          }
        });
    if (forms.isEmpty()) {
      return Map.of();
    }
    return forms.size() == 1 ? forms.getFirst() : Map.of("anyOf", forms);
  }

  /** Combines two readings of one type: a limit that only one has holds. */
  private static Map<String, Object> narrow(Map<String, Object> a, Map<String, Object> b) {
    Map<String, Object> both = new TreeMap<>(a);
    b.forEach(
        (key, value) ->
            both.merge(
                key,
                value,
                (x, y) ->
                    x.equals(y)
                        ? x
                        : key.equals("enum")
                            ? union((List<?>) x, (List<?>) y)
                            : widest(key, x, y)));
    return both;
  }

  private static List<?> union(List<?> x, List<?> y) {
    Set<Object> all = new LinkedHashSet<>(x);
    all.addAll(y);
    return List.copyOf(all);
  }

  private static Object widest(String key, Object x, Object y) {
    boolean first = ((Number) x).doubleValue() < ((Number) y).doubleValue();
    return first == key.startsWith("min") ? x : y;
  }

  /** Returns a schema of values: a field is required if all have it. */
  private static Map<String, Object> shape(List<JsonNode> values) {
    Set<String> kinds = new LinkedHashSet<>();
    List<JsonNode> objects = new ArrayList<>();
    List<JsonNode> elements = new ArrayList<>();
    for (JsonNode value : values) {
      kinds.add(kind(value));
      if (value.isObject()) {
        objects.add(value);
      }
      value.valueStream().filter(e -> value.isArray()).forEach(elements::add);
    }
    if (kinds.contains("number")) {
      kinds.remove("integer");
    }
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put(
        "type", kinds.size() == 1 ? kinds.iterator().next() : kinds.stream().sorted().toList());
    if (!objects.isEmpty()) {
      Map<String, List<JsonNode>> fields = new TreeMap<>();
      for (JsonNode object : objects) {
        object.forEachEntry(
            (name, value) -> fields.computeIfAbsent(name, n -> new ArrayList<>()).add(value));
      }
      // Keys that are texts or names of hooks are data.
      if (fields.keySet().stream().allMatch(name -> name.matches("[a-z_]+"))) {
        Map<String, Object> properties = new TreeMap<>();
        fields.forEach((name, all) -> properties.put(name, shape(all)));
        schema.put("properties", properties);
        schema.put(
            "required",
            fields.entrySet().stream()
                .filter(field -> field.getValue().size() == objects.size())
                .map(Map.Entry::getKey)
                .toList());
      }
    }
    if (!elements.isEmpty()) {
      schema.put("items", shape(elements));
    }
    return schema;
  }

  private static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case ARRAY -> "array";
      case OBJECT -> "object";
      case BOOLEAN -> "boolean";
      case STRING -> "string";
      case NUMBER -> value.isIntegralNumber() ? "integer" : "number";
      default -> "null";
    };
  }

  private static Map<String, Object> content(String type, Object schema) {
    return Map.of(type, Map.of("schema", schema));
  }

  private static Map<String, Object> ordered(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }
}
