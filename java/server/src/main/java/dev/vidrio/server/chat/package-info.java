/**
 * Answers to conversations: {@code /v1/chat/completions}, and {@code /v1/responses}, which is the
 * same in other words.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.chat;
