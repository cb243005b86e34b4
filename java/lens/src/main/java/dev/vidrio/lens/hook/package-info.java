/**
 * Hook points, the activations there, and what changes them: edits and the caller's code. Names and
 * meanings follow TransformerLens, notation follows "A Primer on the Inner Workings of
 * Transformer-based Language Models" (arXiv 2405.00208).
 */
package dev.vidrio.lens.hook;
