package dev.vidrio.server.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KeptWorkTest {
  private final List<String> closed = new ArrayList<>();
  private final KeptWork kept = new KeptWork();

  /** Work with a name. */
  private final class Named implements AutoCloseable {
    final String name;

    Named(String name) {
      this.name = name;
    }

    @Override
    public void close() {
      closed.add(name);
    }
  }

  private Optional<String> use(String fitting, String name) {
    return kept.use(
        Named.class,
        work -> work.name.startsWith(fitting),
        () -> Optional.of(new Named(name)),
        work -> work.name);
  }

  @Test
  void usesTheLastWorkThatFits() {
    assertEquals(Optional.of("ab"), use("a", "ab"));
    assertEquals(Optional.of("ab"), use("a", "ac"));
    assertEquals(List.of(), closed);
    assertEquals(Optional.of("b"), use("b", "b"));
    assertEquals(List.of("ab"), closed);
    kept.close();
    assertEquals(List.of("ab", "b"), closed);
  }

  @Test
  void dropsWorkThatFails() {
    assertThrows(
        IllegalStateException.class,
        () ->
            kept.use(
                Named.class,
                work -> true,
                () -> Optional.of(new Named("a")),
                work -> {
                  throw new IllegalStateException();
                }));
    assertEquals(List.of("a"), closed);
    assertEquals(Optional.of("b"), use("", "b"));
  }

  @Test
  void keepsNothingThatIsTooLargeOrOfAClosedModel() {
    assertEquals(
        Optional.empty(), kept.use(Named.class, work -> true, Optional::empty, work -> work.name));
    kept.close();
    assertEquals(Optional.empty(), use("", "a"));
    assertEquals(List.of(), closed);
  }
}
