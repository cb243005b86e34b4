/**
 * Files of the store: safe names, digests, free space, and what exceptions of the file system mean.
 * The module keeps it to itself.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.hub.file;
