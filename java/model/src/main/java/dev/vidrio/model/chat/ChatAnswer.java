package dev.vidrio.model.chat;

import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.HarmonyParser;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.ToolCall;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.template.call.ToolCallReader;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a chat model's answer while it is generated: the content to show, the reasoning before it,
 * and the tool calls. Text that may begin a call is held back. The pieces of content concatenate to
 * the content of the message.
 *
 * <p>{@link ChatFormat#newAnswer} creates one. Pass it each {@link GeneratedToken} of a stream,
 * then call {@link #finish} and {@link #message}; or pass a whole {@link GenerationResult} to
 * {@link #read}. For one answer; not thread-safe.
 */
public final class ChatAnswer {

  /**
   * The tools of an answer.
   *
   * @param format the format of the model's calls
   * @param types the tools and the types of their parameters
   * @param isStrict if true, calls in other formats are text
   */
  record Tools(ToolCallFormat format, ParameterTypes types, boolean isStrict) {
    ToolCallReader newReader() {
      boolean isHarmony = format.equals(ToolCallFormat.HARMONY);
      return new ToolCallReader(isHarmony ? ToolCallFormat.OBJECT : format, types, isStrict);
    }
  }

  private final Tokenizer tokenizer;
  private final @Nullable Tools tools;

  /** The marks of calls, which end reasoning that was not closed. */
  private final List<String> marks;

  private final @Nullable ToolCallReader calls;
  private final ReasoningReader reasoning;

  /** The text with special tokens that is held back with the text without them. */
  private final StringBuilder pending = new StringBuilder();

  private final BitSet pendingHidden = new BitSet();

  /** The marked text after the reasoning, and which of its characters are special tokens. */
  private final StringBuilder marked = new StringBuilder();

  private final BitSet hidden = new BitSet();
  private int hiddenCount;

  /** The marks that are not part of the response, and the characters of the marked text in them. */
  private final List<String> marksToDrop;

  private final BitSet dropped = new BitSet();
  private int searched;
  private final BitSet allHidden = new BitSet();
  private int all;

  private final StringBuilder opening = new StringBuilder();
  private final StringBuilder content = new StringBuilder();
  private @Nullable HarmonyParser harmony;
  private boolean mayBeHarmony = true;
  private final ContentTokens tokens = new ContentTokens();
  private final List<ReadCall> found = new ArrayList<>();
  private int shown;
  private int shownReasoning;

  /** The index of the first mark of calls in the reasoning, or -1 if none was found. */
  private int callInReasoning = -1;

  private int givenReasoningTokens;
  private boolean callsOnly;
  private boolean isEnded;
  private boolean endsInReasoning;
  private ChatMessage message = ChatMessage.assistant("");

  /**
   * Creates a reader of an empty answer.
   *
   * @param markers the model's markers of reasoning, or null if it has none
   * @param begun if true, the prompt ends with the opening mark of reasoning
   * @param tools the tools of the prompt; null if nothing is read as a call
   */
  ChatAnswer(
      Tokenizer tokenizer,
      @Nullable ReasoningMarkers markers,
      boolean begun,
      @Nullable Tools tools) {
    // HarmonyParser reads the reasoning of Harmony channels.
    ReasoningMarkers read = ReasoningMarkers.HARMONY.equals(markers) ? null : markers;
    this.tokenizer = tokenizer;
    this.tools = tools;
    this.calls = tools == null ? null : tools.newReader();
    this.marks = tools == null ? List.of() : tools.format().marks();
    this.marksToDrop = read == null ? List.of() : read.dropped();
    this.reasoning = new ReasoningReader(read, begun);
  }

  /**
   * Reads the given tokens with which the answer begins, before any other. {@link #message} has
   * their text too; {@link #accept}, {@link #reasoning} and {@link #reasoningTokens} only report
   * what follows.
   */
  public ChatAnswer beginWith(int[] given) {
    var decoder = new AnswerDecoder(tokenizer, List.of());
    for (int id : given) {
      var _ = accept(decoder.accept(id));
    }
    var _ = reasoning();
    givenReasoningTokens = tokens.reasoning();
    return this;
  }

  /** Adds the next token and returns the content that may be shown now, often empty. */
  public String accept(GeneratedToken token) {
    boolean before = isReasoning();
    int begin = marked.length();
    int visible = visible();
    boolean isSpecial = token.id() >= 0 && tokenizer.isSpecial(token.id());
    add(released(token, isSpecial));
    if (token.id() >= 0) {
      boolean isSilent = visible() == visible;
      tokens.add(begin, isSilent ? begin : marked.length(), before || isReasoning());
      if (reasoning.isAfterReasoning()) {
        tokens.dropSilent();
      }
    }
    return callsOnly ? "" : show(contentEnd());
  }

  /** Returns the end of the content that is known to be neither a call nor a mark. */
  private int contentEnd() {
    return calls == null ? searched : Math.min(searched, calls.contentEnd());
  }

  /** Adds a piece of text with unknown tokens. */
  public String accept(String piece) {
    return accept(new GeneratedToken(-1, piece, piece, null));
  }

  /** Returns the number of characters of the text that are not special tokens. */
  private int visible() {
    return marked.length() - hiddenCount;
  }

  /**
   * Returns the marked text that belongs to the text so far. If the text of a token is held back,
   * since it may begin a stop string, its marked text is held back too.
   */
  private String released(GeneratedToken token, boolean isSpecial) {
    int from = pending.length();
    pending.append(token.markedText());
    pendingHidden.set(from, pending.length(), isSpecial);
    int rest = token.text().length();
    int end = 0;
    while (end < pending.length() && (pendingHidden.get(end) || rest > 0)) {
      if (!pendingHidden.get(end)) {
        rest--;
      }
      allHidden.set(all++, pendingHidden.get(end++));
    }
    String released = pending.substring(0, end);
    pending.delete(0, end);
    BitSet kept = pendingHidden.get(end, end + pending.length());
    pendingHidden.clear();
    pendingHidden.or(kept);
    return released;
  }

  /** Adds marked text. */
  private void add(String piece) {
    append(content(reasoning.accept(piece)));
  }

  /** Adds text after the reasoning; all of it is the end of the marked text. */
  private void append(String piece) {
    int from = marked.length();
    marked.append(piece);
    int offset = all - marked.length();
    for (int i = from; i < marked.length() && harmony == null; i++) {
      boolean isHidden = allHidden.get(offset + i);
      hidden.set(i, isHidden);
      hiddenCount += isHidden ? 1 : 0;
    }
    dropMarks();
    if (calls != null) {
      calls.accept(piece);
    }
  }

  /**
   * Drops the marks in the new text, up to one that is not complete unless the answer has ended.
   */
  private void dropMarks() {
    while (!marksToDrop.isEmpty() && searched < marked.length()) {
      int length = 0;
      for (String mark : marksToDrop) {
        int end = Math.min(searched + mark.length(), marked.length());
        String part = marked.substring(searched, end);
        if (part.equals(mark)) {
          length = Math.max(length, mark.length());
        } else if (!isEnded && mark.startsWith(part)) {
          return;
        }
      }
      dropped.set(searched, searched + length);
      searched += Math.max(1, length);
    }
    searched = marked.length();
  }

  /** Returns the part of a text that is content or calls: all of it, except for Harmony. */
  private String content(String piece) {
    String next = piece;
    if (harmony == null && mayBeHarmony) {
      opening.append(piece);
      next = opening.toString();
      if (HarmonyParser.begins(next)) {
        harmony = new HarmonyParser(tools == null ? null : tools.types());
      } else if (HarmonyParser.mayBegin(next)) {
        return "";
      }
      mayBeHarmony = false;
    }
    if (harmony == null) {
      return next;
    }
    harmony.accept(next);
    return harmony.newContent();
  }

  /** Returns the reasoning that was added since the last call. */
  public String reasoning() {
    if (harmony != null) {
      return harmony.newReasoning();
    }
    int length = reasoning.length();
    int end = tools != null && reasoning.isReasoning() && !isEnded ? beginOfCall(length) : length;
    String piece = reasoning.reasoning(shownReasoning, Math.max(shownReasoning, end));
    shownReasoning += piece.length();
    return piece;
  }

  /** Returns where a mark of calls begins in the reasoning, or its length if there is none. */
  private int beginOfCall(int length) {
    for (String mark : callInReasoning < 0 ? marks : List.<String>of()) {
      int found = reasoning.find(mark, shownReasoning - mark.length());
      boolean isFirst = found >= 0 && (callInReasoning < 0 || found < callInReasoning);
      callInReasoning = isFirst ? found : callInReasoning;
    }
    return callInReasoning < 0 ? length : callInReasoning;
  }

  /** Returns whether the answer is inside its reasoning, as far as is known. */
  public boolean isReasoning() {
    return harmony == null ? reasoning.isReasoning() : harmony.isReasoning();
  }

  /** Returns the number of reasoning tokens so far, including its marks. */
  public int reasoningTokens() {
    return tokens.reasoning() - givenReasoningTokens;
  }

  /**
   * Returns the tool calls so far. The last one may be incomplete: its name is known, and its
   * arguments are the beginning of a JSON object. A call that turns out to be malformed is removed
   * and becomes content.
   */
  public List<ReadCall> calls() {
    if (isEnded) {
      return found;
    }
    Stream<ReadCall> first = harmony == null ? Stream.empty() : harmony.calls().stream();
    Stream<ReadCall> more =
        calls == null
            ? Stream.empty()
            : Stream.concat(calls.calls().stream(), calls.begunCall().stream());
    return Stream.concat(first, more).toList();
  }

  /** Returns whether ids of calls must have nine letters and digits, as the template requires. */
  public boolean needsShortIds() {
    return tools != null && tools.format().hasIds();
  }

  /**
   * Returns the indices, among all tokens of the answer, of those that form the content shown since
   * the last call. Tokens of reasoning, calls and stop strings are not included.
   */
  public List<Integer> newContentTokens() {
    List<ToolCallReader.Span> spans = spans();
    return tokens.newContent(
        shown,
        at ->
            dropped.get(at)
                || spans.stream().anyMatch(span -> span.begin() <= at && at < span.end()));
  }

  private List<ToolCallReader.Span> spans() {
    return calls == null ? List.of() : calls.spans();
  }

  /** Returns the content up to an index that was not shown before. */
  private String show(int end) {
    StringBuilder piece = new StringBuilder();
    boolean isFirst = content.isEmpty() && !spans().isEmpty();
    for (ToolCallReader.Span span : spans()) {
      take(piece, span.begin(), end);
      shown = Math.max(shown, Math.min(span.end(), end));
      isFirst &= piece.toString().isBlank();
    }
    take(piece, end, end);
    // White space around calls is content only if a text precedes it.
    String text = isFirst ? piece.toString().stripLeading() : piece.toString();
    content.append(text);
    return text;
  }

  private void take(StringBuilder piece, int to, int end) {
    for (; shown < Math.min(to, end); shown++) {
      if (!hidden.get(shown) && !dropped.get(shown)) {
        piece.append(marked.charAt(shown));
      }
    }
  }

  /** Requires the answer to be calls: it has no content, even if it is cut off. */
  public ChatAnswer withCallsOnly() {
    callsOnly = true;
    return this;
  }

  /** Ends an answer that the model ended, and returns the remaining content to show. */
  public String finish() {
    return finish(FinishReason.STOP);
  }

  /**
   * Ends the answer and returns the remaining content to show. If the model did not end it itself,
   * an incomplete call or call mark is dropped.
   *
   * @param reason why generation ended
   */
  public String finish(FinishReason reason) {
    boolean cut = reason != FinishReason.STOP;
    String rest = content(reasoning.finish(cut));
    append(mayBeHarmony ? opening.toString() : rest);
    endsInReasoning = isReasoning();
    isEnded = true;
    dropMarks();
    if (endsInReasoning) {
      tokens.countSilent();
    }
    String read =
        harmony == null ? reasoning.reasoning(0, reasoning.length()) : endHarmony(harmony, cut);
    int answered = marked.length();
    if (calls != null) {
      calls.finish(cut);
      found.addAll(calls.calls());
    }
    if (endsInReasoning && tools != null && harmony == null) {
      read = endReasoning(tools.newReader(), read, cut);
    }
    String last = callsOnly && (cut || !found.isEmpty()) ? "" : last(answered);
    boolean silent = content.isEmpty() && !found.isEmpty();
    message =
        ChatMessage.assistant(
            silent ? null : content.toString(),
            read.isEmpty() ? null : read,
            found.stream().flatMap(call -> ToolCall.of(call).stream()).toList());
    return last;
  }

  /** Reads calls that end reasoning which was not closed, and returns the reasoning. */
  private String endReasoning(ToolCallReader reader, String read, boolean cut) {
    reader.accept(read);
    reader.finish(cut);
    String after =
        reader.calls().isEmpty() ? "" : read.substring(reader.spans().getLast().end()).strip();
    if (reader.calls().isEmpty() || (cut && !after.isEmpty())) {
      return read;
    }
    found.addAll(reader.calls());
    endsInReasoning = false;
    marked.append(after);
    String before = read.substring(0, reader.spans().getFirst().begin()).strip();
    reasoning.limit(Math.max(shownReasoning, before.length()));
    return before;
  }

  /** Returns the remaining content; without the white space before calls that end the answer. */
  private String last(int answered) {
    if (calls == null || marked.length() > answered) {
      return show(marked.length());
    }
    return show(calls.contentEnd());
  }

  /** Ends an answer in the Harmony format and returns its reasoning. */
  private String endHarmony(HarmonyParser parser, boolean cut) {
    ChatMessage parsed = parser.finish(cut);
    append(parser.newContent());
    found.addAll(parser.calls());
    return Objects.requireNonNullElse(parsed.reasoning(), "");
  }

  /** Returns whether the answer ended inside its reasoning. */
  public boolean endsInReasoning() {
    return endsInReasoning;
  }

  /** Returns the message, after {@link #finish}. */
  public ChatMessage message() {
    return message;
  }

  /** Reads a whole answer and returns its message. */
  public ChatMessage read(GenerationResult result) {
    var decoder = new AnswerDecoder(tokenizer, List.of());
    String whole = result.text();
    int at = 0;
    for (int id : result.tokens()) {
      GeneratedToken token = decoder.accept(id);
      // The text ends before a stop string; the tokens of the stop string are in the result.
      int end = Math.min(at + token.text().length(), whole.length());
      var _ = accept(token.withText(whole.substring(at, end)));
      at = end;
    }
    var _ = accept(decoder.finish().withText(whole.substring(at)));
    var _ = finish(result.finish());
    return message;
  }
}
