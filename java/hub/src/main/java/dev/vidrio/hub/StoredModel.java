package dev.vidrio.hub;

import dev.vidrio.hub.source.ModelSource;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * A model file in the user's store.
 *
 * @param name what the user writes to use or remove it
 * @param path the file
 * @param source where it came from, as {@link ModelSource#label}; {@code by hand} for a file that
 *     was put there
 * @param bytes the file's size
 * @param sha256 the SHA-256 found when it was stored; empty for a file put there by hand and not
 *     pulled since
 * @param stored when it was stored
 */
public record StoredModel(
    String name, Path path, String source, long bytes, Optional<String> sha256, Instant stored) {}
