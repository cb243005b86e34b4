package dev.vidrio.template.builtin;

import dev.vidrio.template.value.Fault;
import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/**
 * Formats times as C's {@code strftime} in the C locale, with glibc's flag {@code -} for no
 * padding.
 */
final class Strftime {

  private Strftime() {}

  static String format(String format, ZonedDateTime time) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char directive = format.charAt(++i);
      boolean unpadded = directive == '-' && i + 1 < format.length();
      if (unpadded) {
        directive = format.charAt(++i);
      }
      String text = directive(directive, time);
      out.append(unpadded ? text.replaceFirst("^[0 ]+(?=.)", "") : text);
    }
    return out.toString();
  }

  private static String directive(char directive, ZonedDateTime time) {
    int hour12 = time.getHour() % 12 == 0 ? 12 : time.getHour() % 12;
    return switch (directive) {
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'c' -> format("%a %b %e %H:%M:%S %Y", time);
      case 'C' -> digits(2, time.getYear() / 100);
      case 'd' -> digits(2, time.getDayOfMonth());
      case 'D', 'x' -> format("%m/%d/%y", time);
      case 'e' -> String.format("%2d", time.getDayOfMonth());
      case 'f' -> digits(6, time.getNano() / 1000);
      case 'F' -> format("%Y-%m-%d", time);
      case 'G' -> Integer.toString(time.get(IsoFields.WEEK_BASED_YEAR));
      case 'H' -> digits(2, time.getHour());
      case 'I' -> digits(2, hour12);
      case 'j' -> digits(3, time.getDayOfYear());
      case 'm' -> digits(2, time.getMonthValue());
      case 'M' -> digits(2, time.getMinute());
      case 'n' -> "\n";
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'R' -> format("%H:%M", time);
      case 's' -> Long.toString(time.toEpochSecond());
      case 'S' -> digits(2, time.getSecond());
      case 't' -> "\t";
      case 'T', 'X' -> format("%H:%M:%S", time);
      case 'u' -> Integer.toString(time.getDayOfWeek().getValue());
      case 'U' -> digits(2, (time.getDayOfYear() + 6 - time.getDayOfWeek().getValue() % 7) / 7);
      case 'V' -> digits(2, time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'w' -> Integer.toString(time.getDayOfWeek().getValue() % 7);
      case 'W' -> digits(2, (time.getDayOfYear() + 7 - time.getDayOfWeek().getValue()) / 7);
      case 'y' -> digits(2, time.get(ChronoField.YEAR) % 100);
      case 'Y' -> Integer.toString(time.getYear());
      // Python's datetime.now() has no time zone, so these print nothing.
      case 'z', 'Z' -> "";
      case '%' -> "%";
      default -> throw Fault.unsupported("time format '%" + directive + "'");
    };
  }

  private static String digits(int width, int value) {
    return String.format("%0" + width + "d", value);
  }
}
