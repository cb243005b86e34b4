/** Reads the input of a model on all routes: texts, token ids and conversations. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.prompt;
