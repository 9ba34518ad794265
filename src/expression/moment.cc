// SPDX-License-Identifier: Apache-2.0
#include "expression/moment.h"

#include <algorithm>
#include <limits>

#include "absl/time/civil_time.h"
#include "text.h"
#include "value/read.h"

namespace leadcore::expression_internal {
namespace {

using value_internal::Cursor;

constexpr int64_t kSecond = 1'000'000'000;  // in nanoseconds
constexpr int64_t kDaySeconds = 86'400;

int64_t DaysSinceEpoch(int64_t year, int month, int day) {
  return absl::CivilDay(year, month, day) - absl::CivilDay(1970, 1, 1);
}
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

bool ReadFixed(Cursor* cursor, size_t width, int* number) {
  const std::string_view digits = cursor->rest().substr(0, width);
  if (digits.size() != width || !std::all_of(digits.begin(), digits.end(),
                                             [](char c) { return value_internal::IsDigit(c); })) {
    return false;
  }
  *number = 0;
  for (char digit : digits) *number = *number * 10 + (digit - '0');
  cursor->Skip(width);
  return true;
}

bool IsCalendarDay(int year, int month, int day) {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  return absl::CivilDay(year, month, day).month() == month;
}

// "+hh:mm" as seconds; the sign may be missing when `bare`.
bool ReadOffset(Cursor* cursor, bool bare, int* seconds) {
  const bool negative = cursor->peek() == '-';
  if (!cursor->Eat("-") && !cursor->Eat("+") && !bare) return false;
  int hours = 0;
  int minutes = 0;
  if (!ReadFixed(cursor, 2, &hours) || !cursor->Eat(":") || !ReadFixed(cursor, 2, &minutes)) {
    return false;
  }
  if (hours > 23 || minutes > 59) return false;
  *seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
  return true;
}

// Nine digits or fewer.
bool ReadFraction(Cursor* cursor, int32_t* nanos) {
  const std::string_view digits = cursor->Digits();
  if (digits.empty() || digits.size() > 9) return false;
  int32_t scale = static_cast<int32_t>(kSecond);
  for (char digit : digits) *nanos += (digit - '0') * (scale /= 10);
  return true;
}

std::string Padded(int64_t number, size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

std::string Fraction(int32_t nanos) {
  if (nanos == 0) return {};
  std::string out = Cat('.', Padded(nanos, 9));
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

int64_t UnitNanoseconds(std::string_view name) {
  if (name == "ns") return 1;
  if (name == "us") return 1'000;
  if (name == "ms") return 1'000'000;
  if (name == "s") return kSecond;
  if (name == "m") return 60 * kSecond;
  if (name == "h") return 3600 * kSecond;
  if (name == "d") return kDaySeconds * kSecond;
  if (name == "w") return 7 * kDaySeconds * kSecond;
  return 0;
}

absl::TimeZone::CivilInfo CivilAt(Moment point, absl::TimeZone zone) {
  return zone.At(absl::FromUnixSeconds(point.seconds) + absl::Nanoseconds(point.nanos));
}

// Sunday is 0.
int DayOfWeek(absl::CivilDay day) { return (static_cast<int>(absl::GetWeekday(day)) + 1) % 7; }

}  // namespace

__int128 Nanoseconds(Moment moment) {
  return static_cast<__int128>(moment.seconds) * kSecond + moment.nanos;
}

Moment FromNanoseconds(__int128 nanoseconds) {
  Moment out;
  __int128 seconds = nanoseconds / kSecond;
  __int128 nanos = nanoseconds % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  out.seconds = static_cast<int64_t>(seconds);
  out.nanos = static_cast<int32_t>(nanos);
  return out;
}

bool IsPoint(Moment moment) {
  return moment.seconds >= kFirstSecond && moment.seconds <= kLastSecond;
}

bool IsLength(Moment moment) {
  const __int128 nanoseconds = Nanoseconds(moment);
  return nanoseconds >= std::numeric_limits<int64_t>::min() &&
         nanoseconds <= std::numeric_limits<int64_t>::max();
}

Moment FromMicroseconds(int64_t micros) {
  return FromNanoseconds(static_cast<__int128>(micros) * 1000);
}

std::optional<Moment> StartOfDay(Date date) {
  if (date.year == 0) return std::nullopt;
  return Moment{DaysSinceEpoch(date.year, date.month, date.day) * kDaySeconds, 0};
}

Date DayOf(Moment point) {
  int64_t days = point.seconds / kDaySeconds;
  if (point.seconds % kDaySeconds < 0) --days;
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + days;
  return {static_cast<int16_t>(day.year()), static_cast<uint8_t>(day.month()),
          static_cast<uint8_t>(day.day())};
}

std::optional<Moment> ReadPoint(std::string_view text) {
  Cursor cursor(text);
  int part[6] = {};
  const auto read = [&](int index, size_t width, std::string_view before) {
    return cursor.Eat(before) && ReadFixed(&cursor, width, &part[index]);
  };
  if (!read(0, 4, "") || !read(1, 2, "-") || !read(2, 2, "-") ||
      !IsCalendarDay(part[0], part[1], part[2])) {
    return std::nullopt;
  }
  if (!cursor.Eat("T") && !cursor.Eat("t")) return std::nullopt;
  Moment out;
  if (!read(3, 2, "") || !read(4, 2, ":") || !read(5, 2, ":") || part[3] > 23 || part[4] > 59 ||
      part[5] > 59 || (cursor.Eat(".") && !ReadFraction(&cursor, &out.nanos))) {
    return std::nullopt;
  }
  int offset = 0;
  if (!cursor.Eat("Z") && !cursor.Eat("z") && !ReadOffset(&cursor, /*bare=*/false, &offset)) {
    return std::nullopt;
  }
  if (!cursor.done()) return std::nullopt;
  out.seconds = DaysSinceEpoch(part[0], part[1], part[2]) * kDaySeconds + part[3] * 3600 +
                part[4] * 60 + part[5] - offset;
  if (!IsPoint(out)) return std::nullopt;
  return out;
}

std::optional<Moment> ReadLength(std::string_view text) {
  constexpr __int128 kMost = std::numeric_limits<int64_t>::max();
  Cursor cursor(text);
  const bool negative = cursor.peek() == '-';
  if (!cursor.Eat("-")) cursor.Eat("+");
  if (cursor.rest() == "0") return Moment{};
  if (cursor.done()) return std::nullopt;
  __int128 sum = 0;
  while (!cursor.done()) {
    const std::string_view whole = cursor.Digits();
    const std::string_view fraction = cursor.Eat(".") ? cursor.Digits() : std::string_view();
    const int64_t unit = UnitNanoseconds(cursor.Letters());
    if (unit == 0 || (whole.empty() && fraction.empty())) return std::nullopt;
    __int128 number = 0;
    for (char digit : whole) {
      number = number * 10 + (digit - '0');
      if (number > kMost) return std::nullopt;
    }
    sum += number * unit;
    __int128 scale = unit;
    for (char digit : fraction) {
      // Less than a nanosecond is cut off.
      sum += (digit - '0') * scale / 10;
      scale /= 10;
    }
    if (sum > kMost + 1) return std::nullopt;
  }
  const Moment out = FromNanoseconds(negative ? -sum : sum);
  if (!IsLength(out)) return std::nullopt;
  return out;
}

std::optional<Date> ReadDay(std::string_view text) {
  Cursor cursor(text);
  int year = 0;
  int month = 0;
  int day = 0;
  const bool known = !cursor.Eat("--");
  if (known && (!ReadFixed(&cursor, 4, &year) || year == 0 || !cursor.Eat("-"))) {
    return std::nullopt;
  }
  if (!ReadFixed(&cursor, 2, &month) || !cursor.Eat("-") || !ReadFixed(&cursor, 2, &day) ||
      !cursor.done() || !IsCalendarDay(known ? year : 2000, month, day)) {
    return std::nullopt;
  }
  return Date{static_cast<int16_t>(year), static_cast<uint8_t>(month), static_cast<uint8_t>(day)};
}

std::string FormatPoint(Moment point) {
  const Date day = DayOf(point);
  int64_t within = point.seconds % kDaySeconds;
  if (within < 0) within += kDaySeconds;
  return Cat(Padded(day.year, 4), '-', Padded(day.month, 2), '-', Padded(day.day, 2), 'T',
             Padded(within / 3600, 2), ':', Padded(within / 60 % 60, 2), ':',
             Padded(within % 60, 2), Fraction(point.nanos), 'Z');
}

std::string FormatLength(Moment length) {
  const bool negative = length.seconds < 0;
  const Moment magnitude = negative ? FromNanoseconds(-Nanoseconds(length)) : length;
  return Cat(negative ? "-" : "", magnitude.seconds, Fraction(magnitude.nanos), 's');
}

std::optional<absl::TimeZone> FindZone(std::string_view name) {
  Cursor cursor(name);
  int offset = 0;
  if (ReadOffset(&cursor, /*bare=*/true, &offset) && cursor.done()) {
    return absl::FixedTimeZone(offset);
  }
  if (name == "UTC") return absl::UTCTimeZone();
  // Only names of the database: no path out of it, and nothing that depends on the machine's own
  // zone.
  const auto allowed = [](char c) {
    return value_internal::IsLetter(c) || value_internal::IsDigit(c) || c == '/' || c == '_' ||
           c == '-' || c == '+';
  };
  if (name.empty() || name.front() == '/' || name == "localtime" ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return std::nullopt;
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(ToAbsl(name), &zone)) return std::nullopt;
  return zone;
}

int64_t PartOfPoint(TimePart part, Moment point, absl::TimeZone zone) {
  const absl::CivilSecond civil = CivilAt(point, zone).cs;
  switch (part) {
    case TimePart::kHours:
      return civil.hour();
    case TimePart::kMinutes:
      return civil.minute();
    case TimePart::kSeconds:
      return civil.second();
    case TimePart::kMilliseconds:
      return point.nanos / 1'000'000;
    case TimePart::kFullYear:
      return civil.year();
    case TimePart::kMonth:
      return civil.month() - 1;
    case TimePart::kDate:
      return civil.day();
    case TimePart::kDayOfMonth:
      return civil.day() - 1;
    case TimePart::kDayOfWeek:
      return DayOfWeek(absl::CivilDay(civil));
    case TimePart::kDayOfYear:
      return absl::GetYearDay(absl::CivilDay(civil)) - 1;
  }
  return 0;
}

int64_t PartOfLength(TimePart part, Moment length) {
  const auto nanoseconds = static_cast<int64_t>(Nanoseconds(length));
  switch (part) {
    case TimePart::kHours:
      return nanoseconds / (3600 * kSecond);
    case TimePart::kMinutes:
      return nanoseconds / (60 * kSecond);
    case TimePart::kMilliseconds:
      return nanoseconds % kSecond / 1'000'000;
    default:
      return nanoseconds / kSecond;
  }
}

std::optional<int64_t> PartOfDay(TimePart part, Date date) {
  switch (part) {
    case TimePart::kMonth:
      return date.month - 1;
    case TimePart::kDate:
      return date.day;
    case TimePart::kDayOfMonth:
      return date.day - 1;
    default:
      break;
  }
  const std::optional<Moment> start = StartOfDay(date);
  if (!start) return std::nullopt;
  return PartOfPoint(part, *start, absl::UTCTimeZone());
}

}  // namespace leadcore::expression_internal
