// SPDX-License-Identifier: Apache-2.0
//
// Days, moments and lengths of time: strictly (RFC 3339, "1h30m") and as people write them.
#include <algorithm>
#include <array>
#include <limits>

#include "absl/time/civil_time.h"
#include "text.h"
#include "value/read.h"

namespace leadcore {
namespace {

using value_internal::Cursor;
using value_internal::IsDigit;
using value_internal::kWeekdays;
using value_internal::Lower;
using value_internal::LowerText;
using value_internal::Quoted;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

int64_t DaysSinceEpoch(int year, int month, int day) {
  return absl::CivilDay(year, month, day) - absl::CivilDay(1970, 1, 1);
}

// Year 0 stands for "not known" and has a 29th of February.
bool IsDay(int year, int month, int day) {
  if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  return absl::CivilDay(year == 0 ? 2000 : year, month, day).month() == month;
}

bool InYears(int64_t micros) {
  constexpr int64_t kLow = (absl::CivilDay(1, 1, 1) - absl::CivilDay(1970, 1, 1)) * kDay;
  constexpr int64_t kHigh = (absl::CivilDay(10000, 1, 1) - absl::CivilDay(1970, 1, 1)) * kDay;
  return micros >= kLow && micros < kHigh;
}

int ToInt(std::string_view digits) {
  int number = 0;
  for (char digit : digits) number = number * 10 + (digit - '0');
  return number;
}

// Exactly `width` digits.
bool ReadFixed(Cursor* cursor, size_t width, int* number) {
  const std::string_view piece = cursor->rest().substr(0, width);
  if (piece.size() != width || !std::all_of(piece.begin(), piece.end(), IsDigit)) return false;
  *number = ToInt(piece);
  cursor->Skip(width);
  return true;
}

// Digits after the point as microseconds; `finer` says whether more than zeros came after the
// sixth.
bool ReadFraction(Cursor* cursor, int64_t* micros, bool* finer) {
  const std::string_view digits = cursor->Digits();
  if (digits.empty()) return false;
  int64_t scale = kSecond / 10;
  for (char digit : digits) {
    if (scale == 0 && digit != '0') *finer = true;
    *micros += (digit - '0') * scale;
    scale /= 10;
  }
  return true;
}

// "Z" or "+hh:mm"; with `loose` also "+hhmm" and "+hh".
bool ReadOffset(Cursor* cursor, bool loose, int64_t* offset) {
  *offset = 0;
  if (cursor->Eat("Z") || cursor->Eat("z")) return true;
  const bool negative = cursor->peek() == '-' || cursor->rest().substr(0, 3) == "\u2212";
  if (!cursor->Eat("+") && !cursor->Eat("-") && !cursor->Eat("\u2212")) return false;
  int hours = 0;
  int minutes = 0;
  if (!ReadFixed(cursor, 2, &hours)) return false;
  const bool colon = cursor->Eat(":");
  const bool more = colon || IsDigit(cursor->peek());
  if (more ? !ReadFixed(cursor, 2, &minutes) : !loose) return false;
  if ((!colon && !loose) || hours > 23 || minutes > 59) return false;
  *offset = (hours * kHour + minutes * kMinute) * (negative ? -1 : 1);
  return true;
}

// ---- As people write it

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

// The name or its first three letters ("sept", "tues", "thur" too).
template <size_t n>
int PlaceOf(std::string_view word, const std::array<std::string_view, n>& names) {
  const std::string lower = LowerText(word);
  if (lower.size() < 3) return -1;
  for (size_t i = 0; i < n; ++i) {
    if (names[i].substr(0, lower.size()) == lower) return static_cast<int>(i);
  }
  return -1;
}

// What a date in writing can be. `fault` is set where a plainer reason than "not a date" is known.
struct Day {
  int year = 0;
  int month = 0;
  int day = 0;
  std::string_view fault;
};

constexpr std::string_view kTwoDigitYear = "the year needs four digits";

bool ReadYear(Cursor* cursor, Day* out) {
  const std::string_view digits = cursor->Digits();
  if (digits.size() == 2) out->fault = kTwoDigitYear;
  if (digits.size() != 4) return false;
  out->year = ToInt(digits);
  return out->year != 0;
}

void SkipOrdinal(Cursor* cursor) {
  const std::string suffix = LowerText(cursor->rest().substr(0, 2));
  if (suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th") cursor->Skip(2);
}

bool ReadMonthName(Cursor* cursor, Day* out) {
  const std::string_view word = cursor->Letters();
  out->month = PlaceOf(word, kMonths) + 1;
  cursor->Eat(".");
  return out->month > 0;
}

// What stands between the parts of a date in words: "5-Feb-2025", "Feb 5, 2025".
void SkipBetween(Cursor* cursor) {
  cursor->SkipSpaces();
  if (!cursor->Eat(",") && !cursor->Eat("-")) cursor->Eat("/");
  cursor->SkipSpaces();
}

// The year of a date in words; there may be none.
bool ReadYearAfterWords(Cursor* cursor, Day* out) {
  Cursor ahead = *cursor;
  SkipBetween(&ahead);
  if (!IsDigit(ahead.peek())) return true;
  *cursor = ahead;
  return ReadYear(cursor, out);
}

// "Feb 5, 2025", "Wed, 5 Feb 2025" (from the word on).
bool ReadMonthFirst(Cursor* cursor, Day* out) {
  if (!ReadMonthName(cursor, out)) return false;
  SkipBetween(cursor);
  const std::string_view day = cursor->Digits();
  if (day.empty() || day.size() > 2) return false;
  out->day = ToInt(day);
  SkipOrdinal(cursor);
  return ReadYearAfterWords(cursor, out);
}

// "2025-02-05" from the first separator on; the year is known.
bool ReadAfterYear(Cursor* cursor, Day* out) {
  const char separator = cursor->peek();
  if (separator != '-' && separator != '/' && separator != '.') return false;
  cursor->Skip(1);
  if (value_internal::IsLetter(cursor->peek())) {
    if (!ReadMonthName(cursor, out)) return false;
  } else {
    const std::string_view month = cursor->Digits();
    if (month.empty() || month.size() > 2) return false;
    out->month = ToInt(month);
  }
  if (cursor->peek() != separator) return false;
  cursor->Skip(1);
  const std::string_view day = cursor->Digits();
  if (day.empty() || day.size() > 2) return false;
  out->day = ToInt(day);
  return true;
}

// "2/5/2025", "05.02.2025": dots put the day first everywhere, else the caller says.
bool ReadYearLast(Cursor* cursor, int first, const ParseOptions& options, Day* out) {
  const char separator = cursor->peek();
  if (separator != '-' && separator != '/' && separator != '.') return false;
  cursor->Skip(1);
  const std::string_view second = cursor->Digits();
  if (second.empty() || second.size() > 2 || cursor->peek() != separator) return false;
  cursor->Skip(1);
  if (!ReadYear(cursor, out)) return false;
  const bool day_first = options.day_first || separator == '.';
  out->day = day_first ? first : ToInt(second);
  out->month = day_first ? ToInt(second) : first;
  // Guessing the order date by date would read one column in two ways.
  if (out->month > 12 && out->day <= 12) {
    out->fault = day_first ? "the month seems to come first" : "the day seems to come first";
  }
  return true;
}

bool ReadDigitsFirst(Cursor* cursor, const ParseOptions& options, Day* out) {
  const std::string_view digits = cursor->Digits();
  if (digits.size() == 8) {
    out->year = ToInt(digits.substr(0, 4));
    out->month = ToInt(digits.substr(4, 2));
    out->day = ToInt(digits.substr(6, 2));
    return out->year != 0;
  }
  if (digits.size() == 4) {
    out->year = ToInt(digits);
    return out->year != 0 && ReadAfterYear(cursor, out);
  }
  if (digits.size() > 2) return false;
  const int first = ToInt(digits);
  Cursor words = *cursor;
  SkipOrdinal(&words);
  SkipBetween(&words);
  words.Eat("of ");
  if (!value_internal::IsLetter(words.peek())) return ReadYearLast(cursor, first, options, out);
  *cursor = words;
  out->day = first;
  return ReadMonthName(cursor, out) && ReadYearAfterWords(cursor, out);
}

bool ReadDayText(Cursor* cursor, const ParseOptions& options, Day* out) {
  if (cursor->Eat("--")) {
    if (!ReadFixed(cursor, 2, &out->month)) return false;
    cursor->Eat("-");
    return ReadFixed(cursor, 2, &out->day);
  }
  Cursor ahead = *cursor;
  if (PlaceOf(ahead.Letters(), kWeekdays) >= 0) {
    ahead.Eat(".");
    ahead.Eat(",");
    ahead.SkipSpaces();
    *cursor = ahead;
  }
  return IsDigit(cursor->peek()) ? ReadDigitsFirst(cursor, options, out)
                                 : ReadMonthFirst(cursor, out);
}

// "10:11", "10:11:12.5", "3pm".
bool ReadClock(Cursor* cursor, int64_t* micros) {
  const std::string_view hour_digits = cursor->Digits();
  if (hour_digits.empty() || hour_digits.size() > 2) return false;
  int hour = ToInt(hour_digits);
  int minute = 0;
  int second = 0;
  int64_t fraction = 0;
  const bool minutes = cursor->Eat(":");
  if (minutes && !ReadFixed(cursor, 2, &minute)) return false;
  if (minutes && cursor->Eat(":")) {
    if (!ReadFixed(cursor, 2, &second)) return false;
    bool finer = false;  // people's clocks: finer digits are cut off
    if ((cursor->Eat(".") || cursor->Eat(",")) && !ReadFraction(cursor, &fraction, &finer)) {
      return false;
    }
  }
  Cursor ahead = *cursor;
  ahead.SkipSpaces();
  const std::string half = LowerText(ahead.Letters());
  if (half == "am" || half == "pm") {
    if (hour < 1 || hour > 12) return false;
    hour = hour % 12 + (half == "pm" ? 12 : 0);
    *cursor = ahead;
  } else if (!minutes) {
    return false;
  }
  *micros = hour * kHour + minute * kMinute + second * kSecond + fraction;
  return hour < 24 && minute < 60 && second < 60;
}

// The rest after a date: nothing, or a clock and perhaps a zone.
bool ReadRestOfDay(Cursor* cursor, int64_t* within, Day* out) {
  if (cursor->done()) return true;
  if (!cursor->Eat("T") && !cursor->Eat("t")) {
    const bool comma = cursor->Eat(",");
    if (!cursor->SkipSpaces() && !comma) return false;
  }
  if (!ReadClock(cursor, within)) return false;
  cursor->SkipSpaces();
  if (cursor->done()) return true;
  if (cursor->Eat("UTC") || cursor->Eat("GMT")) {
    cursor->SkipSpaces();
    if (cursor->done()) return true;
  }
  int64_t offset = 0;
  if (!ReadOffset(cursor, /*loose=*/true, &offset) || !cursor->done()) {
    out->fault = "a zone is written as an offset such as Z or +02:00";
    return false;
  }
  *within -= offset;
  return true;
}

absl::Status NotA(std::string_view what, const Day& day, std::string_view text) {
  return InvalidArgument("expected ", what, ", found ", Quoted(text), day.fault.empty() ? "" : ": ",
                         day.fault);
}

std::optional<int64_t> ReadUnixTime(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  if (text.size() != 10 && text.size() != 13 && text.size() != 16) return std::nullopt;
  int64_t number = 0;
  for (char digit : text) number = number * 10 + (digit - '0');
  return text.size() == 10 ? number * kSecond : text.size() == 13 ? number * 1000 : number;
}

// ---- Lengths of time

struct Unit {
  std::string_view name;
  int64_t micros;
  std::string_view words;  // what people write as well, space at both ends
};
constexpr Unit kUnits[] = {{"w", 7 * kDay, " week weeks "},
                           {"d", kDay, " day days "},
                           {"h", kHour, " hr hrs hour hours "},
                           {"m", kMinute, " min mins minute minutes "},
                           {"s", kSecond, " sec secs second seconds "},
                           {"ms", 1000, " msec millisecond milliseconds "},
                           {"us", 1, " microsecond microseconds "}};

const Unit* FindUnit(std::string_view name, bool loose) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
    if (loose && !name.empty() &&
        unit.words.find(Cat(' ', LowerText(name), ' ')) != std::string_view::npos) {
      return &unit;
    }
  }
  return nullptr;
}

std::optional<int64_t> ReadLength(std::string_view text, bool loose) {
  Cursor cursor(text);
  const bool negative = cursor.Eat("-");
  int64_t micros = 0;
  int64_t last_unit = std::numeric_limits<int64_t>::max();
  if (cursor.done()) return std::nullopt;
  while (!cursor.done()) {
    int64_t number = 0;
    const std::string_view digits = cursor.Digits();
    for (char digit : digits) {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_sub_overflow(number, digit - '0', &number)) {
        return std::nullopt;
      }
    }
    if (loose) cursor.SkipSpaces();
    const Unit* unit = digits.empty() ? nullptr : FindUnit(cursor.Letters(), loose);
    if (unit == nullptr || unit->micros >= last_unit) return std::nullopt;
    last_unit = unit->micros;
    // Summed below zero, where the range is one larger.
    if (__builtin_mul_overflow(number, unit->micros, &number) ||
        __builtin_add_overflow(micros, number, &micros)) {
      return std::nullopt;
    }
    if (loose) cursor.SkipSpaces();
  }
  if (negative) return micros;
  if (micros == std::numeric_limits<int64_t>::min()) return std::nullopt;
  return -micros;
}

}  // namespace

