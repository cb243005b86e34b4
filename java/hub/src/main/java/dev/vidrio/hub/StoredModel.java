package dev.vidrio.hub;

import dev.vidrio.hub.source.ModelSource;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * A model file in the user's store.
 *
 * @param name the name by which to use or remove it
 * @param path the file
 * @param source the origin, as {@link ModelSource#label}; {@code by hand} for a file that a user
 *     copied there
 * @param bytes the size of the file
 * @param sha256 the SHA-256 computed when it was stored; empty for a file copied by hand and not
 *     pulled since
 * @param stored the time of storing
 */
public record StoredModel(
    String name, Path path, String source, long bytes, Optional<String> sha256, Instant stored) {}
