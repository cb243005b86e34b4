package dev.vidrio.cli;

import dev.vidrio.model.Generator;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.tokenizer.TokenDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A conversation at the terminal. Each turn renders the whole conversation anew, and runs only the
 * tokens that differ from those in the cache.
 */
final class ChatLoop {
  private final Model model;
  private final Session session;
  private final ChatFormat format;
  private final Generator.Limit limit;
  private final Sampler sampler;
  private final Sequence sequence;
  private final List<ChatMessage> messages = new ArrayList<>();
  private int[] cached = {};

  ChatLoop(
      Model model,
      Session session,
      ChatFormat format,
      SamplingOptions options,
      Generator.Limit limit) {
    this.model = model;
    this.session = session;
    this.format = format;
    this.limit = limit;
    this.sampler = new Sampler(options, model.architecture().vocabulary());
    this.sequence = session.newSequence();
  }

  /** Talks until the input ends or says {@code /exit}. */
  void run() {
    System.err.println("Chat with " + model.name() + "; Ctrl-D or /exit ends it.");
    for (String line = ask(); line != null && !line.equals("/exit"); line = ask()) {
      if (!line.isBlank()) {
        messages.add(ChatMessage.user(line));
        messages.add(ChatMessage.assistant(answer(format.encode(messages))));
      }
    }
  }

  private static @Nullable String ask() {
    System.out.print("> ");
    System.out.flush();
    return InputOutput.readLine();
  }

  /** Prints the answer to a prompt as it is generated. */
  private String answer(int[] prompt) {
    int mismatch = Arrays.mismatch(cached, prompt);
    // At least one token has to run, for its logits.
    int kept = Math.min(mismatch < 0 ? prompt.length : mismatch, prompt.length - 1);
    sequence.truncate(kept);
    var generator = new Generator(model, session, sampler, limit);
    generator.prompt(sequence, Arrays.copyOfRange(prompt, kept, prompt.length));
    TokenDecoder decoder = model.tokenizer().streamingDecoder(true);
    var text = new StringBuilder();
    List<Integer> all = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
    while (generator.hasNext() && !System.out.checkError()) {
      int token = generator.nextInt();
      all.add(token);
      String piece = decoder.accept(token);
      System.out.print(piece);
      text.append(piece);
    }
    System.out.println(decoder.finish());
    cached = all.stream().mapToInt(Integer::intValue).limit(sequence.length()).toArray();
    return text.toString();
  }
}