absl::StatusOr<int64_t> ParseDuration(std::string_view text) {
  if (const std::optional<int64_t> micros = ReadLength(text, /*loose=*/false)) return *micros;
  return InvalidArgument("expected a duration such as 30d or 1h30m (whole numbers with the units ",
                         "w d h m s ms us, largest first), found ", Quoted(text));
}

absl::StatusOr<int64_t> ParseTime(std::string_view text) {
  Cursor cursor(text);
  int part[6] = {};
  const auto read = [&](int index, size_t width, std::string_view before) {
    return cursor.Eat(before) && ReadFixed(&cursor, width, &part[index]);
  };
  bool finer = false;
  int64_t fraction = 0;
  int64_t offset = 0;
  const bool day = read(0, 4, "") && read(1, 2, "-") && read(2, 2, "-") && part[0] != 0 &&
                   IsDay(part[0], part[1], part[2]);
  const bool middle = day && (cursor.Eat("T") || cursor.Eat("t") || cursor.Eat(" "));
  const bool clock = middle && read(3, 2, "") && read(4, 2, ":") && read(5, 2, ":") &&
                     part[3] < 24 && part[4] < 60 && part[5] < 60 &&
                     (!cursor.Eat(".") || ReadFraction(&cursor, &fraction, &finer));
  if (!clock || !ReadOffset(&cursor, /*loose=*/false, &offset) || !cursor.done()) {
    return InvalidArgument("expected a time such as 2026-11-23T09:30:00Z, found ", Quoted(text));
  }
  if (finer) return InvalidArgument("times have at most microseconds, found ", Quoted(text));
  const int64_t micros = DaysSinceEpoch(part[0], part[1], part[2]) * kDay + part[3] * kHour +
                         part[4] * kMinute + part[5] * kSecond + fraction - offset;
  if (!InYears(micros)) {
    return InvalidArgument("times lie in the years 1 to 9999, found ", Quoted(text));
  }
  return micros;
}

