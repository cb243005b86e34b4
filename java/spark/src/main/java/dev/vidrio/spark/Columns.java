package dev.vidrio.spark;

import dev.vidrio.error.InvalidInputException;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Columns of DataFrames. Names are compared by {@code spark.sql.caseSensitive}. */
final class Columns {
  private Columns() {}

  /**
   * Returns the index of a column of strings.
   *
   * @param parameter the parameter that an error names
   * @throws InvalidInputException if there is no such column
   */
  static int strings(Dataset<Row> rows, String parameter, String name) {
    int index = index(rows, name);
    if (index < 0 || !rows.schema().fields()[index].dataType().equals(DataTypes.StringType)) {
      throw new InvalidInputException(parameter, name, "must be a column of strings");
    }
    return index;
  }

  /**
   * Returns the schema of rows with one more column.
   *
   * @param parameter the parameter that an error names
   * @throws InvalidInputException if there is already a column of that name
   */
  static StructType added(Dataset<Row> rows, String parameter, String name, StructType type) {
    if (index(rows, name) >= 0) {
      throw new InvalidInputException(parameter, name, "column already exists");
    }
    return rows.schema().add(name, type);
  }

  private static int index(Dataset<Row> rows, String name) {
    String[] names = rows.schema().fieldNames();
    boolean sensitive =
        Boolean.parseBoolean(rows.sparkSession().conf().get("spark.sql.caseSensitive"));
    return IntStream.range(0, names.length)
        .filter(i -> sensitive ? names[i].equals(name) : names[i].equalsIgnoreCase(name))
        .findFirst()
        .orElse(-1);
  }

  /** Returns a row with one more value at its end. */
  static Row append(Row row, @Nullable Object value) {
    Object[] values = new Object[row.size() + 1];
    for (int i = 0; i < row.size(); i++) {
      values[i] = row.get(i);
    }
    values[row.size()] = value;
    return RowFactory.create(values);
  }
}
