/**
 * {@code vidrio bench}: speed of a model relative to the machine's peaks, and of a server under
 * load.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.bench;
