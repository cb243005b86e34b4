package dev.vidrio.model.chat;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SequenceCheckpoint;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.state.ConversationFile;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A conversation with a chat model:
 *
 * {@snippet file="GenerationExamples.java" region="chat"}
 *
 * <p>Each turn renders the whole conversation with the model's template, but runs only the tokens
 * after the common prefix with the previous turn. Models with recurrent states resume from the end
 * of that turn or from a {@linkplain SequenceCheckpoint checkpoint} near the end of its prompt; if
 * the common prefix is shorter, all tokens run again.
 *
 * <p>With {@linkplain ChatOptions#tools tools}, the calls of the model are in {@linkplain
 * ChatMessage#toolCalls its message}; the caller runs them and sends the results with {@link
 * #send(ChatMessage...)}. Not thread-safe, except {@link TextStream#cancel}.
 */
public final class Chat implements AutoCloseable {
  private final ChatFormat format;
  private final ChatOptions template;
  private GenerationOptions generation;
  private final Session session;
  private final Sequence sequence;
  private final List<ChatMessage> messages = new ArrayList<>();
  private @Nullable SequenceCheckpoint checkpoint;
  private int[] cached = {};
  private int[] lastPrompt = {};
  private @Nullable TextStream answer;

  /**
   * Opens a conversation. Applications call {@code Model.newChat}.
   *
   * @param session has slots for two recurrent states; closed with the conversation
   */
  public Chat(
      Session session, ChatFormat format, ChatOptions template, GenerationOptions generation) {
    this.session = session;
    this.format = format;
    this.template = template;
    this.generation = generation;
    this.sequence = session.newSequence();
  }

  /** Adds a user message and answers it. */
  public TextStream send(String text) {
    return send(ChatMessage.user(text));
  }

  /**
   * Adds messages and answers them. The previous answer is generated to its end first; {@linkplain
   * TextStream#cancel cancel} it to avoid that. If an answer fails, the messages that it answers
   * are removed again, and the conversation can continue from there.
   *
   * @param more messages of any roles, such as the results of tools
   * @throws InvalidInputException if the template rejects the messages, or the conversation is
   *     longer than the context; the conversation is then unchanged
   */
  public TextStream send(ChatMessage... more) {
    if (answer != null) {
      var _ = answer.result();
    }
    List<ChatMessage> conversation = new ArrayList<>(messages);
    Collections.addAll(conversation, more);
    int[] prompt = format.encode(conversation, template);
    if (prompt.length > session.limits().positions()) {
      throw new InvalidInputException(
          "conversation",
          prompt.length + " tokens",
          "the context has " + session.limits().positions() + " positions");
    }
    Grammar grammar = format.afterReasoning(prompt, generation.grammar());
    var generator = new Generator(session, generation.withGrammar(grammar));
    int kept = rollBack(prompt);
    List<ChatMessage> before = List.copyOf(messages);
    Collections.addAll(messages, more);
    lastPrompt = prompt;
    // Templates that omit the reasoning of earlier turns do so up to the last user message.
    boolean newTurn = messages.isEmpty() || !messages.getLast().role().equals("tool");
    answer =
        new TextStream(
            generator,
            prompt.length,
            () ->
                generator.prompt(sequence, prompt, newTurn ? runToCheckpoint(prompt, kept) : kept),
            result -> finish(prompt, result),
            () -> fail(prompt, before));
    return answer;
  }

  /**
   * Truncates the sequence to a common prefix with a prompt, or resumes from the checkpoint.
   *
   * @return the number of tokens of the prompt that have run
   */
  private int rollBack(int[] prompt) {
    int mismatch = Arrays.mismatch(cached, prompt);
    // At least one token must run, for its logits.
    int common = Math.min(mismatch < 0 ? prompt.length : mismatch, prompt.length - 1);
    SequenceCheckpoint earlier = checkpoint;
    int saved = earlier == null ? 0 : earlier.reach(prompt, prompt.length);
    if (earlier == null || common >= Math.max(sequence.firstReachable(), saved)) {
      return sequence.truncate(common);
    }
    int kept = sequence.restore(earlier, saved);
    if (kept == 0) {
      earlier.close();
      checkpoint = null;
    }
    return kept;
  }

  /**
   * Takes a checkpoint of a prompt if it would save enough tokens.
   *
   * @param ran number of tokens that have run
   * @return the number of tokens that have run afterwards
   */
  private int runToCheckpoint(int[] prompt, int ran) {
    int position = SequenceCheckpoint.positionFor(prompt.length);
    SequenceCheckpoint earlier = checkpoint;
    int before = earlier == null ? 0 : earlier.length();
    if (session.cache().slots() == 0
        || position < ran
        || position - before < SequenceCheckpoint.MIN_TOKENS) {
      return ran;
    }
    if (position > ran) {
      session.feed(sequence, Arrays.copyOfRange(prompt, ran, position));
    }
    checkpoint = sequence.checkpoint(prompt);
    if (earlier != null) {
      earlier.close();
    }
    return position;
  }

  /**
   * Returns a reader that splits the last requested answer into content, reasoning and tool calls
   * while it is generated. Pass it the {@linkplain TextStream#tokens tokens} or the pieces of the
   * stream.
   */
  public ChatAnswer newAnswer() {
    return format.newAnswer(lastPrompt, template.tools());
  }

  private void finish(int[] prompt, GenerationResult result) {
    IntStream generated = result.tokens().stream().mapToInt(Integer::intValue);
    int[] all = IntStream.concat(IntStream.of(prompt), generated).toArray();
    cached = Arrays.copyOf(all, Math.min(all.length, sequence.length()));
    messages.add(format.newAnswer(prompt, template.tools()).read(result));
  }

  /** Restores the conversation after a failed answer. Tokens of its prompt stay in the cache. */
  private void fail(int[] prompt, List<ChatMessage> conversation) {
    cached = Arrays.copyOf(prompt, Math.min(prompt.length, sequence.length()));
    messages.clear();
    messages.addAll(conversation);
    answer = null;
  }

  /**
   * Writes the conversation with its computed state to a file, from which {@code Model.openChat}
   * continues it without running its tokens again, in another process and on any processor. The
   * file replaces an existing one; only its owner can read it. The last answer is generated to its
   * end first. The file has neither the options nor the tools.
   *
   * @throws UncheckedIOException if the file cannot be written; an existing one is unchanged
   */
  public void save(Path file) {
    if (answer != null) {
      var _ = answer.result();
    }
    if (cached.length != sequence.length()) {
      // An answer failed while its step ran.
      cached = Arrays.copyOf(cached, sequence.truncate(Math.min(cached.length, sequence.length())));
    }
    ConversationFile.write(file, messages, session, sequence, cached);
  }

  /**
   * Opens a saved conversation. Applications call {@code Model.openChat}.
   *
   * @param session as in the constructor; closed if the file cannot be read
   * @throws ModelFileException if the file is missing or damaged, or belongs to another model
   */
  public static Chat open(
      Path file,
      Session session,
      ChatFormat format,
      ChatOptions template,
      GenerationOptions generation) {
    try {
      var chat = new Chat(session, format, template, generation);
      ConversationFile saved = ConversationFile.read(file, session, chat.sequence);
      chat.messages.addAll(saved.messages());
      chat.cached = saved.tokens();
      return chat;
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /** Returns an unmodifiable view of the conversation, including the answers of the model. */
  public List<ChatMessage> messages() {
    return Collections.unmodifiableList(messages);
  }

  /**
   * Replaces the conversation, for example by one with another system prompt. The common prefix
   * stays in the cache. An unfinished answer is {@linkplain TextStream#close closed}.
   */
  public void setMessages(List<ChatMessage> conversation) {
    List<ChatMessage> copy = List.copyOf(conversation);
    endAnswer();
    messages.clear();
    messages.addAll(copy);
  }

  /** Returns the options of the next answers. */
  public GenerationOptions options() {
    return generation;
  }

  /** Sets the options of the next answers. */
  public void setOptions(GenerationOptions options) {
    generation = options;
  }

  /**
   * Removes all but the first messages. An unfinished answer is {@linkplain TextStream#close
   * closed} and removed too.
   *
   * @param count number of messages to keep
   * @throws InvalidInputException if there are fewer messages
   */
  public void truncate(int count) {
    requireRange("messages", count, 0, messages.size());
    endAnswer();
    messages.subList(count, messages.size()).clear();
  }

  private void endAnswer() {
    if (answer != null) {
      answer.close();
    }
  }

  /** Frees the memory. Waits for a running step. */
  @Override
  public void close() {
    endAnswer();
    session.close();
  }
}
