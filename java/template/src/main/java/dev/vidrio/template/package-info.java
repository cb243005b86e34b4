/**
 * Chat templates: convert a conversation to the prompt format that a model was trained with, and
 * parse tool calls and reasoning out of its response.
 *
 * <p>Model files contain their template in the Jinja language. {@link
 * dev.vidrio.template.ChatTemplate} interprets it exactly as Python's Jinja does in the environment
 * of Hugging Face transformers. A template can access only the values it is given, and its steps,
 * memory, depth and time are limited, so templates of untrusted files are safe to render. {@link
 * dev.vidrio.template.call.ToolCallReader} and {@link dev.vidrio.template.HarmonyParser} read tool
 * calls in responses; {@link dev.vidrio.template.ReasoningMarkers} delimit reasoning.
 *
 * <p>The interpreter is in packages that are not exported: {@code value} defines the values, {@code
 * operation} their operations, {@code syntax} lexer and parser, {@code builtin} Jinja's functions,
 * and {@code interpreter} runs the parsed template.
 */
@NullMarked
package dev.vidrio.template;

import org.jspecify.annotations.NullMarked;
