package dev.vidrio.grammar.program;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Compiles rules to a {@link Program}, each from its end. */
public final class ProgramBuilder {

  private static final int MAX_INSTRUCTIONS = 200_000;

  /**
   * The maximum number of expressions visited: more than instructions, since {@code (){1000}} emits
   * none.
   */
  private static final int MAX_WORK = 2_000_000;

  /** The number of byte ranges above which a character set becomes a rule of its own. */
  private static final int MAX_INLINE = 32;

  /** The number of repetitions above which the repeated part becomes a rule of its own. */
  private static final int MAX_COPIES = 2 * Program.REACH;

  final Rules rules;
  final List<Program.Instruction> instructions = new ArrayList<>();
  final List<Integer> starts = new ArrayList<>();
  final List<String> names = new ArrayList<>();
  private final Map<CodePoints, List<List<ByteSet>>> encodings = new HashMap<>();
  private final Map<CodePoints, Integer> classes = new HashMap<>();
  final Map<Integer, Integer> representatives = new HashMap<>();
  private final Map<Expr, Expr> labelRules = new HashMap<>();
  private final Prefixes prefixes = new Prefixes();
  private int work;

  private ProgramBuilder(Rules rules) {
    this.rules = rules;
  }

  /**
   * Compiles rules.
   *
   * @throws InvalidInputException if the program would be too large, matches no text, or is
   *     left-recursive
   */
  public static Program build(Rules rules) {
    ProgramBuilder builder = new ProgramBuilder(rules);
    builder.addRules();
    return new ProgramAnalysis(builder).program();
  }

  private void addRules() {
    int end = add(new Program.End());
    int accept = add(new Program.Accept());
    assert end == Program.END && accept == Program.ACCEPT;
    for (int rule = 0; rule < rules.size(); rule++) {
      int _ = addRule(rules.name(rule), end); // rules added later get higher numbers
    }
    for (int rule = 0; rule < rules.size(); rule++) {
      starts.set(rule, add(rules.get(rule), Program.END));
    }
  }

  private int add(Program.Instruction instruction) {
    if (instructions.size() == MAX_INSTRUCTIONS) {
      throw new InvalidInputException(
          rules.field(), "", "is too large: more than " + MAX_INSTRUCTIONS + " instructions");
    }
    instructions.add(instruction);
    return instructions.size() - 1;
  }

  /** Adds an expression that continues at an address, and returns its start address. */
  private int add(Expr expr, int then) {
    if (++work > MAX_WORK) {
      throw new InvalidInputException(
          rules.field(), "", "is too large: more than " + MAX_WORK + " parts");
    }
    return switch (expr) {
      case Expr.Chars(CodePoints set) -> addChars(set, then);
      case Expr.Call(int rule) -> add(new Program.Call(rule, then));
      case Expr.Sequence(List<Expr> parts) -> {
        int first = then;
        for (Expr part : parts.reversed()) {
          first = add(part, first);
        }
        yield first;
      }
      case Expr.Choice choice -> {
        List<Expr> ways = prefixes.shared(choice);
        int first = add(ways.getLast(), then);
        for (Expr part : ways.subList(0, ways.size() - 1).reversed()) {
          first = add(new Program.Fork(add(part, then), first));
        }
        yield first;
      }
      case Expr.Repeat repeat -> addRepeat(repeat, then);
      case Expr.Machine(Dfa dfa, List<List<Expr>> labels) -> addMachine(dfa, labels, then);
    };
  }

  private int addMachine(Dfa dfa, List<List<Expr>> labels, int then) {
    int[] first = new int[dfa.size()];
    for (int state = 0; state < first.length; state++) {
      first[state] = add(new Program.End()); // a placeholder until all states have an address
    }
    int nothing = add(new Program.Bytes(ByteSet.NONE, then));
    boolean many = first.length > MAX_COPIES;
    for (int state = 0; state < first.length; state++) {
      int rest = dfa.isAccepting(state) ? then : nothing;
      List<Dfa.Edge> edges = dfa.edges(state);
      for (int i = 0; i < edges.size(); i++) {
        Expr label = labels.get(state).get(i);
        Expr part = many ? labelRules.computeIfAbsent(label, this::called) : label;
        rest = add(new Program.Fork(add(part, first[edges.get(i).to()]), rest));
      }
      instructions.set(first[state], new Program.Fork(rest, nothing));
    }
    if (many) {
      markEquivalent(dfa, first);
    }
    return first[0];
  }

