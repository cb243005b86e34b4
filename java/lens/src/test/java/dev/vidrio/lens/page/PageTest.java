package dev.vidrio.lens.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.CompositionScores;
import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.lens.decode.sae.index.Histogram;
import dev.vidrio.lens.detect.CopySuppression;
import dev.vidrio.lens.detect.CopyingEigenvalues;
import dev.vidrio.lens.detect.CorpusStatistics;
import dev.vidrio.lens.detect.HeadDetection;
import dev.vidrio.lens.detect.NeuronWeights;
import dev.vidrio.lens.detect.OvScores;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.inspect.MassiveActivations;
import dev.vidrio.lens.page.Grid.Cell;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tests pages without a browser; {@code .ci/pages} opens them in one. */
class PageTest {
  private static final List<String> HOSTILE =
      List.of(
          "</script><script>document.title='broken'</script>",
          "<!--<script>",
          "]]>",
          "<img src=x onerror=\"document.title='broken'\">",
          "{{script}}",
          "&lt;\u202e\u0000\n\t\"'\\");

  private static final Pattern DATA =
      Pattern.compile(
          "<script type=\"application/json\" id=\"data\">(.*?)</script>", Pattern.DOTALL);

  private static JsonNode data(String html) {
    Matcher matcher = DATA.matcher(html);
    assertTrue(matcher.find());
    return JsonMapper.shared().readTree(matcher.group(1));
  }

  private static Page hostile() {
    int n = HOSTILE.size();
    var values = new double[1][n];
    Arrays.setAll(values[0], i -> i);
    values[0][2] = Double.NaN;
    String title = HOSTILE.getFirst();
    List<Cell> cells = HOSTILE.stream().map(text -> new Cell(text, HOSTILE)).toList();
    List<View> views =
        List.of(
            new Grid(
                title + 1,
                title,
                title,
                title,
                List.of(title),
                HOSTILE,
                List.of(Measure.of(title, Scale.DIVERGING, values)),
                List.of(cells)),
            new Bars(title + 2, title, List.of(new Bars.Bar(title, -1), new Bars.Bar("b", 0.5))),
            new TokenValues(title + 3, title, HOSTILE, List.of(0.0, 1.0, -2.0, 3.0, 4.0, 5.0)),
            new AttentionView(
                title + 4,
                title,
                HOSTILE.subList(0, 2),
                0,
                List.of(new AttentionView.Head(0, 0, title, List.of(10_000, 2500, 7500)))),
            new CircuitView(
                title + 5,
                title,
                List.of(new CircuitView.Vertex(title, 0), new CircuitView.Vertex("b", 1)),
                List.of(new CircuitView.Arc(0, 1, title, -0.5))),
            new RoutesView(
                title + 6,
                title,
                HOSTILE,
                0.04,
                List.of(new RoutesView.Arc(title, "head", 0, 0, 1, 1, 0.5))),
            new Scatter(
                title + 7,
                title,
                HOSTILE,
                List.of(
                    Scatter.Measure.of(title, new double[] {0, 1, Double.NaN, 3, 4, 1.23456}),
                    Scatter.Measure.of("b", new double[] {0, 1, 2, 3, -4, 5}))),
            new FeatureTable(
                title + 8,
                title,
                List.of(
                    new FeatureTable.Row(0, "p.html", 0.1, 2, HOSTILE, HOSTILE, title, 0.5, null))),
            new FeatureCards(title + 9, title, "p.html", List.of(card(title))));
    return new Page(title, title, String.join("", HOSTILE), views);
  }

  private static FeatureCards.Card card(String title) {
    var example = new FeatureExample(0, 1, 0, HOSTILE, List.of(0f, 1f, 2f, 0f, 0f, 1f));
    List<TokenEffect> effects = List.of(new TokenEffect(0, title, 1.5));
    return new FeatureCards.Card(
        0,
        3,
        0.1,
        1.5,
        2,
        new Histogram(0.5, List.of(1L, 0L, 2L)),
        List.of(example),
        List.of(new Quantile(1, 2, List.of(example))),
        effects,
        effects,
        title,
        List.of(new FeatureCards.Score(title, 0.75, 0.5, 1)));
  }

  /** Written where {@code .ci/pages} finds it. */
  @Test
  void textsAreDataAndNeverMarkup() throws IOException {
    String html = hostile().html();
    Path pages = Files.createDirectories(Path.of("target", "pages"));
    Files.writeString(pages.resolve("hostile.html"), html);
    assertEquals(2, html.split("<script", -1).length - 1);
    assertEquals(2, html.split("</script>", -1).length - 1);
    assertFalse(html.contains("<!--"));
    assertFalse(html.contains("<img"));
    JsonNode data = data(html);
    assertEquals(HOSTILE.getFirst(), data.get("title").stringValue());
    JsonNode columns = data.get("pictures").get(0).get("view").get("columns");
    for (int i = 0; i < HOSTILE.size(); i++) {
      assertEquals(HOSTILE.get(i), columns.get(i).stringValue());
    }
    JsonNode values = data.get("pictures").get(0).get("view").get("measures").get(0).get("values");
    assertTrue(values.get(0).get(2).isNull());
    JsonNode points = data.get("pictures").get(6).get("view").get("measures").get(0);
    assertTrue(points.get("values").get(2).isNull());
    assertEquals(1.235, points.get("values").get(5).doubleValue());
  }

