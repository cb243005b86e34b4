/**
 * The contributions of heads, neurons and tokens to the residual stream, and of the residual stream
 * to a logit. Shared by the methods; not exported.
 */
package dev.vidrio.lens.component;
