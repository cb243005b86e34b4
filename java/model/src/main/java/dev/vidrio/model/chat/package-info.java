/**
 * Conversations with chat models: {@link dev.vidrio.model.chat.Chat} keeps one, {@link
 * dev.vidrio.model.chat.ChatFormat} encodes messages with the model's template, and {@link
 * dev.vidrio.model.chat.ChatAnswer} splits an answer into content, reasoning and tool calls.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.chat;