  @Test
  void policyAllowsOnlyStyleAndScript() throws Exception {
    String html = hostile().html();
    assertTrue(html.contains("default-src 'none'"));
    for (String part : List.of("style", "script")) {
      Matcher content =
          Pattern.compile("<" + part + ">(.*?)</" + part + ">", Pattern.DOTALL).matcher(html);
      assertTrue(content.find());
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(content.group(1).getBytes(StandardCharsets.UTF_8));
      String hash = Base64.getEncoder().encodeToString(digest);
      assertTrue(html.contains(part + "-src 'sha256-" + hash + "'"), part);
    }
    assertFalse(html.contains("://"), "an address");
    assertFalse(html.contains("@import"));
  }

  @Test
  @Tag("long")
  void resultsOfTheLensBecomePictures() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      Capture streams = Capture.of("*.hook_resid_post");
      LogitLens logits = LogitLens.of(lens, tokens, streams.positions(2, 5), 3);
      Grid grid = Views.logitLens(model, logits);
      assertEquals(List.of("0", "1", "2", "3"), grid.rows());
      assertEquals(3, grid.columns().size());
      assertEquals(
          logits.cells().getFirst().get(1).top().getFirst().probability(),
          grid.measures().getFirst().values().get(0).get(1));
      LogitLens followed =
          LogitLens.of(
              lens, tokens, streams.positions(2, 5), 3, 7, LogitLens.Translation.NONE, List.of());
      Grid.Measure rank = Views.logitLens(model, followed).measures().getFirst();
      LogitLens.Standing standing = followed.cells().get(2).get(1).standing();
      assertEquals(standing == null ? -1.0 : standing.rank() + 1.0, rank.values().get(2).get(1));
      ComponentLens writes =
          ComponentLens.of(
              lens, tokens, Capture.of("*.hook_mlp_out").positions(2, 5), 3, 7, List.of());
      Grid components = Views.componentLens(model, writes);
      assertEquals(List.of("L0.mlp", "L1.mlp", "L2.mlp", "L3.mlp"), components.rows());
      assertEquals(6, components.cells().get(1).get(2).lines().size());
      ComponentLens.Cell cell = writes.cells().get(1).get(2);
      assertEquals(cell.deviation(), components.measures().get(1).values().get(1).get(2));
      var dla = DirectLogitAttribution.of(lens, tokens, 4, 5, -1, By.HEAD);
      List<View> views = Views.attribution(model, dla);
      assertEquals(2, views.size());
      Grid heads =
          Views.heads(
              HeadDetection.of(lens, 1, 5, 0),
              OvScores.of(lens, 2, 0),
              CopyingEigenvalues.of(lens),
              CopySuppression.of(lens, 2, 0));
      assertEquals(8, heads.columns().size());
      assertEquals(12, heads.measures().size());
      var statistics = CorpusStatistics.of(lens, List.of(tokens), CorpusStatistics.Options.DEFAULT);
      List<View> corpus = Views.corpus(model, statistics, NeuronWeights.of(lens));
      assertEquals(3, corpus.size());
      Scatter points = (Scatter) corpus.getLast();
      assertEquals(statistics.neurons().size(), points.labels().size());
      Scatter.Measure layer = points.measures().getLast();
      assertEquals(3.0, layer.values().getLast());
      var scores = CompositionScores.of(lens, List.of(CompositionScores.Kind.V));
      Grid composition = Views.compositions(scores);
      CompositionScores.Score best = scores.getFirst().ranked().getFirst();
      int from = best.from().layer();
      int to = best.to().layer();
      assertEquals(best.value(), composition.measures().getFirst().values().get(from).get(to));
      assertEquals(
          List.of("V: " + best.from().name() + " → " + best.to().name()),
          composition.cells().get(from).get(to).lines());
      assertNull(composition.measures().getFirst().values().get(to).get(from));
      Grid withHead = Views.compositions(scores, best.to());
      assertEquals(
          best.value(), withHead.measures().getFirst().values().get(from).get(best.from().head()));
      try (ActivationCache cache =
          lens.run(tokens, Capture.of("*.hook_pattern, *.hook_resid_post").positions(3, 6))) {
        AttentionView attention = AttentionView.of(model, cache);
        assertEquals(4 * 8, attention.heads().size());
        assertEquals(6, attention.tokens().size());
        List<Integer> weights = attention.heads().get(9).weights();
        assertEquals(4 + 5 + 6, weights.size());
        float expected = cache.get("blocks.1.attn.hook_pattern").at(1, 2, 5);
        assertEquals(expected, weights.getLast() / 10_000.0, 0.5e-4);
        List<Integer> seen = Arrays.stream(tokens).skip(3).limit(3).boxed().toList();
        Grid norms = Views.norms(model, seen, MassiveActivations.of(cache, 1));
        String html = new Page("a", "b", "c", List.of(grid, attention, heads, norms)).html();
        assertEquals(4, data(html).get("pictures").size());
      }
    }
  }

  @Test
  void rejectsValuesWithoutTokens() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new TokenValues("a", "b", List.of("c"), List.of(1.0, 2.0)));
  }
}
