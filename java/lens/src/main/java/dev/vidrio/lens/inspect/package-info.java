/**
 * Inspects the residual stream: the next-token predictions at each layer (logit lens), the
 * contributions of components to it and to a logit, and the size of its elements.
 */
package dev.vidrio.lens.inspect;
