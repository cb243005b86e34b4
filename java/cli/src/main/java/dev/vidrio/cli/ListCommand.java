package dev.vidrio.cli;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.hub.Catalog;
import dev.vidrio.hub.CatalogEntry;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.hub.ModelStore;
import dev.vidrio.hub.ShortName;
import dev.vidrio.hub.StoredModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio list}. */
@Command(
    name = "list",
    description = "Lists the models on this machine and those that can be pulled.")
final class ListCommand implements Runnable {
  private static final long UNKNOWN = -1;

  /** A line of the list: a model of the catalog, of the store, or of both. */
  private record Row(
      String name, String state, long bytes, String description, @Nullable StoredModel stored) {}

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public void run() {
    ModelStore store = ModelStore.open();
    Map<String, StoredModel> stored =
        store.list().stream().collect(Collectors.toMap(StoredModel::name, Function.identity()));
    Catalog catalog = Catalog.standard();
    List<Row> rows =
        Stream.concat(
                Stream.concat(
                    catalog.entries().stream().map(entry -> row(entry, stored.get(entry.name()))),
                    catalog.shortNames().stream()
                        .map(name -> row(name, find(store, name, stored)))),
                stored.values().stream()
                    .filter(model -> catalog.find(model.name()).isEmpty())
                    .map(model -> row(model)))
            .toList();
    if (json) {
      Json.print(rows.stream().map(ListCommand::toJson).toList());
    } else {
      int width = rows.stream().mapToInt(row -> row.name.length()).max().orElse(1);
      System.out.printf(
          "%s  %-10s  %8s  %s%n",
          "name" + " ".repeat(Math.max(0, width - 4)), "state", "size", "description");
      rows.forEach(row -> print(row, width));
      Hint.print("'vidrio pull NAME' downloads a model, 'vidrio run NAME TEXT' runs it.");
    }
  }

  private static Row row(CatalogEntry entry, @Nullable StoredModel stored) {
    String state = entry.isEmbedded() ? "embedded" : stored != null ? "here" : "not pulled";
    return new Row(entry.name(), state, entry.bytes(), entry.description(), stored);
  }

  /** Returns the row of a short name; Hugging Face declares its size when it is pulled. */
  private static Row row(ShortName name, @Nullable StoredModel stored) {
    return new Row(
        name.name(),
        stored == null ? "not pulled" : "here",
        stored == null ? UNKNOWN : stored.bytes(),
        name.description() + ", " + name.repository().label(),
        stored);
  }

  private static @Nullable StoredModel find(
      ModelStore store, ShortName name, Map<String, StoredModel> stored) {
    Optional<Path> path = store.find(new ModelReference.HuggingFaceModel(name.repository()));
    return stored.values().stream()
        .filter(model -> path.isPresent() && model.path().equals(path.get()))
        .findFirst()
        .orElse(null);
  }

  private static Row row(StoredModel stored) {
    return new Row(stored.name(), "here", stored.bytes(), stored.source(), stored);
  }

  private static void print(Row row, int width) {
    System.out.printf(
        "%s  %-10s  %8s  %s%n",
        row.name + " ".repeat(width - row.name.length()),
        row.state,
        row.bytes == UNKNOWN ? "-" : Units.bytes(row.bytes),
        row.description);
  }

  private static JsonObject toJson(Row row) {
    JsonObject model =
        new JsonObject()
            .with("name", row.name)
            .with("state", row.state)
            .with("bytes", row.bytes == UNKNOWN ? null : row.bytes)
            .with("description", row.description);
    if (row.stored != null) {
      model.put("path", row.stored.path().toString());
      model.put("source", row.stored.source());
      model.put("stored", row.stored.stored().toString());
      row.stored.sha256().ifPresent(sha256 -> model.put("sha256", sha256));
    }
    return model;
  }
}
