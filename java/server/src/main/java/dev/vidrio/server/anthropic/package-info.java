/**
 * Anthropic's Messages API: {@code /v1/messages} and {@code /v1/messages/count_tokens}. Requests
 * are translated to those of {@code /v1/chat/completions}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.anthropic;
