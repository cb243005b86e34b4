package dev.vidrio.spark;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Matryoshka;
import dev.vidrio.spark.PartitionBatches.BatchColumn;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Computes an embedding for each row of a DataFrame, in batches on Spark's executors.
 *
 * {@snippet file="SparkExamples.java" region="embed"}
 *
 * <p>Vectors are pooled as the model file says and have length 1. A row's vector depends neither on
 * the partitioning nor on other rows, bit for bit. The batches of all tasks of an executor run
 * together; the order of rows is kept.
 *
 * <p>Immutable and serializable. By default, a row that cannot be processed gets an {@code error};
 * see {@link Builder#failFast}. See {@code docs/ecosystem.md}.
 *
 * @param model the model file: a path that exists on every worker, or the name of a file that was
 *     distributed by {@code SparkContext.addFile}
 * @param prompt the name of the model's prompt that precedes each text; empty for none
 * @param dimensions the number of elements of a vector; 0 for the model's
 * @param failFast if true, a row that cannot be processed fails its task
 */
public record TextEmbedding(String model, String prompt, int dimensions, boolean failFast)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  private static final ArrayType VECTOR = DataTypes.createArrayType(DataTypes.FloatType, false);

  /** The type of the added column: see {@link #apply}. */
  static final StructType EMBEDDING =
      new StructType().add("vector", VECTOR).add("error", DataTypes.StringType);

  /**
   * Creates an embedding function.
   *
   * @throws InvalidInputException if a value is out of range
   */
  public TextEmbedding {
    if (model.isEmpty()) {
      throw new InvalidInputException("model", model, "must not be empty");
    }
    if (dimensions < 0) {
      throw new InvalidInputException("dimensions", dimensions, "must not be negative");
    }
  }

  /** Returns a builder. */
  public static Builder builder(String model) {
    return new Builder(model);
  }

  /**
   * Returns the rows with a column of embeddings. The column is a struct of {@code vector}, an
   * array of floats, and {@code error} (null unless the row could not be processed). It is null if
   * the text is null.
   *
   * @param rows the rows
   * @param texts the name of the text column, of type string
   * @param embeddings the name of the added column
   * @throws InvalidInputException if there is no such text column, or already a column of the name
   *     {@code embeddings}
   */
  public Dataset<Row> apply(Dataset<Row> rows, String texts, String embeddings) {
    int text = Columns.strings(rows, "texts", texts);
    StructType schema = Columns.added(rows, "embeddings", embeddings, EMBEDDING);
    return rows.mapPartitions(new PartitionBatches(new Vectors(this, text)), Encoders.row(schema));
  }

  /**
   * Registers an SQL function that returns the vector of a text, an array of floats.
   *
   * {@snippet file="SparkExamples.java" region="embedSql"}
   *
   * <p>Each task embeds one text at a time; {@link #apply} is faster. A row that cannot be
   * processed fails the query.
   */
  public UserDefinedFunction register(SparkSession spark, String name) {
    return spark.udf().register(name, function());
  }

  /** Returns the vectors of a text column, like the {@linkplain #register SQL function}. */
  public Column call(Column texts) {
    return function().apply(texts);
  }

  private UserDefinedFunction function() {
    return functions.udf(new Vector(this), VECTOR);
  }

  /**
   * Returns the model's engine.
   *
   * @throws InvalidInputException if the model lacks the prompt or the dimensions
   */
  private EmbeddingEngine engine() {
    EmbeddingEngine engine = ExecutorEngines.embedding(model);
    if (dimensions > 0) {
      Matryoshka.check(dimensions, engine.dimension());
    }
    var _ = prefix(engine);
    return engine;
  }

  private String prefix(EmbeddingEngine engine) {
    return prompt.isEmpty() ? "" : Embeddings.prompt(engine.model(), prompt);
  }

  private List<float[]> embed(List<String> texts) {
    EmbeddingEngine engine = engine();
    String prefix = prefix(engine);
    int size = dimensions > 0 ? dimensions : engine.dimension();
    return engine.embed(texts.stream().map(text -> prefix + text).toList()).vectors().stream()
        .map(vector -> Matryoshka.shorten(vector, size, true))
        .toList();
  }

  /** Embeds one text. */
  private record Vector(TextEmbedding embedding) implements UDF1<String, float[]> {
    private static final long serialVersionUID = 1L;

    @Override
    public float @Nullable [] call(@Nullable String text) {
      return text == null ? null : embedding.embed(List.of(text)).get(0);
    }
  }

  /**
   * The column of embeddings.
   *
   * @param embedding the embedding function
   * @param text the index of the text column
   */
  private record Vectors(TextEmbedding embedding, int text) implements BatchColumn {
    private static final long serialVersionUID = 1L;

    @Override
    public void prepare() {
      var _ = embedding.engine();
    }

    @Override
    public List<@Nullable Row> values(List<Row> rows) {
      List<String> texts = new ArrayList<>();
      for (Row row : rows) {
        if (!row.isNullAt(text)) {
          texts.add(row.getString(text));
        }
      }
      List<Row> computed =
          texts.isEmpty()
              ? List.of()
              : PartitionBatches.structs(texts, embedding.failFast, embedding::embed);
      List<@Nullable Row> values = new ArrayList<>();
      int next = 0;
      for (Row row : rows) {
        values.add(row.isNullAt(text) ? null : computed.get(next++));
      }
      return values;
    }
  }

  /** A builder of embedding functions. */
  public static final class Builder {
    private final String model;
    private String prompt = "";
    private int dimensions;
    private boolean failFast;

    private Builder(String model) {
      this.model = model;
    }

    /** Sets the name of a prompt of the model file that precedes each text, such as query. */
    public Builder prompt(String name) {
      prompt = name;
      return this;
    }

    /** Sets the number of elements of a vector, at most the model's; 0, the default, for all. */
    public Builder dimensions(int value) {
      dimensions = value;
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
     * Builds the embedding function.
     *
     * @throws InvalidInputException if a value is out of range
     */
    public TextEmbedding build() {
      return new TextEmbedding(model, prompt, dimensions, failFast);
    }
  }
}
