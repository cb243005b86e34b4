package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.circuit.ScrubHypothesis.Claim;
import dev.vidrio.lens.circuit.ScrubHypothesis.Input;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A hypothesis as a tree, as causal scrubbing samples it: a claim that several claims read is
 * computed from texts of its own for each. The root is the logits.
 *
 * <p>Claims with inputs are computed in passes. Each pass computes every component at most once.
 * Immutable.
 */
final class ScrubTree {
  /** Maximum number of branches: their number may be exponential in that of claims. */
  static final int MOST = 1000;

  private final ScrubHypothesis hypothesis;
  private final ComponentGraph graph;

  /** The numbers of tokens of texts. */
  private final Set<Integer> lengths;

  /** The sources of each claim, in the order of a forward pass. */
  private final Map<String, List<Node.Source>> members = new HashMap<>();

  private final List<Branch> branches = new ArrayList<>();

  /** The components that each pass computes, by the names of {@link #slots}. */
  private final List<Set<String>> passes = new ArrayList<>();

  private final SequencedMap<Term, Integer> terms = new LinkedHashMap<>();

  /** The claims between the logits and the one that is unrolled. */
  private final Deque<String> path = new ArrayDeque<>();

  /** A claim, or the logits, at its place in the tree. */
  static final class Branch {
    /** Its number in a walk that visits a claim before those that it reads. */
    final int index;

    /** The name of the claim; null for the logits. */
    final @Nullable String name;

    /** The components that write its output; none for the logits. */
    final List<Node.Source> members;

    /** The positions of its output; empty for all. */
    final List<Integer> positions;

    /** True if its output is that of a text, rather than computed from those of other claims. */
    final boolean leaf;

    /** The pass that computes it; −1 for a leaf. */
    final int pass;

    /** The claims that it reads, once each. */
    final List<Branch> children = new ArrayList<>();

    /** The claims that its components read, by destination. */
    final SequencedMap<Node.Destination, List<Branch>> readers = new LinkedHashMap<>();

    Branch(
        int index,
        @Nullable String name,
        List<Node.Source> members,
        List<Integer> positions,
        boolean leaf,
        int pass) {
      this.index = index;
      this.name = name;
      this.members = members;
      this.positions = positions;
      this.leaf = leaf;
      this.pass = pass;
    }

    /** Returns the name of the claim, or {@code logits}. */
    String claim() {
      return name == null ? "logits" : name;
    }

    /** Returns whether its output at a position of a text matters. */
    boolean isAt(int position, int length) {
      return positions.isEmpty()
          || positions.contains(position)
          || positions.contains(position - length);
    }
  }

  /**
   * The sum of the outputs of a claim's first components in a run of a text.
   *
   * @param count the number of components
   */
  record Term(String claim, int count) {}

  /**
   * Unrolls a hypothesis.
   *
   * @param lengths the numbers of tokens of the texts
   * @throws InvalidInputException if a claim is unknown, unused, reads itself or what is computed
   *     later, overlaps with another that is read with it or has positions outside of a text, or
   *     the tree is too large
   */
  ScrubTree(ScrubHypothesis hypothesis, ComponentGraph graph, Set<Integer> lengths) {
    this.hypothesis = hypothesis;
    this.graph = graph;
    this.lengths = Set.copyOf(lengths);
    hypothesis.claims().forEach((name, claim) -> members.put(name, members(name, claim)));
    hypothesis.claims().forEach(this::requirePositions);
    Preconditions.require(
        !hypothesis.logits().isEmpty(), "logits", "", "must read one or more claims");
    passes.add(new HashSet<>());
    var root = new Branch(0, null, List.of(), List.of(), false, 0);
    branches.add(root);
    Map<String, Branch> children = children(root, hypothesis.logits());
    read(root, new Node.Logits(), hypothesis.logits().stream().map(children::get).toList());
    Set<String> used = branches.stream().map(b -> b.name).collect(Collectors.toSet());
    for (String name : hypothesis.claims().keySet()) {
      Preconditions.require(used.contains(name), "claim", name, "is not read by any other claim");
    }
  }

  /** Returns the components of a claim. */
  private List<Node.Source> members(String name, Claim claim) {
    Set<Node.Source> found = new HashSet<>();
    for (String text : claim.components()) {
      var pattern = Pattern.compile(Pattern.quote(text).replace("*", "\\E.*\\Q"));
      List<Node.Source> matching =
          graph.sources().stream().filter(s -> pattern.matcher(s.name()).matches()).toList();
      Preconditions.require(
          !matching.isEmpty(),
          "component of " + name,
          text,
          "not found; components are embed, L0.H0 to " + graph.sources().getLast().name());
      found.addAll(matching);
    }
    Preconditions.require(!found.isEmpty(), "components of " + name, "", "must be 1 or more");
    boolean embedding = claim.inputs() != null && found.contains(new Node.Embedding());
    Preconditions.require(!embedding, "inputs of " + name, "", "embed reads no claims");
    return graph.sources().stream().filter(found::contains).toList();
  }

  /** Unrolls the claims that a branch reads. */
  private Map<String, Branch> children(Branch parent, List<String> names) {
    Map<String, Branch> children = new LinkedHashMap<>();
    for (String name : names) {
      if (!children.containsKey(name)) {
        children.put(name, unroll(name, " in the inputs of " + parent.claim()));
      }
    }
    parent.children.addAll(children.values());
    return children;
  }

