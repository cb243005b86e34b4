package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.template.ChatMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The conversations in which a model explains a feature and classifies texts by an explanation:
 * instructions, solved examples, and the question. The form of questions and answers is that of
 * delphi (Paulo et al. 2024, arXiv 2410.13928).
 */
final class FeaturePrompts {
  /** Maximum number of activations that are listed after an example. */
  private static final int LISTED = 10;

  private static final String EXPLAIN =
      """
      You study which texts a feature of a language model responds to. You get examples of texts. \
      The tokens to which the feature responds are between << and >>, consecutive ones <<like \
      this>>. After each example, these tokens are listed with the strength of the response, from \
      1 to 10.

      Describe in one short phrase what the marked tokens, or the texts around them, have in common.
      - Be specific, and cover all examples if you can. Ignore examples that fit no pattern.
      - Do not list alternatives, do not quote the examples, and do not mention the marks.
      - End your answer with a line that begins with [EXPLANATION]: and has the description.
      """;

  private static final String DETECT =
      """
      You study texts. You get the description of a feature, such as "names of rivers" or "angry \
      remarks", and several texts. Decide of each text whether it contains the feature.

      Answer with a list in brackets that has 1 for each text that contains it and 0 for each other \
      text, in their order. Write nothing but the list.
      """;

  private static final String FUZZ =
      """
      You study texts. You get the description of a feature, such as "names of rivers" or "angry \
      remarks", and several texts with some tokens between << and >>. Decide of each text whether \
      the marks are right: a text is right if every marked token is an instance of the feature. All \
      of the texts may be right, or none, or some.

      Answer with a list in brackets that has 1 for each text with right marks and 0 for each other \
      text, in their order. Write nothing but the list.
      """;

  private FeaturePrompts() {}

  /**
   * Returns the question what a feature is about.
   *
   * @param max the largest activation of the feature
   */
  static List<ChatMessage> explain(List<FeatureExample> examples, float max) {
    List<ChatMessage> messages = new ArrayList<>(List.of(ChatMessage.system(EXPLAIN)));
    solve(
        messages,
        """
        Example 0: the tower is tall<<er>> than the tree
        Activations: ("er", 9)
        Example 1: a deep<<er>> and wid<<er>> lake
        Activations: ("er", 7), ("er", 10)
        Example 2: she ran fast<<er>>, but
        Activations: ("er", 4)
        """,
        AnswerReader.MARK + " the suffix \"er\" of comparatives");
    solve(
        messages,
        """
        Example 0: we crossed the bridge over the<< Rhine>> at noon
        Activations: (" Rhine", 9)
        Example 1: trade along the<< Danube>> and the<< Volga>> grew
        Activations: (" Danube", 8), (" Volga", 10)
        Example 2: the valley of the<< Loire>>, where
        Activations: (" Loire", 7)
        """,
        AnswerReader.MARK + " names of rivers");
    solve(
        messages,
        """
        Example 0: he did<< not>> answer, and
        Activations: (" not", 8)
        Example 1:<< Never>> again, they said.<< No>> one moved
        Activations: (" Never", 10), (" No", 6)
        Example 2: it is<< neither>> here<< nor>> there
        Activations: (" neither", 5), (" nor", 7)
        """,
        AnswerReader.MARK + " words of negation");
    String list =
        IntStream.range(0, examples.size())
            .mapToObj(
                i -> example(i, MarkedText.of(examples.get(i))) + listed(examples.get(i), max))
            .collect(Collectors.joining());
    messages.add(ChatMessage.user(list));
    return messages;
  }

  /** Returns the line of the activations of an example. */
  private static String listed(FeatureExample example, float max) {
    return IntStream.range(0, example.tokens().size())
        .filter(i -> MarkedText.isMarked(example, i))
        .limit(LISTED)
        .mapToObj(
            i ->
                "(\"%s\", %d)"
                    .formatted(
                        example.tokens().get(i), strength(example.activations().get(i), max)))
        .collect(Collectors.joining(", ", "Activations: ", "\n"));
  }

  /** Returns an activation as an integer of 0 to 10, rounded up. */
  static int strength(float value, float max) {
    return (int) Math.clamp(Math.ceil(10.0 * value / Math.max(max, 1e-6f)), 0, 10);
  }

  /** Returns the question which texts contain a feature. */
  static List<ChatMessage> detect(String explanation, List<String> texts) {
    List<ChatMessage> messages = new ArrayList<>(List.of(ChatMessage.system(DETECT)));
    solve(
        messages,
        question(
            "names of rivers",
            List.of(
                " we crossed the bridge over the Rhine at noon",
                " the mayor of the city spoke at noon",
                " trade along the Danube and the Volga grew",
                "; a glass of water, please",
                " where the road ends, he")),
        "[1,0,1,0,0]");
    solve(
        messages,
        question(
            "the word \"not\" before an adjective",
            List.of(
                " it is raining, said the",
                " he is not rich, and yet",
                " that was not bad at all",
                " to be or not to be",
                " a knot in the rope")),
        "[0,1,1,0,0]");
    messages.add(ChatMessage.user(question(explanation, texts)));
    return messages;
  }

  /** Returns the question which marks are right. */
  static List<ChatMessage> fuzz(String explanation, List<String> texts) {
    List<ChatMessage> messages = new ArrayList<>(List.of(ChatMessage.system(FUZZ)));
    solve(
        messages,
        question(
            "names of rivers",
            List.of(
                " we crossed the bridge over the<< Rhine>> at noon",
                " we crossed the<< bridge>> over the Rhine at noon",
                " trade along the<< Danube>> and the<< Volga>> grew",
                "; a<< glass>> of water, please",
                " the valley<< of>> the Loire<<, where>>")),
        "[1,0,1,0,0]");
    solve(
        messages,
        question(
            "the word \"not\" before an adjective",
            List.of(
                " it is<< raining>>, said the",
                " he is<< not>> rich, and yet",
                " that was<< not>> bad at all",
                " to be or<< not>> to be",
                " he<< is>> not rich")),
        "[0,1,1,0,0]");
    messages.add(ChatMessage.user(question(explanation, texts)));
    return messages;
  }

  private static void solve(List<ChatMessage> messages, String question, String answer) {
    messages.add(ChatMessage.user(question));
    messages.add(ChatMessage.assistant(answer));
  }

  private static String question(String explanation, List<String> texts) {
    return "Feature: "
        + explanation
        + "\n\n"
        + IntStream.range(0, texts.size())
            .mapToObj(i -> example(i, texts.get(i)))
            .collect(Collectors.joining());
  }

  private static String example(int number, String text) {
    return "Example " + number + ": " + text + "\n";
  }
}
