// SPDX-License-Identifier: Apache-2.0
//
// Calendar: the hours in which people work, in their time zone, and working time counted by them.
//
// A moment is working time when the clock on the wall of `time_zone` shows a time within the hours
// of that day. So a shift over the night in which clocks go forward is an hour shorter, and one
// over the night in which they go back an hour longer; the minutes that are shown twice count
// twice.
#ifndef LEADCORE_CALENDAR_H_
#define LEADCORE_CALENDAR_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/value.h"

namespace leadcore {

struct CalendarConfig {
  std::string name;
  std::string time_zone;  // IANA: "Europe/Berlin", "UTC"
  // Hours are "09:00-17:30"; "24:00" ends a day. A day may have several; what goes past midnight is
  // written as two, one of each day.
  struct Days {
    std::vector<std::string> days;   // "monday" or its first three letters
    std::vector<std::string> hours;  // of each of these days
  };
  std::vector<Days> week;
  struct Holiday {
    std::string name;
    std::optional<Date> date;        // needed; year 0: every year
    std::vector<std::string> hours;  // that are worked all the same; empty: none
  };
  std::vector<Holiday> holidays;  // a date with a year goes before the same one without
};

// Immutable after Compile; const, total, deterministic and thread-safe. Times and lengths are
// microseconds, times since 1970-01-01T00:00Z.
class Calendar {
 public:
  struct Shift {
    int64_t from = 0, to = 0;  // since midnight, microseconds
  };
  using Shifts = std::vector<Shift>;  // of one day, in order, apart

  // Faults have paths below `path` ("calendars[0].week[1].hours[0]"): unknown zones and days, hours
  // that are none, are out of order or overlap, a date twice, a week without any hours. nullptr
  // when there were any. The zone is loaded here, from the system's time zone database.
  static std::shared_ptr<const Calendar> Compile(const CalendarConfig& config,
                                                 std::string_view path, Faults* faults);

  bool IsWorking(int64_t time) const;

  // Working time from `from` up to `to`; 0 when `to` is not later.
  int64_t Between(int64_t from, int64_t to) const;

  // The first moment at which `length` of working time has passed since `from`: the least t with
  // Between(from, t) >= length; `from` when `length` is 0 or less. nullopt when that is more than
  // 100 years later.
  std::optional<int64_t> Add(int64_t from, int64_t length) const;

 private:
  Calendar() = default;

  // Working time of the days from `first` up to `end`, days since 1970-01-01; of a piece of time on
  // the wall's clock, microseconds since 1970-01-01T00:00 there.
  const Shifts& ShiftsOf(int64_t day) const;
  int64_t WholeDays(int64_t first, int64_t end) const;
  int64_t OnTheClock(int64_t from, int64_t to) const;

  absl::TimeZone zone_;
  std::array<Shifts, 7> week_;  // from Monday
  int64_t week_length_ = 0;
  std::vector<std::pair<int64_t, Shifts>> dates_;  // by days since 1970-01-01, sorted
  std::vector<std::pair<int, Shifts>> yearly_;     // by month * 100 + day, sorted
};

}  // namespace leadcore

#endif  // LEADCORE_CALENDAR_H_