  /** Records states that the next bytes of a token cannot distinguish. */
  private void markEquivalent(Dfa dfa, int[] addresses) {
    int[] blocks = dfa.equivalenceClasses(Program.REACH);
    Map<Integer, Integer> samples = new HashMap<>();
    for (int state = 0; state < addresses.length; state++) {
      Integer sample = samples.putIfAbsent(blocks[state], addresses[state]);
      if (sample != null) {
        representatives.put(addresses[state], sample);
      }
    }
  }

  /** Adds the required copies of the part, then the optional ones. */
  private int addRepeat(Expr.Repeat repeat, int then) {
    int min = repeat.min();
    int max = repeat.max();
    Expr part = Math.max(min, max) > MAX_COPIES ? called(repeat.part()) : repeat.part();
    int[] optional = new int[Math.max(max - min, 0)];
    int first = max < 0 ? addLoop(part, then) : then;
    for (int i = 0; i < optional.length; i++) {
      first = add(new Program.Fork(add(part, first), then));
      optional[i] = first;
    }
    int[] required = new int[min];
    for (int i = 0; i < min; i++) {
      first = add(part, first);
      required[i] = first;
    }
    markEquivalent(optional);
    markEquivalent(required);
    return first;
  }

  /** Returns a call of a part as a rule of its own, which all copies share. */
  private Expr called(Expr part) {
    if (part instanceof Expr.Call) {
      return part;
    }
    int start = add(part, Program.END);
    return new Expr.Call(addRule("of a repeated part", start));
  }

  private int addRule(String name, int start) {
    names.add(name);
    starts.add(start);
    return starts.size() - 1;
  }

  /** Records copies that are equivalent because more are left than a token can consume. */
  private void markEquivalent(int[] copies) {
    for (int i = Program.REACH + 1; i < copies.length; i++) {
      representatives.put(copies[i], copies[Program.REACH]);
    }
  }

  private int addLoop(Expr part, int then) {
    int fork = add(new Program.End()); // a placeholder until the loop's body is known
    instructions.set(fork, new Program.Fork(add(part, fork), then));
    return fork;
  }

  private int addChars(CodePoints set, int then) {
    List<List<ByteSet>> encoding = encodings.computeIfAbsent(set, Utf8Ranges::of);
    if (encoding.stream().mapToInt(List::size).sum() <= MAX_INLINE) {
      return addBytes(encoding, then);
    }
    Integer known = classes.get(set);
    if (known == null) {
      known = addRule("of a set of characters", addBytes(encoding, Program.END));
      classes.put(set, known);
    }
    return add(new Program.Call(known, then));
  }

  /** Adds an alternation of byte sequences; equal suffixes are shared. */
  private int addBytes(List<List<ByteSet>> sequences, int then) {
    Map<Program.Bytes, Integer> shared = new HashMap<>();
    Map<Integer, ByteSet> leads = new LinkedHashMap<>();
    for (List<ByteSet> sequence : sequences) {
      int tail = then;
      for (ByteSet set : sequence.subList(1, sequence.size()).reversed()) {
        tail = shared.computeIfAbsent(new Program.Bytes(set, tail), this::add);
      }
      leads.merge(tail, sequence.getFirst(), ByteSet::union);
    }
    int first = -1;
    for (Map.Entry<Integer, ByteSet> lead : leads.entrySet()) {
      int address = add(new Program.Bytes(lead.getValue(), lead.getKey()));
      first = first < 0 ? address : add(new Program.Fork(address, first));
    }
    return first < 0 ? add(new Program.Bytes(ByteSet.NONE, then)) : first;
  }
}
