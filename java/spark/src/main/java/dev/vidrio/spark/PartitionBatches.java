package dev.vidrio.spark;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.jspecify.annotations.Nullable;

/**
 * Computes a column for the rows of a partition, {@value #ROWS} rows at a time.
 *
 * @param column the function that computes the column
 */
record PartitionBatches(BatchColumn column) implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  /** The number of rows in a batch. */
  private static final int ROWS = 64;

  /** Computes the values of a column for several rows. */
  interface BatchColumn extends Serializable {
    /**
     * Opens the model and checks that it can compute the column.
     *
     * @throws InvalidInputException if the settings do not fit the model
     * @throws ModelException if the model cannot be opened, or does not support the function
     */
    void prepare();

    /** Returns the value of each row. */
    List<@Nullable Row> values(List<Row> rows);
  }

  /**
   * Returns a struct of a value and an error for each text. Texts are processed together, or one by
   * one if one of them cannot be processed.
   *
   * @param failFast whether a text that cannot be processed is an exception, not an error
   * @param values returns the value of each text
   * @throws InvalidInputException if a text cannot be processed and {@code failFast} is set
   */
  static List<Row> structs(
      List<String> texts, boolean failFast, Function<List<String>, List<?>> values) {
    try {
      return values.apply(texts).stream().map(value -> RowFactory.create(value, null)).toList();
    } catch (InvalidInputException e) {
      if (failFast) {
        throw e;
      }
      return texts.size() == 1
          ? List.of(RowFactory.create(null, e.getMessage()))
          : texts.stream().flatMap(each -> structs(List.of(each), false, values).stream()).toList();
    }
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    column.prepare();
    return new Batches(rows);
  }

  /** The rows with their values; a batch is computed when its first row is read. */
  private final class Batches implements Iterator<Row> {
    private final Iterator<Row> rows;
    private Iterator<Row> computed = List.<Row>of().iterator();

    Batches(Iterator<Row> rows) {
      this.rows = rows;
    }

    @Override
    public boolean hasNext() {
      return computed.hasNext() || rows.hasNext();
    }

    @Override
    public Row next() {
      if (!computed.hasNext()) {
        computed = batch();
      }
      return computed.next();
    }

    private Iterator<Row> batch() {
      List<Row> batch = new ArrayList<>();
      while (batch.size() < ROWS && rows.hasNext()) {
        batch.add(rows.next());
      }
      List<@Nullable Row> values = column.values(batch);
      List<Row> result = new ArrayList<>();
      for (int i = 0; i < batch.size(); i++) {
        result.add(Columns.append(batch.get(i), values.get(i)));
      }
      return result.iterator();
    }
  }
}
