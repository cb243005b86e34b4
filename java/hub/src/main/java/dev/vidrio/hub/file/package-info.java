/**
 * File operations of the store: safe names, digests, free space, and descriptions of file system
 * exceptions. Not exported.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.hub.file;
