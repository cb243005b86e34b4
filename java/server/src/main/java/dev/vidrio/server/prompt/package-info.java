/** What requests give a model, on whatever route: texts, token ids and conversations. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.prompt;
