package dev.vidrio.spark;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.spark.ExecutorEngines.OpenEngine;
import dev.vidrio.template.ChatMessage;
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
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Generates a text for each row of a DataFrame, in batches on Spark's executors.
 *
 * {@snippet file="SparkExamples.java" region="dataset"}
 *
 * <p>Each executor opens the model once, on first use, and closes it at exit. Tasks submit rows
 * ahead of Spark's iterator, so that the rows of all tasks of an executor run in one batch; the
 * order of rows is kept. A row's answer depends neither on the partitioning nor on other rows.
 *
 * <p>Immutable and serializable. By default, a row that cannot be processed gets an {@code error};
 * see {@link Builder#failFast}. See {@code docs/scaling.md}.
 *
 * @param engine the model and engine of each executor
 * @param system the system message before each prompt; empty for none
 * @param chat if true, prompts are user messages of a chat, else texts to continue
 * @param maxTokens the maximum number of tokens of an answer
 * @param temperature the temperature; 0 selects the most likely token
 * @param seed the random seed of each row
 * @param stop the stop strings
 * @param failFast if true, a row that cannot be processed fails its task
 * @see EngineSettings
 * @see TextEmbedding
 * @see TextReranking
 */
public record TextGeneration(
    EngineSettings engine,
    String system,
    boolean chat,
    int maxTokens,
    double temperature,
    long seed,
    List<String> stop,
    boolean failFast)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The type of the added column: see {@link #apply}. */
  static final StructType ANSWER =
      new StructType()
          .add("text", DataTypes.StringType)
          .add("finish", DataTypes.StringType)
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("generated_tokens", DataTypes.IntegerType)
          .add("error", DataTypes.StringType);

  /**
   * Copies the list and checks the values.
   *
   * @throws InvalidInputException if a value is out of range
   */
  public TextGeneration {
    stop = List.copyOf(stop);
    var _ = options(maxTokens, temperature, seed, stop);
  }

  /**
   * Returns a builder. By default, prompts are user messages of a chat, and answers have at most
   * 256 tokens, generated greedily.
   */
  public static Builder builder(EngineSettings engine) {
    return new Builder(engine);
  }

  private static GenerationOptions options(
      int maxTokens, double temperature, long seed, List<String> stop) {
    return GenerationOptions.DEFAULT
        .withTokens(maxTokens)
        .withSampling(SamplingOptions.builder().temperature(temperature).seed(seed).build())
        .withStop(stop.toArray(String[]::new));
  }

  /**
   * Submits a prompt.
   *
   * @throws InvalidInputException if it does not fit the model
   */
  TokenStream submit(OpenEngine open, String prompt) {
    GenerationOptions options = options(maxTokens, temperature, seed, stop);
    return open.engine()
        .submit(GenerationRequest.builder(tokens(open, prompt)).options(options).build());
  }

  private int[] tokens(OpenEngine open, String prompt) {
    if (!chat) {
      return open.model().tokenizer().encode(prompt);
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (!system.isEmpty()) {
      messages.add(ChatMessage.system(system));
    }
    messages.add(ChatMessage.user(prompt));
    return format(open).encode(messages);
  }

  /**
   * Checks that the model can process the prompts.
   *
   * @throws InvalidInputException if prompts are messages and the model has no chat template
   */
  void requireFormat(OpenEngine open) {
    if (chat) {
      var _ = format(open);
    }
  }

  private static ChatFormat format(OpenEngine open) {
    return open.format()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "model", open.model().name(), "has no chat template; use chat(false)"));
  }

  /**
   * Returns the rows with a column of generated texts. The column is a struct of {@code text},
   * {@code finish} (the finish reason: STOP, LENGTH or CONTEXT), {@code prompt_tokens}, {@code
   * generated_tokens} and {@code error} (null unless the row could not be processed). It is null if
   * the prompt is null.
   *
   * @param rows the rows
   * @param prompts the name of the prompt column, of type string
   * @param answers the name of the added column
   * @throws InvalidInputException if there is no such prompt column, or already a column of the
   *     name {@code answers}
   */
  public Dataset<Row> apply(Dataset<Row> rows, String prompts, String answers) {
    int prompt = Columns.strings(rows, "prompts", prompts);
    StructType schema = Columns.added(rows, "answers", answers, ANSWER);
    return rows.mapPartitions(new PartitionGenerator(this, prompt), Encoders.row(schema));
  }

  /**
   * Registers an SQL function that returns the generated text of a prompt.
   *
   * {@snippet file="SparkExamples.java" region="sql"}
   *
   * <p>Each task processes one row at a time, so that the batch has at most one row per core;
   * {@link #apply} is faster. A row that cannot be processed fails the query.
   */
  public UserDefinedFunction register(SparkSession spark, String name) {
    return spark.udf().register(name, function());
  }

  /**
   * Returns the generated texts of a prompt column, like the {@linkplain #register SQL function}.
   */
  public Column call(Column prompts) {
    return function().apply(prompts);
  }

  private UserDefinedFunction function() {
    return functions.udf(new Answer(this), DataTypes.StringType);
  }

  /** Generates the text of a prompt. */
  private record Answer(TextGeneration generation) implements UDF1<String, String> {
    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable String call(@Nullable String prompt) {
      if (prompt == null) {
        return null;
      }
      try (var stream = generation.submit(ExecutorEngines.get(generation.engine), prompt)) {
        return stream.result().text();
      }
    }
  }

  /** A builder of generations. */
  public static final class Builder {
    private final EngineSettings engine;
    private String system = "";
    private boolean chat = true;
    private int maxTokens = GenerationOptions.DEFAULT.tokens();
    private double temperature;
    private long seed;
    private List<String> stop = List.of();
    private boolean failFast;

    private Builder(EngineSettings engine) {
      this.engine = engine;
    }

    /** Sets the system message before each prompt. */
    public Builder system(String value) {
      system = value;
      return this;
    }

    /** Sets whether prompts are user messages of a chat (the default) or texts to continue. */
    public Builder chat(boolean value) {
      chat = value;
      return this;
    }

    /** Sets the maximum number of tokens of an answer. */
    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    /** Sets the temperature; 0, the default, selects the most likely token. */
    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    /** Sets the random seed of each row, so that equal prompts have equal answers. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Sets the stop strings: an answer ends before the first of them. */
    public Builder stop(String... texts) {
      stop = List.of(texts);
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
     * Builds the generation.
     *
     * @throws InvalidInputException if a value is out of range
     */
    public TextGeneration build() {
      return new TextGeneration(engine, system, chat, maxTokens, temperature, seed, stop, failFast);
    }
  }
}
