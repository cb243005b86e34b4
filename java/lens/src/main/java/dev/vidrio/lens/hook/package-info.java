/**
 * Hook points, the activations at them, and what changes these: edits, and code of the caller.
 * Names and meanings follow TransformerLens, the notation "A Primer on the Inner Workings of
 * Transformer-based Language Models" (arXiv 2405.00208).
 */
package dev.vidrio.lens.hook;
