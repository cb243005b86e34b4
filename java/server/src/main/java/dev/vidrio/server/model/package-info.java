/**
 * The models that a server has: which are in memory with their engines, who uses them, and threads
 * for work with them that takes long.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.model;
