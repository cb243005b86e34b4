/**
 * What heads, neurons and tokens add to the residual stream, and what a logit makes of it. The
 * methods share it, and the module keeps it to itself.
 */
package dev.vidrio.lens.component;
