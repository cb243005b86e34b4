package dev.vidrio.grammar.schema;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A schema document: its subschemas, and the resolution of references between them. */
final class SchemaDocument {

  /** The keywords with a subschema or an array of subschemas. */
  private static final Set<String> SCHEMAS =
      Keywords.words(
          """
          allOf anyOf oneOf not if then else items prefixItems additionalItems contains
          additionalProperties propertyNames unevaluatedProperties unevaluatedItems
          """);

  /** The keywords with named subschemas. */
  private static final Set<String> NAMED =
      Keywords.words(
          "properties patternProperties dependentSchemas dependencies $defs definitions");

  /** The base URI of documents without one. */
  private static final URI NO_BASE = URI.create("schema://document/");

  private final Subschema root;
  private final IdentityHashMap<JsonNode, Subschema> parts = new IdentityHashMap<>();
  // Subschemas by URI, and the base URI of each subschema.
  private final Map<String, JsonNode> addresses = new HashMap<>();
  private final IdentityHashMap<JsonNode, URI> bases = new IdentityHashMap<>();
  private final IdentityHashMap<JsonNode, String> paths = new IdentityHashMap<>();

  /** Indexes a document, which this instance owns from now on. */
  SchemaDocument(JsonNode document) {
    paths.put(document, "#");
    addresses.put(NO_BASE.toString(), document);
    index(document, NO_BASE, "#", false);
    KeywordNormalization.rewrite(bases.keySet());
    root = part("#", document);
  }

  Subschema root() {
    return root;
  }

  /** Returns the subschema of a node, always the same instance. */
  Subschema part(String path, JsonNode node) {
    if (node.isBoolean()) {
      return node.booleanValue() ? Subschema.ANYTHING : Subschema.NOTHING;
    }
    Subschema known = parts.get(node);
    if (known == null) {
      known = new Subschema(path, node);
      Keywords.check(known);
      parts.put(node, known);
    }
    return known;
  }

  /** Returns the subschema at a keyword. */
  Subschema below(Subschema part, String keyword) {
    return part(part.below(keyword), part.node().path(keyword));
  }

  /** Returns a named subschema below a keyword. */
  Subschema below(Subschema part, String keyword, String name, JsonNode node) {
    return part(part.below(keyword, name), node);
  }

  /** Returns the subschemas of an array at a keyword. */
  List<Subschema> each(Subschema part, String keyword) {
    List<JsonNode> nodes = part.list(keyword);
    return IntStream.range(0, nodes.size())
        .mapToObj(i -> below(part, keyword, Integer.toString(i), nodes.get(i)))
        .toList();
  }

  private void index(JsonNode node, URI outer, String path, boolean names) {
    URI base = outer;
    if (node.isObject() && !names) {
      base = base(node, outer);
      if (!base.equals(outer)) {
        addresses.putIfAbsent(base.toString(), node);
        paths.put(node, path);
      }
      bases.put(node, base);
      for (String anchor : new String[] {"$anchor", "$dynamicAnchor"}) {
        JsonNode name = node.get(anchor);
        if (name != null && name.isString()) {
          addresses.putIfAbsent(base + "#" + name.stringValue(), node);
          paths.put(node, path);
        }
      }
    }
    if (node.isObject()) {
      for (Map.Entry<String, JsonNode> below : node.properties()) {
        String name = below.getKey();
        boolean named = !names && NAMED.contains(name);
        if (names || named || SCHEMAS.contains(name)) {
          index(below.getValue(), base, path + "/" + Subschema.escaped(name), named);
        }
      }
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        index(node.get(i), base, path + "/" + i, false);
      }
    }
  }

  /**
   * Returns the base URI of a subschema, which may declare its own; earlier drafts declare anchors
   * this way, too.
   */
  private URI base(JsonNode node, URI outer) {
    Optional<String> id =
        Stream.of("$id", "id")
            .map(node::path)
            .filter(JsonNode::isString)
            .map(JsonNode::stringValue)
            .findFirst();
    URI named = id.isEmpty() ? null : resolved(outer, id.get());
    if (named == null) {
      return outer;
    }
    if (id.get().startsWith("#")) {
      addresses.putIfAbsent(named.toString(), node);
      paths.putIfAbsent(node, named.toString());
      return outer;
    }
    return named;
  }

  private static @Nullable URI resolved(URI base, String reference) {
    try {
      URI uri = base.resolve(reference.equals("#") ? "" : reference);
      String text = uri.toString();
      return URI.create(text.endsWith("#") ? text.substring(0, text.length() - 1) : text);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** Returns the subschema that a {@code $ref} refers to. */
  Subschema referred(Subschema part) {
    String reference = part.text("$ref");
    JsonNode found = null;
    if (reference.isEmpty() || reference.equals("#") || reference.startsWith("#/")) {
      URI base = bases.getOrDefault(part.node(), NO_BASE);
      String pointer = reference.isEmpty() ? "" : reference.substring(1);
      JsonNode resource = addresses.getOrDefault(base.toString(), root.node());
      found = at(resource, pointer);
      // Some schemas contain $id properties that are not identifiers, and references are relative
      // to the root.
      found = found == null ? at(root.node(), pointer) : found;
      if (found == null) {
        throw part.error("$ref", "'" + reference + "' not found in the document");
      }
      return part("#" + pointer, found);
    }
    URI uri = resolved(bases.getOrDefault(part.node(), NO_BASE), reference);
    if (uri != null) {
      found = addresses.get(uri.toString());
      String text = uri.toString();
      int hash = text.indexOf('#');
      if (found == null && hash >= 0) {
        JsonNode resource = addresses.get(text.substring(0, hash));
        found = resource == null ? null : at(resource, text.substring(hash + 1));
      }
    }
    if (found == null) {
      throw part.error(
          "$ref",
          "'"
              + reference
              + "' not found in the document; references to other documents are not supported");
    }
    return part(paths.getOrDefault(found, reference), found);
  }

  private static @Nullable JsonNode at(JsonNode from, String pointer) {
    try {
      JsonNode target = from.at(decoded(pointer));
      return target.isMissingNode() ? null : target;
    } catch (IllegalArgumentException e) {
      return null; // not a pointer
    }
  }

  private static String decoded(String pointer) {
    try {
      return pointer.indexOf('%') < 0
          ? pointer
          : URLDecoder.decode(pointer.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return pointer;
    }
  }
}
