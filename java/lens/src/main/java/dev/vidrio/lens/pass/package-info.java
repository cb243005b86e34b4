/**
 * Passes that rewrite a plan for the lens: edits at hook points, taps, and attention and norms in
 * parts; and the tables of edits that the rewritten plans read. Not exported.
 */
package dev.vidrio.lens.pass;
