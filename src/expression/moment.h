// SPDX-License-Identifier: Apache-2.0
//
// Times and lengths of time as expressions know them: to the nanosecond.
#ifndef LEADCORE_SRC_EXPRESSION_MOMENT_H_
#define LEADCORE_SRC_EXPRESSION_MOMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "leadcore/value.h"

namespace leadcore::expression_internal {

// seconds + nanos/10^9, nanos from 0 to 999,999,999 also below zero. A point since 1970 UTC, or a
// length.
struct Moment {
  int64_t seconds = 0;
  int32_t nanos = 0;
};

__int128 Nanoseconds(Moment moment);
Moment FromNanoseconds(__int128 nanoseconds);

// Points lie in the years 1 to 9999.
bool IsPoint(Moment moment);
// Lengths are whole numbers of nanoseconds in 64 bits: some 292 years either way.
bool IsLength(Moment moment);

Moment FromMicroseconds(int64_t micros);
// The start of the day in UTC; nullopt when the year is not known.
std::optional<Moment> StartOfDay(Date date);
Date DayOf(Moment point);

// RFC 3339, to nine digits after the point.
std::optional<Moment> ReadPoint(std::string_view text);
// "1h30m", "1.5h", "-90s", "10ms", "2d", "1w": units w d h m s ms us ns, fractions allowed.
std::optional<Moment> ReadLength(std::string_view text);
// 2026-11-23, or --11-23 without a year.
std::optional<Date> ReadDay(std::string_view text);

std::string FormatPoint(Moment point);
std::string FormatLength(Moment length);  // "90s", "0.5s"

// A zone of the IANA database, "UTC", or an offset such as +02:00. Reads the zone's file; nullopt
// when there is none.
std::optional<absl::TimeZone> FindZone(std::string_view name);

enum class TimePart : uint8_t {
  kFullYear,
  kMonth,       // from 0
  kDate,        // from 1
  kDayOfMonth,  // from 0
  kDayOfWeek,   // Sunday is 0
  kDayOfYear,   // from 0
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds
};
int64_t PartOfPoint(TimePart part, Moment point, absl::TimeZone zone);
// Whole hours, minutes or seconds of the length, towards zero; milliseconds within its second.
int64_t PartOfLength(TimePart part, Moment length);
// Parts of a day; nullopt where the part needs the year and the year is not known.
std::optional<int64_t> PartOfDay(TimePart part, Date date);

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_MOMENT_H_
