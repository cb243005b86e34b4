package dev.vidrio.hub;

import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The record of a stored model file.
 *
 * @param source the label of the source
 * @param bytes the size of the file
 * @param sha256 the SHA-256 of the file
 * @param stored the time of storing
 */
record StoreRecord(String source, long bytes, String sha256, Instant stored) {

  /** The source of a file that a user copied into the store. */
  static final String BY_HAND = "by hand";

  /** Reads a record; empty if it does not exist or belongs to a file of another size. */
  static Optional<StoreRecord> read(Path path, long bytes) throws IOException {
    try {
      JsonNode json = JsonMapper.shared().readTree(Files.readString(path));
      StoreRecord record =
          new StoreRecord(
              json.required("source").stringValue(),
              json.required("bytes").longValue(),
              json.required("sha256").stringValue(),
              Instant.parse(json.required("stored").stringValue()));
      return record.bytes == bytes && Sha256.isHex(record.sha256)
          ? Optional.of(record)
          : Optional.empty();
    } catch (NoSuchFileException | JacksonException | DateTimeException e) {
      return Optional.empty();
    }
  }

  void write(Path path) throws IOException {
    JsonNode json =
        JsonMapper.shared()
            .createObjectNode()
            .put("source", source)
            .put("bytes", bytes)
            .put("sha256", sha256)
            .put("stored", stored.toString());
    Files.writeString(path, json.toPrettyString() + "\n");
  }
}
