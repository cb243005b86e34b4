package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A hypothesis about how a model computes an answer, which causal scrubbing tests (Chan et al.
 * 2022): claims about components, and the claims that the logits read. Everything that is not
 * claimed is taken not to matter.
 *
 * @param logits the names of the claims that the logits read
 * @param claims by name
 * @see CausalScrubbing
 * @see ScrubHypothesisFile
 * @see "docs/lens/circuits.md"
 */
public record ScrubHypothesis(List<String> logits, SequencedMap<String, Claim> claims) {
  /** The input of a component that claims are about. */
  public enum Input {
    /** All inputs of the component. */
    ALL,
    /** The queries of a head. */
    Q,
    /** The keys of a head. */
    K,
    /** The values of a head. */
    V,
    /** The output gate of a head. */
    GATE;

    /** Returns the name in files. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A claim: the outputs of some components depend only on some properties of the text, by way of
   * the claims that they read.
   *
   * @param components names of components that write to the residual stream, such as {@code embed},
   *     {@code L3.H7} or {@code L3.mlp}; {@code *} stands for any characters
   * @param positions the positions at which the outputs matter; negative ones count from the end of
   *     the text; empty for all
   * @param dependsOn the properties of the text, as {@link ScrubText} describes; none if the
   *     outputs are claimed to be equally good from any text
   * @param inputs the claims that the components read, by input; null if they compute their outputs
   *     from a whole text that agrees with the properties
   */
  public record Claim(
      List<String> components,
      List<Integer> positions,
      List<String> dependsOn,
      @Nullable Map<Input, List<String>> inputs) {
    public Claim {
      components = List.copyOf(components);
      positions = List.copyOf(positions);
      dependsOn = List.copyOf(dependsOn);
      if (inputs != null) {
        Map<Input, List<String>> copy = new EnumMap<>(Input.class);
        inputs.forEach((input, names) -> copy.put(input, List.copyOf(names)));
        inputs = Collections.unmodifiableMap(copy);
      }
    }

    /** Returns the claims that an input reads. */
    List<String> read(Input input) {
      return names(own -> own == Input.ALL || own == input);
    }

    /** Returns the claims that any input reads. */
    List<String> all() {
      return names(own -> true);
    }

    private List<String> names(Predicate<Input> chosen) {
      Map<Input, List<String>> all = inputs;
      return all == null
          ? List.of()
          : all.entrySet().stream()
              .filter(entry -> chosen.test(entry.getKey()))
              .flatMap(entry -> entry.getValue().stream())
              .distinct()
              .toList();
    }
  }

  public ScrubHypothesis {
    logits = List.copyOf(logits);
    claims = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(claims));
  }

  /**
   * Returns a hypothesis in which the output of a claim is that of a run of its reader's text, so
   * that only the other claims lose. Claims that were read by this one alone are left out.
   *
   * @throws InvalidInputException if there is no such claim
   */
  public ScrubHypothesis withWholeText(String name) {
    Claim old = claim(name, "");
    SequencedMap<String, Claim> changed = new LinkedHashMap<>(claims);
    changed.put(name, new Claim(old.components, old.positions, List.of("text"), null));
    Set<String> read = new LinkedHashSet<>();
    Deque<String> open = new ArrayDeque<>(logits);
    while (!open.isEmpty()) {
      String next = open.pop();
      Claim claim = changed.get(next);
      if (claim != null && read.add(next)) {
        open.addAll(claim.all());
      }
    }
    changed.keySet().retainAll(read);
    return new ScrubHypothesis(logits, changed);
  }

  /**
   * Returns the claim with a name.
   *
   * @param where its reader, for errors, such as {@code " in the inputs of late"}
   */
  Claim claim(String name, String where) {
    Claim claim = claims.get(name);
    if (claim == null) {
      String all = String.join(", ", claims.keySet());
      throw new InvalidInputException("claim" + where, name, "not found; there are " + all);
    }
    return claim;
  }
}