  private Branch unroll(String name, String where) {
    Claim claim = hypothesis.claim(name, where);
    Preconditions.require(
        branches.size() < MOST, "hypothesis", "", "must unroll to less than " + MOST + " claims");
    Preconditions.require(!path.contains(name), "claim", name, "depends on itself");
    boolean leaf = claim.inputs() == null;
    List<Node.Source> own = members.getOrDefault(name, List.of());
    int pass = leaf ? -1 : reserve(slots(own));
    var branch = new Branch(branches.size(), name, own, claim.positions(), leaf, pass);
    branches.add(branch);
    if (!leaf) {
      path.push(name);
      Map<String, Branch> children = children(branch, claim.all());
      Preconditions.require(
          !children.isEmpty(),
          "inputs of " + name,
          "",
          "must name a claim; without inputs, a claim is computed from a whole text");
      for (Node.Source member : own) {
        readers(member)
            .forEach(
                (to, input) ->
                    read(branch, to, claim.read(input).stream().map(children::get).toList()));
      }
      requireReaders(branch, claim);
      path.pop();
    }
    return branch;
  }

  /** Returns the inputs of a component; keys and values that heads share are one. */
  private Map<Node.Destination, Input> readers(Node.Source member) {
    Map<Node.Destination, Input> inputs = new LinkedHashMap<>();
    if (member instanceof Node.Mlp mlp) {
      inputs.put(mlp, Input.ALL);
    } else if (member instanceof Node.Head head) {
      for (Node.Destination destination : graph.destinations()) {
        if (destination instanceof Node.HeadInput input && graph.heads(input).contains(head)) {
          inputs.put(input, Input.valueOf(input.site().name()));
        }
      }
    }
    return inputs;
  }

  /** Notes which claims a destination reads, of those that are computed before it. */
  private void read(Branch branch, Node.Destination to, List<Branch> children) {
    List<Branch> before = children.stream().filter(child -> count(child, to) > 0).toList();
    branch.readers.put(to, before);
    for (int i = 0; i < before.size(); i++) {
      Branch child = before.get(i);
      terms.putIfAbsent(term(child, to), terms.size());
      for (Branch other : before.subList(0, i)) {
        boolean apart =
            disjoint(child, other) || child.members.stream().noneMatch(other.members::contains);
        Preconditions.require(
            apart, "claims", child.name + ", " + other.name, "share a component of one reader");
      }
    }
  }

  /** Returns whether two claims have no position in common, in texts of all lengths. */
  private boolean disjoint(Branch a, Branch b) {
    return lengths.stream()
        .allMatch(n -> IntStream.range(0, n).noneMatch(i -> a.isAt(i, n) && b.isAt(i, n)));
  }

  private void requirePositions(String name, Claim claim) {
    for (int length : lengths) {
      for (int position : claim.positions()) {
        Preconditions.require(
            position >= -length && position < length,
            "position of " + name,
            position,
            "a text has " + length + " tokens");
      }
    }
  }

  /** Checks that each claim that is read by an input is computed before one of the components. */
  private void requireReaders(Branch branch, Claim claim) {
    Map<Input, Set<String>> read = new EnumMap<>(Input.class);
    branch.readers.forEach(
        (to, children) -> {
          Input input =
              to instanceof Node.HeadInput head ? Input.valueOf(head.site().name()) : Input.ALL;
          for (Input one : EnumSet.of(input, Input.ALL)) {
            children.forEach(
                child -> read.computeIfAbsent(one, key -> new HashSet<>()).add(child.claim()));
          }
        });
    Map<Input, List<String>> inputs = claim.inputs() == null ? Map.of() : claim.inputs();
    inputs.forEach(
        (input, names) -> {
          for (String name : names) {
            Preconditions.require(
                read.getOrDefault(input, Set.of()).contains(name),
                "inputs of " + branch.name,
                name,
                input == Input.ALL
                    ? "is not computed before any of the components"
                    : "is not computed before the " + input.label() + " of any head");
          }
        });
  }

  /**
   * Returns what a pass can compute for one claim only: keys that heads share, or all heads that a
   * norm divides together.
   */
  private Set<String> slots(List<Node.Source> sources) {
    Set<String> slots = new HashSet<>();
    for (Node.Source source : sources) {
      if (source instanceof Node.Head head) {
        slots.add(graph.isDivided(head.layer()) ? "L" + head.layer() : graph.keys(head).name());
      } else {
        slots.add(source.name());
      }
    }
    return slots;
  }

  private int reserve(Set<String> slots) {
    for (int p = 0; p < passes.size(); p++) {
      if (passes.get(p).stream().noneMatch(slots::contains)) {
        passes.get(p).addAll(slots);
        return p;
      }
    }
    passes.add(new HashSet<>(slots));
    return passes.size() - 1;
  }

  /** Returns the logits, followed by all claims of the tree. */
  List<Branch> branches() {
    return branches;
  }

  /** Returns the number of passes. */
  int passes() {
    return passes.size();
  }

  /** Returns the sums of outputs that texts are recorded for, in their order. */
  List<Term> terms() {
    return List.copyOf(terms.sequencedKeySet());
  }

  /** Returns the components of a claim. */
  List<Node.Source> members(String claim) {
    return members.getOrDefault(claim, List.of());
  }

  /** Returns the number of a branch's components that are computed before a destination. */
  int count(Branch branch, Node.Destination to) {
    int before = graph.inputCount(to);
    return (int) branch.members.stream().filter(m -> graph.number(m) < before).count();
  }

  /** Returns the number of the sum of outputs that a destination reads of a branch. */
  int termOf(Branch branch, Node.Destination to) {
    return terms.getOrDefault(term(branch, to), -1);
  }

  private Term term(Branch branch, Node.Destination to) {
    return new Term(branch.claim(), count(branch, to));
  }
}
