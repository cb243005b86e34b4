/** Measures recent steps and answers, and estimates prefill budgets and waiting times from them. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.pace;
