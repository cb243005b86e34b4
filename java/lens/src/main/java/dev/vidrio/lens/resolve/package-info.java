/**
 * Resolves names and hook points: which points a pattern selects, where their values come from in a
 * plan, and whether a method supports a model. Not exported.
 */
package dev.vidrio.lens.resolve;
