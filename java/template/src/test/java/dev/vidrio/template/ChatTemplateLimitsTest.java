package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.template.interpreter.Renderer;
import dev.vidrio.template.syntax.Parser;
import dev.vidrio.template.syntax.Stmt;
import dev.vidrio.template.syntax.TemplateErrors;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hostile templates fail with an error that names the exceeded limit. The timeout only bounds a
 * failing test.
 */
@Timeout(120)
class ChatTemplateLimitsTest {

  private static final String STEPS = "takes more than 1000000 steps";
  private static final String TEXT = "creates a text of more than 1048576 characters";
  private static final String DEPTH = "nests deeper than 256 levels";
  private static final String SYNTAX_DEPTH = "nests deeper than 100 levels";

  /** Renders on the smallest default stack of any platform. */
  private static String outcome(String source) throws InterruptedException {
    AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    StringBuilder prompt = new StringBuilder();
    Thread thread =
        new Thread(
            null,
            () ->
                prompt.append(
                    ChatTemplate.parse("t", source)
                        .render(List.of(), ChatOptions.builder().build())),
            "template",
            512 << 10);
    thread.setUncaughtExceptionHandler((t, e) -> thrown.set(e));
    thread.start();
    thread.join();
    Throwable e = thrown.get();
    if (e == null) {
      return prompt.toString();
    }
    assertTrue(e instanceof ModelException, e.toString());
    String message = String.valueOf(e.getMessage());
    return message.substring(message.indexOf(": ", 3) + 2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}"
            + "{% endfor %}",
        "{{ [1] * 10 ** 9 }}",
        "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(100) %}"
            + "{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}"
            + "{% endfor %}{{ ns.l == ns.m }}",
        "{% set s = 'x' * 1000000 %}{% for i in range(99999) %}{% set t = s | upper %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% set s = 'x' * 100000 %}{% for i in range(99999) %}"
            + "{% set ns.l = ns.l + [s ~ i] %}{% endfor %}",
        "{% set a = 'a ' * 500000 %}{% for i in range(99) %}{% set x = a.split() %}{% endfor %}",
        "{% set a = 'a' * 1000000 %}{% set b = a | list %}",
        "{% for i in range(99) %}{% set x = range(99999) | sort %}{% endfor %}",
        "{{ [1] | batch(10 ** 9, 0) | list }}",
        "{{ [1] | slice(10 ** 9) | list }}",
        "{% set f = 2 ** 1000 %}{% for i in range(99999) %}{% set x = f ~ '' %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = 1e-320 ~ '' %}{% endfor %}",
      })
  @Tag("long")
  void limitsWork(String source) throws InterruptedException {
    assertEquals(STEPS, outcome(source));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ 'x' * 10 ** 9 }}",
        "{{ 'x' * 10 ** 99 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
            + "{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
            + "{% endfor %}",
        "{% set a = 'a' * 100000 %}{% for i in range(99) %}{{ a }}{% endfor %}",
        "{% set a = 'a' * 10000 %}{{ a | replace('a', a) }}",
        "{% set a = 'a' * 1000000 %}{{ a.replace('', 'bb') }}",
        "{% set a = 'a' * 10000 %}{{ a | join(a) }}",
        "{{ '{:>9999999}'.format('a') }}",
        "{{ '%9999999d' % 1 }}",
        "{{ 'a' | center(10 ** 12) }}",
        "{{ 'a'.ljust(10 ** 12) }}",
        "{{ 'a'.zfill(10 ** 12) }}",
        "{{ ('a\\n' * 40000) | indent(100) }}",
        "{{ 'a' | indent(10 ** 12) }}",
        "{{ ([[1]] * 1000) | tojson(indent=10000) }}",
        "{{ [1] | tojson(indent=10 ** 12) }}",
        "{{ strftime_now('%c' * 100000) }}",
        "{{ ['x' * 100000] * 99 }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}"
            + "{% endfor %}{{ ns.l | tojson }}",
      })
  void limitsText(String source) throws InterruptedException {
    assertEquals(TEXT, outcome(source));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(x) %}{% set y = m(x ~ 'a') %}{% endmacro %}{{ m('') }}",
        "{% macro m(x) %}{{ [x] | map('trim') | join ~ m(x) }}{% endmacro %}{{ m('') }}",
        "{% macro m() %}{{ caller is defined }}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% for i in [[1]] recursive %}{{ loop([i]) }}{% endfor %}",
      })
  void limitsRecursion(String source) throws InterruptedException {
    assertEquals(DEPTH, outcome(source));
  }

  @Test
  @Tag("long")
  void limitsLongChains() throws InterruptedException {
    assertEquals(DEPTH, outcome("{{ " + "1 + ".repeat(50_000) + "1 }}"));
    assertEquals(DEPTH, outcome("{{ x" + ".a".repeat(50_000) + " }}"));
    assertEquals(DEPTH, outcome("{{ x" + "|trim".repeat(50_000) + " }}"));
    assertEquals(DEPTH, outcome("{{ 1" + " if 1".repeat(50_000) + " }}"));
    assertEquals("False", outcome("{{ 1" + " < 2".repeat(50_000) + " }}"));
    assertEquals("", outcome("{% if 0 %}" + "{% elif 0 %}".repeat(20_000) + "{% endif %}"));
  }

  @Test
  void limitsNestingOfSource() throws InterruptedException {
    int n = 10_000;
    assertEquals(SYNTAX_DEPTH, outcome("{{ " + "(".repeat(n) + "1" + ")".repeat(n) + " }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{{ " + "[".repeat(n) + "]".repeat(n) + " }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{{ " + "{1:".repeat(n) + "1" + "}".repeat(n) + " }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{{ " + "not ".repeat(n) + "1 }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{{ " + "-".repeat(n) + "1 }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{{ 1" + " if 0 else 1".repeat(n) + " }}"));
    assertEquals(SYNTAX_DEPTH, outcome("{% if 1 %}".repeat(n) + "{% endif %}".repeat(n)));
    assertEquals(
        SYNTAX_DEPTH, outcome("{% set " + "(".repeat(n) + "a" + ")".repeat(n) + " = 1 %}"));
  }

  @Test
  void limitsNestingOfValues() throws InterruptedException {
    assertEquals(
        "lists and dicts nest deeper than 128 levels",
        outcome(
            "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}"
                + "{% endfor %}"));
    assertEquals(
        "more than 128 chained generators",
        outcome(
            "{% set ns = namespace(m=['a']) %}{% for i in range(5000) %}"
                + "{% set ns.m = ns.m | map('trim') %}{% endfor %}{{ ns.m | list }}"));
    assertEquals(
        "<Namespace>[<Namespace>]True",
        outcome("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}{{ ns.a }}{{ ns == ns }}"));
  }

  @Test
  void limitsNumbers() throws InterruptedException {
    String bits = "the integer result has more than 1024 bits";
    assertEquals(bits, outcome("{{ 10 ** 1000 }}"));
    assertEquals(bits, outcome("{{ 2 ** (10 ** 20) }}"));
    assertEquals(
        bits,
        outcome(
            "{% set ns = namespace(i=3) %}{% for i in range(99) %}{% set ns.i = ns.i * ns.i %}"
                + "{% endfor %}"));
    assertEquals(
        "range() has more than 100000 integers",
        outcome("{% for i in range(10 ** 12) %}{% endfor %}"));
    assertEquals("format precision must be at most 1000", outcome("{{ '{:.9999f}'.format(1.5) }}"));
  }

  @Test
  void limitsTime() {
    String source = "{% for i in range(9000) %}{% set x = i %}{% endfor %}";
    var errors = new TemplateErrors("t");
    List<Stmt> body = Parser.parse(source, errors).body();
    var clock = new AtomicLong();
    // Each reading of this clock advances it by a second.
    var meter = new Meter(0, () -> clock.addAndGet(1_000_000_000));
    var now = ZonedDateTime.now(Clock.systemUTC());
    var fault = assertThrows(Fault.class, () -> Renderer.render(body, Map.of(), now, meter));
    assertEquals("takes more than 20 seconds", fault.getMessage());
  }

  @Test
  void searchesInLinearTime() throws InterruptedException {
    assertEquals(
        "False-10-1",
        outcome(
            "{% set a = 'a' * 1000000 %}{% set b = 'a' * 500000 ~ 'b' %}"
                + "{{ b in a }}{{ a.find(b) }}{{ a.count(b) }}{{ a.rfind(b) }}"));
  }

  @Test
  void survivesCollidingKeysAndNaN() throws InterruptedException {
    assertEquals(
        STEPS,
        outcome(
            "{% set ns = namespace(d={}) %}{% for i in range(2000) %}{% set ns.d = dict(ns.d,"
                + " **{('Aa' if i % 2 else 'BB') * 8 ~ i: i}) %}{% endfor %}"));
    assertEquals(
        "64", outcome("{% set n = 'nan' | float %}{{ ([n, 1, 2, n] * 16) | sort | length }}"));
  }

  @Test
  void hidesHostObjects() throws InterruptedException {
    String missing = "a value of type 'str' has no attribute or element '__class__'";
    assertEquals(missing, outcome("{{ ''.__class__.__mro__ }}"));
    assertEquals(missing, outcome("{{ ''['__class__']['__mro__'] }}"));
    assertEquals(missing, outcome("{{ (''|attr('__class__')).x }}"));
    assertEquals(
        "a value of type 'list' has no attribute or element 'getClass'",
        outcome("{{ messages.getClass() }}"));
    assertEquals("||", outcome("{{ range.__globals__ }}|{{ loop }}|{{ self }}"));
  }

  @Test
  void limitsTemplateSize() throws InterruptedException {
    assertEquals(262_144, outcome("x".repeat(262_144)).length());
    assertEquals(
        "t: chat template of 262145 characters: must have at most 262144",
        assertThrows(ModelException.class, () -> ChatTemplate.parse("t", "x".repeat(262_145)))
            .getMessage());
    assertEquals("'raw' without 'endraw'", outcome("{%raw%}" + "{%".repeat(100_000)));
    assertEquals(SYNTAX_DEPTH, outcome("{".repeat(262_144)));
    assertEquals("", outcome("{#" + " ".repeat(262_000) + "#}"));
    assertEquals(
        "an integer must have 1 to 308 digits", outcome("{{ " + "1".repeat(262_000) + " }}"));
    assertEquals("100000", outcome("{{ [" + "1,".repeat(100_000) + "] | length }}"));
  }

  @Test
  void growsLimitsWithMessages() {
    String text = "word ".repeat(400_000);
    ChatTemplate template =
        ChatTemplate.parse("t", "{% for m in messages %}{{ m.content | trim }}{% endfor %}");
    List<ChatMessage> messages = List.of(ChatMessage.user(text));
    assertEquals(text.strip(), template.render(messages, ChatOptions.builder().build()));
  }

  @Test
  void rejectsDeeplyNestedMessages() {
    Map<String, Object> deep = new LinkedHashMap<>(Map.of("role", "user"));
    Object node = "x";
    for (int i = 0; i < 200; i++) {
      List<Object> list = new ArrayList<>();
      list.add(node);
      node = list;
    }
    deep.put("content", node);
    var e = assertThrows(InvalidInputException.class, () -> ChatMessage.of(deep));
    assertEquals("message: nests deeper than 126 levels", e.getMessage());
  }
}
