package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads the calls of one format from a mark on: one, or several between an opening and a close. */
final class SectionParser {
  private final CallCursor cursor;
  private final ToolCallFormat format;
  private final ParameterTypes tools;
  private final List<ReadCall> calls = new ArrayList<>();
  private boolean isOpened;
  private @Nullable CallParser parser;
  private boolean isSeparated;
  private int end;

  SectionParser(CallCursor cursor, ToolCallFormat format, ParameterTypes tools) {
    this.cursor = cursor;
    this.format = format;
    this.tools = tools;
    this.end = cursor.at;
  }

  /** Returns the calls that are complete. */
  List<ReadCall> calls() {
    return calls;
  }

  /** Returns the call that is not complete, once its name is known. */
  Optional<ReadCall> begunCall() {
    return parser == null ? Optional.empty() : parser.call();
  }

  /** Returns whether a tool's name was read in the call that is not complete. */
  boolean isNamed() {
    return parser != null && parser.isNamed();
  }

  /** Returns the end of what was read, after {@link Step#DONE}. */
  int end() {
    return end;
  }

  /** Continues to read; fails only if there is no complete call. */
  Step read() {
    Step step = readAll();
    return step == Step.FAIL && !calls.isEmpty() ? Step.DONE : step;
  }

  private Step readAll() {
    if (!isOpened) {
      boolean isOpen =
          format.open().isEmpty()
              || (format.marks().size() > 1 && cursor.isAt(format.marks().getLast()));
      Step step = isOpen ? Step.DONE : cursor.literal(format.open());
      if (step != Step.DONE) {
        return step;
      }
      isOpened = true;
    }
    while (true) {
      if (parser == null && !calls.isEmpty()) {
        Step step = afterCall();
        if (step != Step.MORE) {
          return step;
        }
        // More text, or another call.
        if (!isSeparated) {
          return step;
        }
        isSeparated = false;
      }
      if (parser == null) {
        if (calls.size() == ToolCallReader.MAX_CALLS) {
          return Step.FAIL;
        }
        parser = new CallParser(cursor, format, tools, format.isMarked());
      }
      Step step = parser.read();
      if (step != Step.DONE) {
        return step;
      }
      calls.add(parser.call().orElseThrow());
      parser = null;
      end = cursor.at;
    }
  }

  /**
   * Reads what follows a call. Returns {@link Step#MORE} with {@link #isSeparated} if another call
   * comes next.
   */
  private Step afterCall() {
    int from = cursor.at;
    if (!format.close().isEmpty()) {
      Step step = cursor.literal(format.close());
      if (step == Step.DONE) {
        end = cursor.at;
        return Step.DONE;
      }
      if (step == Step.FAIL) {
        step = lastOfClose();
      }
      if (step != Step.FAIL) {
        return step;
      }
      cursor.at = from;
      if (cursor.takeBeginningOf(format.close())) {
        end = cursor.at;
        return Step.DONE;
      }
    }
    if (format.separator().isBlank()) {
      isSeparated = !format.open().isEmpty();
      if (!isSeparated) {
        return Step.DONE;
      }
      // Models separate objects by commas without a list around them.
      var _ = cursor.literal(",");
      return cursor.skipSpace() ? Step.MORE : cursor.more();
    }
    Step step = cursor.literal(format.separator());
    isSeparated = step == Step.DONE;
    return isSeparated ? Step.MORE : step;
  }

  /** Reads the last word of the closing text, before which models omit others. */
  private Step lastOfClose() {
    String last = ToolCallFormat.lastWord(format.close());
    Step step = last.equals(format.close().strip()) ? Step.FAIL : cursor.literal(last);
    end = step == Step.DONE ? cursor.at : end;
    return step;
  }
}
