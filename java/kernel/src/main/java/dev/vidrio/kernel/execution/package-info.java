/** The schedules and the memory layout of plans, which all executors share. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.execution;
