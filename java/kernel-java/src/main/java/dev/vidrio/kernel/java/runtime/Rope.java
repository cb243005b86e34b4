package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/** A rotary position embedding and the memory of its operands. */
public record Rope(SequenceOp.Rope op, RotationTable table, MemorySegment x, MemorySegment y) {}
