/** Vector arithmetic with sums in double precision. */
package dev.vidrio.lens.vector;
