/**
 * Chat templates, which turn a conversation into the prompt format that a model was trained on.
 *
 * <p>Model files carry their template in the Jinja language. {@link
 * dev.vidrio.template.ChatTemplate} interprets it as Python's Jinja does in the environment that
 * Hugging Face transformers sets up, character by character. A template reaches nothing but the
 * values it is given, and steps, memory and depth are limited, so that one from an untrusted file
 * is safe to render.
 *
 * <p>The interpreter lies in packages below this one, which are not exported: {@code value} has
 * what a template computes with, {@code operation} what Python does with it, {@code syntax} the
 * parsed template, {@code builtin} what Jinja offers to it, and {@code interpreter} runs it.
 */
@NullMarked
package dev.vidrio.template;

import org.jspecify.annotations.NullMarked;
