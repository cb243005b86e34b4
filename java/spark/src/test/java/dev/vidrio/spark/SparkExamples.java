package dev.vidrio.spark;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** The examples of the Javadoc. */
final class SparkExamples {
  private SparkExamples() {}

  static Dataset<Row> dataset(Dataset<Row> questions, String file) {
    // @start region="dataset"
    TextGeneration generation =
        TextGeneration.builder(EngineSettings.of(file).withSequences(16)).maxTokens(100).build();
    Dataset<Row> answered = generation.apply(questions, "question", "answer");
    return answered.select("question", "answer.text", "answer.error");
    // @end
  }

  static Dataset<Row> sql(SparkSession spark, String file) {
    // @start region="sql"
    TextGeneration.builder(EngineSettings.of(file)).build().register(spark, "generate");
    return spark.sql("SELECT question, generate(question) AS answer FROM questions");
    // @end
  }

  static Dataset<Row> embed(Dataset<Row> documents, String file) {
    // @start region="embed"
    TextEmbedding embedding = TextEmbedding.builder(file).dimensions(8).build();
    Dataset<Row> embedded = embedding.apply(documents, "document", "embedding");
    return embedded.select("document", "embedding.vector", "embedding.error");
    // @end
  }

  static Dataset<Row> embedSql(SparkSession spark, String file) {
    // @start region="embedSql"
    TextEmbedding.builder(file).build().register(spark, "embed");
    return spark.sql("SELECT document, embed(document) AS vector FROM documents");
    // @end
  }

  static Dataset<Row> rerank(Dataset<Row> pairs, String file) {
    // @start region="rerank"
    TextReranking reranking = TextReranking.builder(file).build();
    Dataset<Row> scored = reranking.apply(pairs, "query", "document", "relevance");
    return scored.orderBy(scored.col("query"), scored.col("relevance.score").desc());
    // @end
  }

  static Dataset<Row> rerankSql(SparkSession spark, String file) {
    // @start region="rerankSql"
    TextReranking.builder(file).build().register(spark, "rerank");
    return spark.sql("SELECT document, rerank(query, document) AS score FROM pairs");
    // @end
  }
}
