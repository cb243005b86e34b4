/**
 * Input and output of all commands: files, standard streams, JSON, terminals, and error messages.
 * Independent of models.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.io;
