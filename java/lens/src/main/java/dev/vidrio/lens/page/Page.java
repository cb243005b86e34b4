package dev.vidrio.lens.page;

import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/**
 * An HTML page of pictures: one file with its data, style and script. Its content security policy
 * permits nothing else. Token texts are data, never markup.
 *
 * @param title of the page
 * @param model its name
 * @param text the input of the model; empty if there are several
 * @param views pictures, from the top
 */
public record Page(String title, String model, String text, List<View> views) {
  /** The scripts that draw pictures. */
  private static final List<String> SCRIPTS =
      List.of(
          "dom.js",
          "color.js",
          "attention.js",
          "grid.js",
          "bars.js",
          "circuit.js",
          "graph.js",
          "routes.js",
          "scatter.js",
          "features.js",
          "picture.js");

  public Page {
    views = List.copyOf(views);
  }

  /** Returns the page. */
  public String html() {
    String style = style();
    String script = pictureScript() + text("page.js");
    return fill(
        text("page.html"),
        Map.of(
            "title", escape(title),
            "style", style,
            "style-hash", hash(style),
            "script", script,
            "script-hash", hash(script),
            "data", json()));
  }

  /** Replaces each {@code {{name}}} of a template once, so that values are not expanded. */
  private static String fill(String template, Map<String, String> values) {
    var filled = new StringBuilder();
    int end = 0;
    for (int begin; (begin = template.indexOf("{{", end)) >= 0; ) {
      filled.append(template, end, begin);
      end = template.indexOf("}}", begin) + 2;
      String name = template.substring(begin + 2, end - 2);
      filled.append(Objects.requireNonNull(values.get(name), name));
    }
    return filled.append(template, end, template.length()).toString();
  }

  /**
   * Returns the data as JSON. Only {@code <} can end a script element or begin a comment in it, and
   * JSON permits an escape for it.
   */
  private String json() {
    List<Map<String, Object>> pictures =
        views.stream()
            .map(view -> Map.<String, Object>of("kind", kind(view), "view", view))
            .toList();
    Map<String, Object> data =
        Map.of("title", title, "model", model, "text", text, "pictures", pictures);
    return JsonMapper.shared().writeValueAsString(data).replace("<", "\\u003c");
  }

  private static String kind(View view) {
    return switch (view) {
      case AttentionView v -> "attention";
      case Grid v -> "grid";
      case Bars v -> "bars";
      case TokenValues v -> "tokens";
      case CircuitView v -> "circuit";
      case GraphView v -> "graph";
      case RoutesView v -> "routes";
      case Scatter v -> "scatter";
      case FeatureTable v -> "features";
      case FeatureCards v -> "cards";
    };
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;");
  }

  /** Returns the hash of a style or script for the content security policy. */
  private static String hash(String content) {
    byte[] digest = Sha256.newDigest().digest(content.getBytes(StandardCharsets.UTF_8));
    return Base64.getEncoder().encodeToString(digest);
  }

  /** Returns the style, for other pages of the same appearance. */
  public static String style() {
    return text("page.css");
  }

  /** Returns the script that draws pictures, for other pages: {@code drawPicture}. */
  public static String pictureScript() {
    return SCRIPTS.stream().map(Page::text).collect(Collectors.joining());
  }

  private static String text(String name) {
    try (InputStream in = Objects.requireNonNull(Page.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }
}
