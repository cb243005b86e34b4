package dev.vidrio.spark;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.spark.ExecutorEngines.OpenEngine;
import dev.vidrio.template.ChatMessage;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
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
 * Generates a text for each row of a DataFrame:
 *
 * {@snippet file="SparkExamples.java" region="dataset"}
 *
 * <p>An executor opens the model once and closes it at its exit. Each task hands over some rows
 * ahead of the one that Spark asks for, so that rows of all tasks of an executor run in one batch;
 * the order of rows stays. A row's answer does not depend on how the data is partitioned, nor on
 * what runs beside it.
 */
public final class TextGeneration implements Serializable {
  private static final long serialVersionUID = 1L;

  /** What is added to a row: see {@link #apply}. */
  static final StructType ANSWER =
      new StructType()
          .add("text", DataTypes.StringType)
          .add("finish", DataTypes.StringType)
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("generated_tokens", DataTypes.IntegerType)
          .add("error", DataTypes.StringType);

  private final EngineSettings engine;
  private final String system;
  private final boolean chat;
  private final int maxTokens;
  private final double temperature;
  private final long seed;
  private final ArrayList<String> stop;
  private final boolean failFast;

  private TextGeneration(Builder builder) {
    this.engine = builder.engine;
    this.system = builder.system;
    this.chat = builder.chat;
    this.maxTokens = builder.maxTokens;
    this.temperature = builder.temperature;
    this.seed = builder.seed;
    this.stop = new ArrayList<>(builder.stop);
    this.failFast = builder.failFast;
    var _ = options();
  }

  /** Generation of at most 256 tokens, the most likely ones, with a model's chat template. */
  public static Builder builder(EngineSettings engine) {
    return new Builder(engine);
  }

  EngineSettings engine() {
    return engine;
  }

  boolean failFast() {
    return failFast;
  }

  private GenerationOptions options() {
    return GenerationOptions.DEFAULT
        .withTokens(maxTokens)
        .withSampling(SamplingOptions.builder().temperature(temperature).seed(seed).build())
        .withStop(stop.toArray(String[]::new));
  }

  /**
   * Hands a prompt to an engine.
   *
   * @throws InvalidInputException when it does not fit the model
   */
  TokenStream submit(OpenEngine open, String prompt) {
    return open.engine()
        .submit(GenerationRequest.builder(tokens(open, prompt)).options(options()).build());
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
   * Checks what no row can help.
   *
   * @throws InvalidInputException when prompts are messages and the model is not made for chat
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
                    "model",
                    open.model().name(),
                    "has no chat template: it is not made for chat; chat(false) continues texts"));
  }

  /**
   * Adds a column with an answer to the text of another. It is a struct of {@code text}, {@code
   * finish} (why it ended: STOP, LENGTH or CONTEXT), {@code prompt_tokens}, {@code
   * generated_tokens} and {@code error}, which says why there is no text and is null elsewhere. A
   * row whose prompt is null has no answer.
   *
   * @param prompts the name of a column of strings
   * @param answers the name of the column that is added
   * @throws InvalidInputException when there is no column of prompts, or one of answers
   */
  public Dataset<Row> apply(Dataset<Row> rows, String prompts, String answers) {
    StructType schema = rows.schema();
    int prompt = index(rows, prompts);
    if (prompt < 0 || !schema.fields()[prompt].dataType().equals(DataTypes.StringType)) {
      throw new InvalidInputException("prompts", prompts, "must be a column of strings");
    }
    if (index(rows, answers) >= 0) {
      throw new InvalidInputException("answers", answers, "there is a column of that name");
    }
    return rows.mapPartitions(
        new PartitionGenerator(this, prompt), Encoders.row(schema.add(answers, ANSWER)));
  }

  /** The place of a column, whose name is compared as the session does; -1 if there is none. */
  private static int index(Dataset<Row> rows, String name) {
    String[] names = rows.schema().fieldNames();
    boolean sensitive =
        Boolean.parseBoolean(rows.sparkSession().conf().get("spark.sql.caseSensitive"));
    return IntStream.range(0, names.length)
        .filter(i -> sensitive ? names[i].equals(name) : names[i].equalsIgnoreCase(name))
        .findFirst()
        .orElse(-1);
  }

  /**
   * Registers a function of SQL that gives the text for a prompt:
   *
   * {@snippet file="SparkExamples.java" region="sql"}
   *
   * <p>It answers one row after the other in each task, so that only as many run at a time as an
   * executor has cores; {@link #apply} is faster. A row that fails, fails the query.
   */
  public UserDefinedFunction register(SparkSession spark, String name) {
    return spark.udf().register(name, function());
  }

  /** The same function, for expressions of columns. */
  public Column call(Column prompts) {
    return function().apply(prompts);
  }

  private UserDefinedFunction function() {
    return functions.udf(new Answer(this), DataTypes.StringType);
  }

  /** Answers a prompt. */
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

  /** Collects options. */
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

    /** Sets instructions before each prompt. */
    public Builder system(String value) {
      system = value;
      return this;
    }

    /** Sets whether prompts are messages of a user, or texts to continue as they are. */
    public Builder chat(boolean value) {
      chat = value;
      return this;
    }

    /** Sets the greatest number of tokens of an answer. */
    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    /** Sets the temperature; 0 takes the most likely token. */
    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    /** Sets the seed of each row's random numbers: equal prompts have equal answers. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Sets the texts before which an answer ends. */
    public Builder stop(String... texts) {
      stop = List.of(texts);
      return this;
    }

    /** Sets whether a row that cannot be answered fails its task, or has an {@code error}. */
    public Builder failFast(boolean value) {
      failFast = value;
      return this;
    }

    /**
     * The generation.
     *
     * @throws InvalidInputException when something is out of range
     */
    public TextGeneration build() {
      return new TextGeneration(this);
    }
  }
}
