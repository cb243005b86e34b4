package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
import dev.vidrio.lens.page.FeatureCards;
import dev.vidrio.lens.page.FeatureTable;
import dev.vidrio.lens.page.FeatureViews;
import dev.vidrio.lens.page.Page;
import dev.vidrio.lens.page.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The pages of an index: a table of all features, and pages with the details of a hundred features
 * each. The address selects one of the features.
 */
final class FeaturePages {
  /** The file of the table. */
  static final String TABLE = "index.html";

  /** Features of a page. */
  private static final int FEATURES = 100;

  private final Path directory;
  private final IndexHeader header;
  private final Map<Integer, FeatureExplanation> explanations;
  private final List<FeatureTable.Row> rows = new ArrayList<>();
  private final List<FeatureCards.Card> cards = new ArrayList<>();

  private FeaturePages(
      Path directory, IndexHeader header, Map<Integer, FeatureExplanation> explanations) {
    this.directory = directory;
    this.header = header;
    this.explanations = explanations;
  }

  /**
   * Writes the pages.
   *
   * @throws IOException if one cannot be written
   */
  static void write(Path directory, IndexFile index, Map<Integer, FeatureExplanation> explanations)
      throws IOException {
    var pages = new FeaturePages(directory, index.header(), explanations);
    try {
      index.records(pages::add);
      pages.writeTable();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private void add(FeatureRecord feature) {
    FeatureExplanation explanation = explanations.get(feature.feature());
    rows.add(FeatureViews.row(feature, explanation, file(feature.feature())));
    cards.add(FeatureViews.card(feature, explanation));
    if (cards.size() == FEATURES || feature.feature() == header.features() - 1) {
      write(
          file(feature.feature()),
          "vidrio lens sae index: features from #" + cards.getFirst().feature(),
          FeatureViews.cards(header, TABLE, cards));
      cards.clear();
    }
  }

  private static String file(int feature) {
    return "features-%05d.html".formatted(feature / FEATURES * FEATURES);
  }

  private void writeTable() {
    write(TABLE, "vidrio lens sae index", FeatureViews.table(header, rows));
  }

  private void write(String file, String title, View view) {
    String html = new Page(title, header.model(), "", List.of(view)).html();
    try {
      AtomicFile.write(directory.resolve(file), html.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
