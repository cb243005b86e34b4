package dev.vidrio.hub.download;

/**
 * A file of a Hugging Face repository, as its API lists it.
 *
 * @param path the path inside the repository
 * @param expected the size, and the SHA-256 where the file is in large-file storage
 */
public record RepositoryFile(String path, ExpectedFile expected) {}
