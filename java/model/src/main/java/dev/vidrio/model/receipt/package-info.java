/**
 * Receipts of answers: documents from which another program, machine or person can check that a
 * model gives an answer, bit for bit.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.receipt;
