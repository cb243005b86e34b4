/**
 * What operations at hook points refer to: where activations are copied to, how they are edited,
 * and statistics of them. All may change between steps, while the plan stays as it is.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.hook;
