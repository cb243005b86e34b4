/**
 * Finds heads and neurons with known functions: previous-token, duplicate-token, induction,
 * copying, successor and retrieval heads, attention sinks, entropy and token-frequency neurons
 * (section 5 of the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.detect;
