/**
 * What every command reads and writes: files, standard streams and JSON, what a terminal shows, and
 * what the user is told when it fails. It knows nothing of models.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.io;
