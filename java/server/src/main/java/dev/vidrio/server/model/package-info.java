/**
 * The models of a server: which are loaded with their engines, how many requests use them, and a
 * thread for long work with them.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.model;
