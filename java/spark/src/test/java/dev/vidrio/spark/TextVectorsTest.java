package dev.vidrio.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import dev.vidrio.model.testfiles.PromptedEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares embeddings and scores with those of the engines of the model alone. */
class TextVectorsTest extends SparkCase {
  private static final String TOO_LONG = "word ".repeat(5000);

  @TempDir private static Path models;
  private static String encoder;
  private static String reranker;

  @BeforeAll
  static void writeModels() throws IOException {
    encoder = PromptedEncoder.write(Files.createDirectory(models.resolve("bert"))).toString();
    reranker = TinyModel.writeReranker(models.resolve("reranker.gguf")).toString();
  }

  private static Dataset<Row> rows(int partitions, List<Row> rows) {
    StructType schema =
        new StructType().add("query", DataTypes.StringType).add("document", DataTypes.StringType);
    return spark.createDataFrame(
        JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(rows, partitions),
        schema);
  }

  private static Dataset<Row> pairs(int partitions, @Nullable String... documents) {
    List<Row> rows = new ArrayList<>();
    for (String document : documents) {
      rows.add(RowFactory.create("sun", document));
    }
    return rows(partitions, rows);
  }

  private static float[] vector(Row row, int column) {
    List<Float> values = row.getList(column);
    float[] vector = new float[values.size()];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = values.get(i);
    }
    return vector;
  }

  /** 150 rows are several batches. */
  @Test
  void vectorsDoNotDependOnPartitions() {
    String[] texts = new String[150];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = i % 7 == 3 ? null : "a text ".repeat(i % 5) + (char) ('a' + i % 26);
    }
    try (Model model = Model.open(Path.of(encoder));
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      for (int partitions : new int[] {1, 3}) {
        List<Row> rows =
            TextEmbedding.builder(encoder)
                .prompt("query")
                .dimensions(8)
                .build()
                .apply(pairs(partitions, texts), "document", "embedding")
                .collectAsList();
        assertEquals(texts.length, rows.size());
        for (int i = 0; i < texts.length; i++) {
          assertEquals(texts[i], rows.get(i).getString(1));
          if (texts[i] == null) {
            assertTrue(rows.get(i).isNullAt(2));
            continue;
          }
          float[] whole = engine.embed(List.of(PromptedEncoder.QUERY + texts[i])).vectors().get(0);
          Row embedding = rows.get(i).getStruct(2);
          assertArrayEquals(Matryoshka.shorten(whole, 8, true), vector(embedding, 0));
          assertNull(embedding.getString(1));
        }
      }
    }
  }

  @Test
  @Tag("long")
  void examplesOfEmbeddingRun() {
    Dataset<Row> documents = pairs(2, "the sun", null, "rain");
    documents.createOrReplaceTempView("documents");
    try (Model model = Model.open(Path.of(encoder));
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      float[] expected = engine.embed(List.of("rain")).vectors().get(0);
      List<Row> rows = SparkExamples.embedSql(spark, encoder).collectAsList();
      assertArrayEquals(expected, vector(rows.get(2), 1));
      assertTrue(rows.get(1).isNullAt(1));
    }
    Row first = SparkExamples.embed(documents, encoder).first();
    assertEquals(8, vector(first, 1).length);
    TextEmbedding embedding = TextEmbedding.builder(encoder).dimensions(4).build();
    Row called = documents.select(embedding.call(functions.col("document"))).first();
    assertEquals(4, vector(called, 0).length);
  }

  @Test
  void textThatDoesNotFitHasError() {
    TextEmbedding embedding = TextEmbedding.builder(encoder).build();
    Dataset<Row> documents = pairs(1, "the sun", TOO_LONG, "rain");
    List<Row> rows = embedding.apply(documents, "document", "embedding").collectAsList();
    assertTrue(vector(rows.get(0).getStruct(2), 0).length > 0);
    assertTrue(rows.get(1).getStruct(2).isNullAt(0));
    assertTrue(rows.get(1).getStruct(2).getString(1).contains("tokens"));
    assertNull(rows.get(2).getStruct(2).getString(1));

    Dataset<Row> failing =
        TextEmbedding.builder(encoder).failFast(true).build().apply(documents, "document", "e");
    assertThrows(SparkException.class, failing::collectAsList);
  }

  @Test
  void rejectsSettingsThatTheModelLacks() {
    Dataset<Row> documents = pairs(1, "the sun");
    for (TextEmbedding.Builder invalid :
        List.of(
            TextEmbedding.builder(encoder).prompt("none"),
            TextEmbedding.builder(encoder).dimensions(1 << 20))) {
      Dataset<Row> failing = invalid.build().apply(documents, "document", "embedding");
      var failure = assertThrows(SparkException.class, failing::collectAsList);
      assertTrue(
          String.valueOf(failure.getMessage()).matches("(?s).*(prompt|dimensions).*"),
          failure.getMessage());
    }
    Dataset<Row> unranked =
        TextReranking.builder(encoder).build().apply(documents, "query", "document", "relevance");
    assertThrows(SparkException.class, unranked::collectAsList);
  }

  @Test
  void scoresEqualThoseOfTheModel() {
    List<Row> given = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      given.add(RowFactory.create(i < 50 ? "sun" : "rain", i == 20 ? null : "document " + i % 9));
    }
    given.add(RowFactory.create(null, "the moon"));
    given.add(RowFactory.create("sun", TOO_LONG));
    Dataset<Row> pairs = rows(2, given);
    List<Row> rows =
        TextReranking.builder(reranker)
            .build()
            .apply(pairs, "query", "document", "relevance")
            .collectAsList();
    try (Model model = Model.open(Path.of(reranker));
        var engine = new RerankingEngine(model)) {
      for (int i = 0; i < 100; i++) {
        Row row = rows.get(i);
        if (i == 20) {
          assertTrue(row.isNullAt(2));
          continue;
        }
        double expected =
            engine.rerank(row.getString(0), List.of(row.getString(1))).scores().get(0);
        assertEquals(expected, row.getStruct(2).getDouble(0));
      }
    }
    assertTrue(rows.get(100).isNullAt(2));
    assertTrue(rows.get(101).getStruct(2).isNullAt(0));
    assertTrue(rows.get(101).getStruct(2).getString(1).contains("tokens"));

    Dataset<Row> failing =
        TextReranking.builder(reranker)
            .failFast(true)
            .build()
            .apply(pairs, "query", "document", "relevance");
    assertThrows(SparkException.class, failing::collectAsList);
  }

  @Test
  @Tag("long")
  void examplesOfRerankingRun() {
    Dataset<Row> pairs = pairs(2, "The moon", "The sun", "Rain");
    pairs.createOrReplaceTempView("pairs");
    List<Row> ranked = SparkExamples.rerank(pairs, reranker).collectAsList();
    List<Row> scored = SparkExamples.rerankSql(spark, reranker).collectAsList();
    assertEquals(3, ranked.size());
    for (int i = 1; i < 3; i++) {
      assertTrue(
          ranked.get(i - 1).getStruct(2).getDouble(0) >= ranked.get(i).getStruct(2).getDouble(0));
    }
    double best = scored.stream().mapToDouble(row -> row.getDouble(1)).max().orElseThrow();
    assertEquals(best, ranked.get(0).getStruct(2).getDouble(0));
    Row none =
        pairs
            .select(
                TextReranking.builder(reranker)
                    .instruction("Find the opposite")
                    .build()
                    .call(functions.lit(null).cast("string"), functions.col("document")))
            .first();
    assertTrue(none.isNullAt(0));
  }

  @Test
  void rejectsInvalidColumns() {
    Dataset<Row> pairs = pairs(1, "The moon");
    TextEmbedding embedding = TextEmbedding.builder(encoder).build();
    TextReranking reranking = TextReranking.builder(reranker).build();
    assertThrows(InvalidInputException.class, () -> embedding.apply(pairs, "missing", "e"));
    assertThrows(InvalidInputException.class, () -> embedding.apply(pairs, "document", "query"));
    assertThrows(
        InvalidInputException.class, () -> reranking.apply(pairs, "query", "missing", "s"));
    assertThrows(
        InvalidInputException.class, () -> reranking.apply(pairs, "query", "document", "query"));
    assertThrows(InvalidInputException.class, () -> TextEmbedding.builder("").build());
    assertThrows(InvalidInputException.class, () -> TextReranking.builder("").build());
    var negative = TextEmbedding.builder(encoder).dimensions(-1);
    assertThrows(InvalidInputException.class, negative::build);
  }
}