namespace value_internal {

absl::StatusOr<Value> ReadDate(std::string_view text, const ParseOptions& options) {
  constexpr std::string_view kWhat = "a date such as 2026-11-23 (--11-23 without a year)";
  Cursor cursor(text);
  Day day;
  int64_t within = 0;
  if (!ReadDayText(&cursor, options, &day) || !ReadRestOfDay(&cursor, &within, &day) ||
      !IsDay(day.year, day.month, day.day)) {
    return NotA(kWhat, day, text);
  }
  return Value::OfDate({static_cast<int16_t>(day.year), static_cast<uint8_t>(day.month),
                        static_cast<uint8_t>(day.day)});
}

absl::StatusOr<Value> ReadTime(std::string_view text, const ParseOptions& options) {
  constexpr std::string_view kWhat = "a time such as 2026-11-23T09:30:00Z";
  if (const std::optional<int64_t> micros = ReadUnixTime(text)) return Value::Time(*micros);
  Cursor cursor(text);
  Day day;
  int64_t within = 0;
  if (!ReadDayText(&cursor, options, &day) || !ReadRestOfDay(&cursor, &within, &day) ||
      !IsDay(day.year, day.month, day.day) || day.year == 0) {
    return NotA(kWhat, day, text);
  }
  const int64_t micros = DaysSinceEpoch(day.year, day.month, day.day) * kDay + within;
  if (!InYears(micros)) return NotA("a time in the years 1 to 9999", day, text);
  return Value::Time(micros);
}

absl::StatusOr<Value> ReadDuration(std::string_view text) {
  if (const std::optional<int64_t> micros = ReadLength(text, /*loose=*/true)) {
    return Value::Duration(*micros);
  }
  return InvalidArgument("expected a duration such as 30d or 1h30m, found ", Quoted(text));
}

}  // namespace value_internal
}  // namespace leadcore
