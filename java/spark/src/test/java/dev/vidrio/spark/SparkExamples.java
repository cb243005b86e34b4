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
}
