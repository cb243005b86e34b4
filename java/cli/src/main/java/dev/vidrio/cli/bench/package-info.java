/**
 * {@code vidrio bench}: how fast a model is, beside the peaks of the machine that it runs on, and
 * what a server bears.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.bench;
