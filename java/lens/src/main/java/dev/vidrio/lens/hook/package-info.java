/**
 * Activations at hook points, and their changes: interventions and callbacks. Names follow
 * TransformerLens; notation follows "A Primer on the Inner Workings of Transformer-based Language
 * Models" (arXiv 2405.00208).
 */
package dev.vidrio.lens.hook;
