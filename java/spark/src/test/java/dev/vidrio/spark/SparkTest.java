package dev.vidrio.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.ScriptedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
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

/** Compares generated texts with those of the model alone. */
class SparkTest extends SparkCase {
  private static final String QUESTION = "What is the capital of Germany?";
  private static final String ANSWER = "The capital of Germany is Berlin.";

  @TempDir private static Path models;
  private static String scripted;
  private static String bard;

  @BeforeAll
  static void writeModels() throws IOException {
    scripted = ScriptedModel.write(models.resolve("scripted.gguf")).toString();
    bard = BardFiles.q8().toAbsolutePath().toString();
  }

  private static Dataset<Row> questions(int partitions, @Nullable String... texts) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < texts.length; i++) {
      rows.add(RowFactory.create(i, texts[i]));
    }
    StructType schema =
        new StructType().add("id", DataTypes.IntegerType).add("question", DataTypes.StringType);
    return spark.createDataFrame(
        JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(rows, partitions),
        schema);
  }

  @Test
  @Tag("long")
  void examplesRun() {
    Dataset<Row> questions = questions(2, QUESTION, "Say 'Hello World'");
    questions.createOrReplaceTempView("questions");
    Dataset<Row> answered = SparkExamples.dataset(questions, scripted);
    assertEquals(ANSWER, answered.first().getString(1));
    assertEquals(ANSWER, SparkExamples.sql(spark, scripted).first().getString(1));
  }

  /** Texts, their order and random numbers equal those of the model alone. */
  @Test
  void answersDoNotDependOnPartitions() {
    String[] prompts = new String[40];
    Arrays.setAll(prompts, i -> "Enter the " + i + ". citizen");
    TextGeneration generation =
        TextGeneration.builder(EngineSettings.of(bard).withSequences(8))
            .chat(false)
            .maxTokens(12)
            .temperature(0.8)
            .seed(7)
            .build();
    List<String> expected = new ArrayList<>();
    var options =
        GenerationOptions.DEFAULT
            .withTokens(12)
            .withSampling(SamplingOptions.builder().temperature(0.8).seed(7).build());
    try (Model model = Model.open(Path.of(bard))) {
      for (String prompt : prompts) {
        expected.add(model.generate(prompt, options).result().text());
      }
    }
    for (int partitions : new int[] {1, 5}) {
      List<Row> rows =
          generation.apply(questions(partitions, prompts), "question", "answer").collectAsList();
      for (int i = 0; i < prompts.length; i++) {
        Row row = rows.get(i);
        assertEquals(i, row.getInt(0));
        assertEquals(prompts[i], row.getString(1));
        Row answer = row.getStruct(2);
        assertEquals(expected.get(i), answer.getString(0));
        assertNull(answer.getString(4));
        assertTrue(answer.getInt(2) > 0 && answer.getInt(3) <= 12);
      }
    }
  }

  /**
   * Four partitions on two executors: two processes, neither of them this one, with an engine each.
   */
  @Test
  @Tag("long")
  void executorOpensModelOnce(@TempDir Path begun) {
    Map<Long, Set<Integer>> engines = new HashMap<>();
    List<Row> rows =
        questions(4, "a", "b", "c", "d", "e", "f", "g", "h")
            .mapPartitions(
                new WhoAnswers(EngineSettings.of(scripted), begun.toString()),
                Encoders.row(
                    new StructType()
                        .add("process", DataTypes.LongType)
                        .add("engine", DataTypes.IntegerType)))
            .collectAsList();
    for (Row row : rows) {
      engines.computeIfAbsent(row.getLong(0), pid -> new HashSet<>()).add(row.getInt(1));
    }
    assertEquals(4, rows.size());
    assertFalse(engines.containsKey(ProcessHandle.current().pid()));
    engines.values().forEach(opened -> assertEquals(1, opened.size()));
    assertEquals(2, engines.size());
  }

  /**
   * Tells which process and engine answer a partition, once a task of another process has begun.
   *
   * @param begun a directory in which each process leaves a file
   */
  private record WhoAnswers(EngineSettings settings, String begun)
      implements MapPartitionsFunction<Row, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<Row> call(Iterator<Row> rows) throws Exception {
      Path directory = Path.of(begun);
      Files.writeString(directory.resolve(Long.toString(ProcessHandle.current().pid())), "");
      while (files(directory) < 2) {
        Thread.sleep(5);
      }
      int engine = System.identityHashCode(ExecutorEngines.get(settings));
      return List.of(RowFactory.create(ProcessHandle.current().pid(), engine)).iterator();
    }

    private static long files(Path directory) throws IOException {
      try (Stream<Path> files = Files.list(directory)) {
        return files.count();
      }
    }
  }

  @Test
  void enginesShareTheModelOfAFile() {
    EngineSettings settings = EngineSettings.of(scripted).withSequences(3);
    var one = ExecutorEngines.get(settings);
    var other = ExecutorEngines.get(settings.withSequences(5));
    assertNotSame(one.engine(), other.engine());
    assertSame(one.model(), other.model());
  }

  @Test
  void errorNamesMissingFileAsGiven() {
    for (String file : new String[] {"/none.gguf", "none.gguf"}) {
      EngineSettings settings = EngineSettings.of(file);
      var failure = assertThrows(ModelFileException.class, () -> ExecutorEngines.get(settings));
      assertEquals(file + ": no such file", failure.getMessage());
    }
  }

  /** The error does not depend on rows. */
  @Test
  void modelWithoutChatTemplateFailsTheTask() {
    TextGeneration chat = TextGeneration.builder(EngineSettings.of(bard)).build();
    Dataset<Row> failing = chat.apply(questions(1, QUESTION), "question", "answer");
    var failure = assertThrows(SparkException.class, failing::collectAsList);
    assertTrue(String.valueOf(failure.getMessage()).contains("no chat template"));
  }

  @Test
  void findsDistributedFileByName() {
    spark.sparkContext().addFile(scripted);
    TextGeneration generation =
        TextGeneration.builder(EngineSettings.of("scripted.gguf")).system("Be brief.").build();
    Row row = generation.apply(questions(1, QUESTION), "question", "answer").first();
    assertEquals(ANSWER, row.getStruct(2).getString(0));
    assertEquals("STOP", row.getStruct(2).getString(1));
  }

  @Test
  void rowThatDoesNotFitHasError() {
    String tooLong = "word ".repeat(5000);
    Dataset<Row> questions = questions(1, QUESTION, tooLong, null, QUESTION);
    EngineSettings engine = EngineSettings.of(scripted);
    List<Row> rows =
        TextGeneration.builder(engine)
            .build()
            .apply(questions, "question", "answer")
            .collectAsList();
    assertEquals(ANSWER, rows.get(0).getStruct(2).getString(0));
    assertNull(rows.get(1).getStruct(2).getString(0));
    assertTrue(rows.get(1).getStruct(2).getString(4).contains("prompt"));
    assertTrue(rows.get(2).isNullAt(2));
    assertEquals(ANSWER, rows.get(3).getStruct(2).getString(0));

    TextGeneration strict = TextGeneration.builder(engine).failFast(true).build();
    Dataset<Row> failing = strict.apply(questions, "question", "answer");
    var failure = assertThrows(SparkException.class, failing::collectAsList);
    assertTrue(String.valueOf(failure.getMessage()).contains("prompt"));
  }

  /** A limit ends a task before all rows are read; submitted rows are canceled. */
  @Test
  void endedTaskCancelsPendingRows() {
    EngineSettings engine = EngineSettings.of(bard).withSequences(4);
    String[] prompts = new String[64];
    Arrays.fill(prompts, "To be, or not to be");
    TextGeneration generation =
        TextGeneration.builder(engine).chat(false).maxTokens(20).temperature(0.8).build();
    assertEquals(
        1,
        generation
            .apply(questions(1, prompts), "question", "answer")
            .limit(1)
            .collectAsList()
            .size());
    Row status =
        questions(2, "a", "b")
            .mapPartitions(
                new Running(engine),
                Encoders.row(new StructType().add("running", DataTypes.IntegerType)))
            .agg(functions.sum("running"))
            .first();
    assertEquals(0, status.getLong(0));
  }

  /** Returns the pending requests of an engine. */
  private record Running(EngineSettings settings) implements MapPartitionsFunction<Row, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<Row> call(Iterator<Row> rows) throws Exception {
      var engine = ExecutorEngines.get(settings).engine();
      while (engine.status().running() + engine.status().waiting() > 0) {
        Thread.sleep(5);
      }
      return List.of(RowFactory.create(engine.status().running() + engine.status().waiting()))
          .iterator();
    }
  }

  @Test
  void rejectsInvalidColumnsAndLimits() {
    TextGeneration generation = TextGeneration.builder(EngineSettings.of(scripted)).build();
    Dataset<Row> questions = questions(1, QUESTION);
    assertThrows(
        InvalidInputException.class, () -> generation.apply(questions, "missing", "answer"));
    assertThrows(InvalidInputException.class, () -> generation.apply(questions, "id", "answer"));
    assertThrows(InvalidInputException.class, () -> generation.apply(questions, "question", "id"));
    var hot = TextGeneration.builder(EngineSettings.of(scripted)).temperature(-1);
    assertThrows(InvalidInputException.class, hot::build);
    var settings = EngineSettings.of(scripted);
    assertThrows(InvalidInputException.class, () -> settings.withSequences(0));
  }

  @Test
  void comparesColumnNamesLikeTheSession() {
    TextGeneration generation = TextGeneration.builder(EngineSettings.of(scripted)).build();
    Dataset<Row> questions = questions(1, QUESTION);
    Row row = generation.apply(questions, "Question", "answer").first();
    assertEquals(ANSWER, row.getStruct(2).getString(0));
    assertThrows(InvalidInputException.class, () -> generation.apply(questions, "question", "ID"));
    spark.conf().set("spark.sql.caseSensitive", true);
    try {
      assertEquals(3, generation.apply(questions, "question", "ID").columns().length);
      assertThrows(
          InvalidInputException.class, () -> generation.apply(questions, "Question", "answer"));
    } finally {
      spark.conf().unset("spark.sql.caseSensitive");
    }
  }

  @Test
  void computesColumn() {
    TextGeneration generation = TextGeneration.builder(EngineSettings.of(scripted)).build();
    Row row =
        questions(1, QUESTION, null)
            .select(generation.call(functions.col("question")))
            .collectAsList()
            .get(0);
    assertEquals(ANSWER, row.getString(0));
  }
}
