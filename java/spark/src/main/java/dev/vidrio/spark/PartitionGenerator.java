package dev.vidrio.spark;

import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.spark.ExecutorEngines.OpenEngine;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Queue;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;

/**
 * Generates texts for the rows of a partition.
 *
 * @param generation the generation
 * @param prompt the index of the prompt column
 */
record PartitionGenerator(TextGeneration generation, int prompt)
    implements MapPartitionsFunction<Row, Row> {

  private static final long serialVersionUID = 1L;

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    OpenEngine open = ExecutorEngines.get(generation.engine());
    generation.requireFormat(open);
    var window = new Window(open, rows);
    TaskCompletionListener cancel = task -> window.cancel();
    var _ = TaskContext.get().addTaskCompletionListener(cancel);
    return window;
  }

  /**
   * The rows that are submitted to the engine, in order. There are at most as many as the engine
   * has sequences.
   */
  private final class Window implements Iterator<Row> {
    private final OpenEngine open;
    private final Iterator<Row> rows;
    private final Queue<Pending> pending = new ArrayDeque<>();

    Window(OpenEngine open, Iterator<Row> rows) {
      this.open = open;
      this.rows = rows;
    }

    @Override
    public boolean hasNext() {
      while (pending.size() < open.engine().options().sequences() && rows.hasNext()) {
        pending.add(submit(rows.next()));
      }
      return !pending.isEmpty();
    }

    private Pending submit(Row row) {
      if (row.isNullAt(prompt)) {
        return new Pending(row, null, null);
      }
      try {
        return new Pending(row, generation.submit(open, row.getString(prompt)), null);
      } catch (InvalidInputException e) {
        if (generation.failFast()) {
          throw e;
        }
        return new Pending(row, null, e.getMessage());
      }
    }

    @Override
    public Row next() {
      var _ = hasNext();
      return pending.remove().await();
    }

    /** Cancels pending rows: the task has failed, was killed, or needs no more rows. */
    void cancel() {
      for (Pending row : pending) {
        if (row.stream != null) {
          row.stream.cancel();
        }
      }
    }
  }

  /**
   * A row with its pending answer.
   *
   * @param row the row
   * @param stream the tokens of the answer; null if there is no prompt, or an error
   * @param error the error message, or null
   */
  private record Pending(Row row, @Nullable TokenStream stream, @Nullable String error) {
    Row await() {
      return Columns.append(row, answer());
    }

    private @Nullable Row answer() {
      if (stream == null) {
        return error == null ? null : RowFactory.create(null, null, null, null, error);
      }
      GenerationResult result = stream.result().result();
      return RowFactory.create(
          result.text(),
          result.finish().name(),
          result.promptTokens(),
          result.tokens().size(),
          null);
    }
  }
}
