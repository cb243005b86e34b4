package dev.vidrio.model.state;

import dev.vidrio.model.state.StateDirectory.Address;
import dev.vidrio.model.state.StateDirectory.Kind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * A process that writes and reads random states of a directory until it is killed or has done a
 * given number. The contents of states follow from their keys. It fails if a state has other
 * contents.
 */
final class StateWriter {
  static final ModelHash MODEL = new ModelHash("0123456789abcdef".repeat(4));
  static final int BYTES = 100_000;
  static final int STATES = 40;

  private StateWriter() {}

  /** Returns the address of one of the states. */
  static Address address(int i) {
    StateKey root = StateKey.root("test");
    return new Address(MODEL, Kind.BLOCK, StateKey.root("state", "" + i), root, 64);
  }

  /** Returns the content of a state, in two parts. */
  static List<MemorySegment> parts(int i, Arena arena) {
    byte[] bytes = new byte[BYTES];
    new Random(i).nextBytes(bytes);
    MemorySegment all = arena.allocate(BYTES).copyFrom(MemorySegment.ofArray(bytes));
    return List.of(all.asSlice(0, 70_001), all.asSlice(70_001));
  }

  /**
   * Reads a state.
   *
   * @return false if it does not exist
   * @throws AssertionError if it has other contents
   */
  static boolean isIntact(StateDirectory directory, int i, Arena arena) throws IOException {
    MemorySegment read = arena.allocate(BYTES);
    if (!directory.read(address(i), List.of(read))) {
      return false;
    }
    byte[] expected = new byte[BYTES];
    new Random(i).nextBytes(expected);
    if (MemorySegment.ofArray(expected).mismatch(read) >= 0) {
      throw new AssertionError("state " + i + " has other contents");
    }
    return true;
  }

  /** Takes the directory, its limit in states, a seed and the number of states to write or read. */
  static void main(String[] args) throws IOException {
    var random = new Random(Long.parseLong(args[2]));
    StateDirectory directory =
        StateDirectory.open(Path.of(args[0]), Long.parseLong(args[1]) * (BYTES + StateFile.HEADER));
    directory.register(MODEL, "test");
    for (int n = Integer.parseInt(args[3]); n > 0; n--) {
      int i = random.nextInt(STATES);
      try (Arena arena = Arena.ofConfined()) {
        if (!isIntact(directory, i, arena)) {
          directory.write(address(i), parts(i, arena));
          System.out.println("written");
        }
      }
    }
  }
}
