/** {@code vidrio cache}: the prefix cache on disk. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.cache;
