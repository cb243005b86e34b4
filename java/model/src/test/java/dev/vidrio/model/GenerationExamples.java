package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.evaluation.Verification;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.tokenizer.EncodedPair;
import dev.vidrio.tokenizer.TokenDecoder;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** The examples of the documentation; {@link GenerationExamplesTest} runs them. */
final class GenerationExamples {
  private GenerationExamples() {}

  static void open(Path file, PrintStream out) {
    // @start region="open"
    try (Model model = Model.open(file);
        TextStream stream = model.generate("To be, or not to be")) {
      for (String piece : stream) {
        out.print(piece);
      }
    }
    // @end
  }

  static void generate(Model model, PrintStream out) {
    // @start region="generate"
    GenerationOptions options = GenerationOptions.DEFAULT.withTokens(40).withStop("\n\n");
    try (TextStream stream = model.generate("To be, or not to be", options)) {
      stream.forEach(out::print);
    }
    // @end
  }

  static String grammar(Model model) {
    // @start region="grammar"
    Grammar date = Grammar.regex("(spring|summer|autumn|winter) of 1[56][0-9]{2}");
    GenerationOptions options = GenerationOptions.DEFAULT.withGrammar(date);
    try (TextStream stream = model.generate("It was written in the ", options)) {
      return stream.result().text();
    }
    // @end
  }

  static String constraint(Model model) {
    // @start region="constraint"
    Grammar grammar = Grammar.choice(List.of("to be", "not to be"));
    ConstraintState state = model.constraints().get(grammar).start();
    var sampler = new Sampler(SamplingOptions.GREEDY, model.architecture().vocabulary());
    var text = new StringBuilder();
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      MemorySegment logits = session.feed(sequence, model.tokenizer().encode("The question: "));
      while (!state.mustEnd()) {
        int token = sampler.sample(logits, state.mask());
        state = state.after(token);
        text.append(model.tokenizer().piece(token));
        logits = session.feed(sequence, token);
      }
    }
    return text.toString();
    // @end
  }

  static GenerationResult stream(Model model, PrintStream out) {
    // @start region="stream"
    try (TextStream stream = model.generate("Once more unto the breach")) {
      for (String piece : stream) {
        out.print(piece);
        if (piece.contains("\n")) {
          stream.cancel();
        }
      }
      return stream.result(); // the text, its tokens, and why it ended
    }
    // @end
  }

  static List<Integer> adapters(Model model, Path file, int[] prompt) {
    // @start region="adapter"
    SessionOptions options = SessionOptions.DEFAULT.withSequences(2).withLogits(2).withAdapters(1);
    try (Adapter adapter = model.openAdapter(file);
        Session session = model.newSession(options)) {
      Sequence plain = session.newSequence();
      Sequence adapted = session.newSequence();
      adapted.adapt(new Adaptation(adapter, 1)); // as strongly as it was trained
      session.begin();
      for (Sequence sequence : List.of(plain, adapted)) {
        for (int i = 0; i < prompt.length; i++) {
          session.add(sequence, prompt[i], i == prompt.length - 1);
        }
      }
      session.run(); // both in one step
      return List.of(session.candidates(0).id(0), session.candidates(1).id(0));
    }
    // @end
  }

  static void chat(Model model, PrintStream out) {
    // @start region="chat"
    try (Chat chat = model.newChat()) {
      chat.send(ChatMessage.system("Be brief."), ChatMessage.user("What is glass?"))
          .forEach(out::print);
      chat.send("And lead glass?").forEach(out::print);
    }
    // @end
  }

  static String answer(Model model) {
    // @start region="answer"
    List<ChatMessage> messages = List.of(ChatMessage.user("What is glass?"));
    try (TextStream stream = model.chat(messages, GenerationOptions.DEFAULT)) {
      return stream.result().text();
    }
    // @end
  }

  static void steps(Model model, PrintStream out) {
    // @start region="steps"
    GenerationOptions options =
        GenerationOptions.DEFAULT.withTokens(40).withSampling(SamplingOptions.GREEDY);
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      var generator = new Generator(session, options);
      generator.prompt(session.newSequence(), model.tokenizer().encode("To be"));
      TokenDecoder decoder = model.tokenizer().streamingDecoder();
      generator.forEachRemaining((int token) -> out.print(decoder.accept(token)));
    }
    // @end
  }

  static float session(Model model) {
    // @start region="session"
    SessionOptions options = SessionOptions.DEFAULT.withSequences(2).withLogits(2);
    try (Session session = model.newSession(options)) {
      Sequence first = session.newSequence();
      Sequence second = session.newSequence();
      session.begin();
      for (int token : model.tokenizer().encode("To be")) {
        session.add(first, token, false);
      }
      session.add(second, 42, true);
      session.run();
      MemorySegment logits = session.logits(0); // after token 42
      return logits.getAtIndex(JAVA_FLOAT, 0);
    }
    // @end
  }

  static Verification receipt(Model model, Path file) throws IOException {
    // @start region="receipt"
    GenerationOptions options = GenerationOptions.DEFAULT.withTokens(40).withReceipt(true);
    try (TextStream stream = model.generate("To be, or not to be", options)) {
      Receipt receipt = Objects.requireNonNull(stream.result().receipt());
      receipt.write(file);
    }
    Verification checked = Verification.of(model, Receipt.read(file)); // on any machine
    if (checked.difference() != null) {
      throw new IllegalStateException(checked.difference().message());
    }
    // @end
    return checked;
  }

  static List<Double> rerank(Model model, String query, List<String> documents) {
    // @start region="rerank"
    Reranker reranker = Reranker.of(model);
    List<EncodedPair> pairs =
        documents.stream().map(document -> reranker.encode(query, document)).toList();
    List<Double> relevance = reranker.scores(pairs, SessionOptions.DEFAULT, done -> {});
    // @end
    return relevance;
  }
}
