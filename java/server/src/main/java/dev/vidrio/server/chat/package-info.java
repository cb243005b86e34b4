/** Conversations over HTTP: {@code /v1/chat/completions} and {@code /v1/responses}. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.chat;
