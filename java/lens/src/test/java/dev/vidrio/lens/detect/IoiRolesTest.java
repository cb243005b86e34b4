package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.detect.IoiRoles.Head;
import dev.vidrio.lens.detect.IoiRoles.Names;
import dev.vidrio.lens.detect.IoiRoles.Role;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.lens.numeric.Estimate;
import java.util.List;
import org.junit.jupiter.api.Test;

class IoiRolesTest extends BardTest {
  /** Names as tokens 100 (IO) and 200 (S): IO at 2, S at 4 and 7, END at 9. */
  private static final int[] CLEAN = {0, 30, 100, 31, 200, 32, 33, 200, 34, 35};

  private static final int[] CORRUPTED = {0, 30, 100, 31, 200, 32, 33, 100, 34, 35};
  private static final int[] OTHER = {0, 30, 200, 31, 100, 36, 33, 200, 34, 35};
  private static final int[] OTHER_CORRUPTED = {0, 30, 200, 31, 100, 36, 33, 100, 34, 35};

  private static Names names(int[] clean, int[] corrupted) {
    return new Names(TextPair.of(clean, corrupted, 100, 200), 100, 200);
  }

  private final List<Names> pairs = List.of(names(CLEAN, CORRUPTED), names(OTHER, OTHER_CORRUPTED));

  private static Head head(double direct, double io, double s1, double s2, double queries) {
    return new Head(1, 2, new Estimate(direct, 0.1, 9), io, s1, s2, 0, 0, queries);
  }

  @Test
  void assignsRolesByAttentionAndEffect() {
    assertEquals(Role.NAME_MOVER, head(0.5, 0.6, 0.1, 0.1, 0).role());
    assertEquals(Role.NEGATIVE_NAME_MOVER, head(-0.5, 0.6, 0.1, 0.1, 0).role());
    assertEquals(Role.OTHER, head(0.05, 0.6, 0.1, 0.1, 0).role());
    assertEquals(Role.OTHER, head(0.5, 0.6, 0.4, 0.3, 0).role());
    assertEquals(Role.S_INHIBITION, head(0, 0.1, 0.1, 0.5, 0.2).role());
    assertEquals(Role.OTHER, head(0, 0.1, 0.1, 0.5, 0).role());
    var duplicate = new Head(0, 0, new Estimate(0, 0.1, 9), 0, 0, 0, 0.4, 0.2, 0);
    assertEquals(Role.DUPLICATE_TOKEN, duplicate.role());
    var induction = new Head(0, 0, new Estimate(0, 0.1, 9), 0, 0, 0, 0.2, 0.4, 0);
    assertEquals(Role.INDUCTION, induction.role());
  }

  @Test
  void scoresEqualMeansOfRuns() {
    IoiRoles roles = IoiRoles.of(lens, pairs, 2);
    assertEquals(32, roles.heads().size());
    Head head = roles.heads().get(13);
    try (ActivationCache a = lens.run(CLEAN, Capture.of("*.hook_pattern"));
        ActivationCache b = lens.run(OTHER, Capture.of("*.hook_pattern"))) {
      assertEquals(
          (a.get(HookSite.PATTERN, 1).at(5, 9, 2) + b.get(HookSite.PATTERN, 1).at(5, 9, 4)) / 2.0,
          head.io(),
          1e-7);
      assertEquals(
          (a.get(HookSite.PATTERN, 1).at(5, 9, 7) + b.get(HookSite.PATTERN, 1).at(5, 9, 7)) / 2.0,
          head.s2(),
          1e-7);
      assertEquals(
          (a.get(HookSite.PATTERN, 1).at(5, 7, 5) + b.get(HookSite.PATTERN, 1).at(5, 7, 3)) / 2.0,
          head.induction(),
          1e-7);
    }
    double[] direct = {direct(CLEAN), direct(OTHER)};
    assertEquals(Estimate.of(direct), head.direct());
    for (Role role : Role.values()) {
      assertTrue(roles.of(role).stream().allMatch(h -> h.role() == role));
    }
  }

  private static double direct(int[] text) {
    return DirectLogitAttribution.of(lens, text, 9, 100, 200, By.HEAD).parts().stream()
        .filter(part -> part.component().equals("L1.H5"))
        .findFirst()
        .orElseThrow()
        .value();
  }

  /** The paths are those of path patching into the queries of the name movers that were found. */
  @Test
  void queriesEqualPathPatching() {
    IoiRoles roles = IoiRoles.of(lens, pairs, 2);
    if (roles.movers().isEmpty()) {
      assertTrue(roles.heads().stream().allMatch(head -> head.queries() == 0));
      return;
    }
    List<PathPatching.Head> movers =
        roles.movers().stream()
            .map((Node.Head head) -> new PathPatching.Head(head.layer(), head.head()))
            .toList();
    PathPatching paths =
        PathPatching.toHeads(lens, pairs.stream().map(Names::pair).toList(), HookSite.Q, movers);
    for (Head head : roles.heads()) {
      assertEquals(1 - paths.scores().get(head.layer()).get(head.head()), head.queries(), 1e-9);
    }
  }

  @Test
  void rejectsOnePairAndTextsWithoutNames() {
    assertThrows(InvalidInputException.class, () -> IoiRoles.of(lens, pairs.subList(0, 1), 2));
    int[] once = {0, 30, 100, 31, 200, 32, 33, 36, 34, 35};
    List<Names> broken = List.of(pairs.getFirst(), names(once, CORRUPTED));
    var refused = assertThrows(InvalidInputException.class, () -> IoiRoles.of(lens, broken, 2));
    assertTrue(refused.getMessage().contains("twice"), refused.getMessage());
  }
}
