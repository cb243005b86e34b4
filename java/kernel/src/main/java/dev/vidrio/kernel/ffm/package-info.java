/**
 * The native executor: finds, loads and calls libvidrio through the Foreign Function and Memory
 * API.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.ffm;
