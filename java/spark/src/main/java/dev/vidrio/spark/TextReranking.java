package dev.vidrio.spark;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.spark.PartitionBatches.BatchColumn;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Scores, for each row of a DataFrame, how well a document answers a query, in batches on Spark's
 * executors.
 *
 * {@snippet file="SparkExamples.java" region="rerank"}
 *
 * <p>A score is from 0 to 1 and depends neither on the partitioning nor on other rows, bit for bit.
 * Documents of one query that are next to each other are scored together. The order of rows is
 * kept.
 *
 * <p>Immutable and serializable. By default, a row that cannot be processed gets an {@code error};
 * see {@link Builder#failFast}. See {@code docs/ecosystem.md}.
 *
 * @param model the model file: a path that exists on every worker, or the name of a file that was
 *     distributed by {@code SparkContext.addFile}
 * @param instruction the task of a chat model, in a sentence
 * @param failFast if true, a row that cannot be processed fails its task
 * @see Reranker
 */
public record TextReranking(String model, String instruction, boolean failFast)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The type of the added column: see {@link #apply}. */
  static final StructType RELEVANCE =
      new StructType().add("score", DataTypes.DoubleType).add("error", DataTypes.StringType);

  /**
   * Creates a reranking function.
   *
   * @throws InvalidInputException if the model is empty
   */
  public TextReranking {
    if (model.isEmpty()) {
      throw new InvalidInputException("model", model, "must not be empty");
    }
  }

  /** Returns a builder. */
  public static Builder builder(String model) {
    return new Builder(model);
  }

  /**
   * Returns the rows with a column of scores. The column is a struct of {@code score}, from 0 to 1,
   * and {@code error} (null unless the row could not be processed). It is null if the query or the
   * document is null.
   *
   * @param rows the rows
   * @param queries the name of the query column, of type string
   * @param documents the name of the document column, of type string
   * @param relevance the name of the added column
   * @throws InvalidInputException if there is no such query or document column, or already a column
   *     of the name {@code relevance}
   */
  public Dataset<Row> apply(Dataset<Row> rows, String queries, String documents, String relevance) {
    int query = Columns.strings(rows, "queries", queries);
    int document = Columns.strings(rows, "documents", documents);
    StructType schema = Columns.added(rows, "relevance", relevance, RELEVANCE);
    return rows.mapPartitions(
        new PartitionBatches(new Scores(this, query, document)), Encoders.row(schema));
  }

  /**
   * Registers an SQL function that returns the score of a query and a document.
   *
   * {@snippet file="SparkExamples.java" region="rerankSql"}
   *
   * <p>Each task scores one pair at a time; {@link #apply} is faster. A row that cannot be
   * processed fails the query.
   */
  public UserDefinedFunction register(SparkSession spark, String name) {
    return spark.udf().register(name, function());
  }

  /**
   * Returns the scores of a query column and a document column, like the {@linkplain #register SQL
   * function}.
   */
  public Column call(Column queries, Column documents) {
    return function().apply(queries, documents);
  }

  private UserDefinedFunction function() {
    return functions.udf(new Score(this), DataTypes.DoubleType);
  }

  private RerankingEngine engine() {
    return ExecutorEngines.reranking(model, instruction);
  }

  /** Scores one pair. */
  private record Score(TextReranking reranking) implements UDF2<String, String, Double> {
    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable Double call(@Nullable String query, @Nullable String document) {
      return query == null || document == null
          ? null
          : reranking.engine().rerank(query, List.of(document)).scores().get(0);
    }
  }

  /**
   * The column of scores.
   *
   * @param reranking the reranking function
   * @param query the index of the query column
   * @param document the index of the document column
   */
  private record Scores(TextReranking reranking, int query, int document) implements BatchColumn {
    private static final long serialVersionUID = 1L;

    @Override
    public void prepare() {
      var _ = reranking.engine();
    }

    @Override
    public List<@Nullable Row> values(List<Row> rows) {
      Map<String, List<Integer>> byQuery = new LinkedHashMap<>();
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        if (!row.isNullAt(query) && !row.isNullAt(document)) {
          byQuery.computeIfAbsent(row.getString(query), text -> new ArrayList<>()).add(i);
        }
      }
      @Nullable Row[] values = new Row[rows.size()];
      byQuery.forEach(
          (text, indices) -> {
            List<Row> scored =
                PartitionBatches.structs(
                    indices.stream().map(i -> rows.get(i).getString(document)).toList(),
                    reranking.failFast,
                    documents -> reranking.engine().rerank(text, documents).scores());
            for (int i = 0; i < indices.size(); i++) {
              values[indices.get(i)] = scored.get(i);
            }
          });
      return Arrays.asList(values);
    }
  }

  /** A builder of reranking functions. */
  public static final class Builder {
    private final String model;
    private String instruction = Reranker.DEFAULT_INSTRUCTION;
    private boolean failFast;

    private Builder(String model) {
      this.model = model;
    }

    /** Sets the task of a chat model, by default {@link Reranker#DEFAULT_INSTRUCTION}. */
    public Builder instruction(String text) {
      instruction = text;
      return this;
    }

    /**
     * Sets whether a row that cannot be processed fails its task; otherwise it has an {@code
     * error}.
     */
    public Builder failFast(boolean value) {
      failFast = value;
      return this;
    }

    /**
     * Builds the reranking function.
     *
     * @throws InvalidInputException if the model is empty
     */
    public TextReranking build() {
      return new TextReranking(model, instruction, failFast);
    }
  }
}
