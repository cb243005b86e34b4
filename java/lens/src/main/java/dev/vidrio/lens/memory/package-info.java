/**
 * The memory of activation caches: which activations a run keeps, where taps copy them to, and what
 * is derived or recomputed from them when a cache is read. Not exported.
 */
package dev.vidrio.lens.memory;
