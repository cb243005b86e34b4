package example;

import dev.vidrio.spark.EngineSettings;
import dev.vidrio.spark.TextGeneration;
import java.io.IOException;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;

/** A job that answers a file of questions. */
public final class AnswerQuestions {
  private AnswerQuestions() {}

  /**
   * Reads lines of JSON with a {@code question} and writes them with an {@code answer}.
   *
   * @param arguments the model file, which exists on every worker; input; output directory
   */
  public static void main(String[] arguments) throws IOException {
    TextGeneration generation =
        TextGeneration.builder(EngineSettings.of(arguments[0]).withSequences(16))
            .system("Answer in one sentence.")
            .maxTokens(60)
            .build();
    try (SparkSession spark = SparkSession.builder().appName("questions").getOrCreate()) {
      generation
          .apply(spark.read().json(arguments[1]), "question", "generated")
          .selectExpr("question", "generated.text AS answer", "generated.error")
          .write()
          .mode(SaveMode.Overwrite)
          .json(arguments[2]);
    }
  }
}
