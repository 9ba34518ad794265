// SPDX-License-Identifier: Apache-2.0
#include "leadcore/calendar.h"

#include <algorithm>
#include <charconv>

#include "absl/time/civil_time.h"
#include "expression/moment.h"
#include "text.h"
#include "value/read.h"

namespace leadcore {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000;
constexpr int64_t kDay = 24 * 60 * kMinute;
constexpr int64_t kFurthest = 36'525 * kDay;  // a hundred years
// Time is counted within the years 1 to 9999, as everywhere.
constexpr int64_t kFirst = (absl::CivilDay(1, 1, 1) - absl::CivilDay(1970, 1, 1)) * kDay;
constexpr int64_t kLast = (absl::CivilDay(10000, 1, 1) - absl::CivilDay(1970, 1, 1)) * kDay;

using value_internal::kWeekdays;

void AddFault(Faults* faults, std::string path, std::string message) {
  faults->push_back({std::move(path), -1, std::move(message)});
}

// Rounded down, so that the day before 1970 is day -1.
int64_t DayOf(int64_t local) { return local / kDay - (local % kDay < 0 ? 1 : 0); }

size_t WeekdayOf(int64_t day) {
  const int64_t since_monday = (day + 3) % 7;  // 1970-01-01 was a Thursday
  return static_cast<size_t>(since_monday < 0 ? since_monday + 7 : since_monday);
}

// ---- Compiling

// "9:00", "17:30", "24:00" as microseconds since midnight.
std::optional<int64_t> ReadClock(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon > 2 || text.size() != colon + 3) return std::nullopt;
  int hours = 0;
  int minutes = 0;
  const char* const end = text.data() + text.size();
  const char* const middle = text.data() + colon;
  if (std::from_chars(text.data(), middle, hours).ptr != middle) return std::nullopt;
  if (std::from_chars(middle + 1, end, minutes).ptr != end) return std::nullopt;
  if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > 24 * 60) {
    return std::nullopt;
  }
  return (hours * 60 + minutes) * kMinute;
}

void ReadShift(const std::string& text, const std::string& path, Calendar::Shifts* shifts,
               Faults* faults) {
  const size_t dash = text.find('-');
  const std::optional<int64_t> from = ReadClock(text.substr(0, dash));
  const std::optional<int64_t> to =
      dash == std::string::npos ? std::nullopt : ReadClock(text.substr(dash + 1));
  if (!from || !to) {
    return AddFault(faults, path, Cat("'", text, "' are no hours; write them as 09:00-17:30"));
  }
  if (*to <= *from) {
    return AddFault(
        faults, path,
        Cat("'", text, "' ends before it begins; what goes past midnight is two: ",
            text.substr(0, dash), "-24:00, and 00:00-", text.substr(dash + 1), " of the next day"));
  }
  if (!shifts->empty() && *from < shifts->back().to) {
    return AddFault(
        faults, path,
        Cat("'", text, "' begins before the hours ahead of it are over; give the hours of ",
            "a day in order"));
  }
  // Hours that meet are one shift.
  if (!shifts->empty() && *from == shifts->back().to) {
    shifts->back().to = *to;
  } else {
    shifts->push_back({*from, *to});
  }
}

Calendar::Shifts ReadShifts(const std::vector<std::string>& hours, const std::string& path,
                            Faults* faults) {
  Calendar::Shifts shifts;
  for (size_t i = 0; i < hours.size(); ++i) {
    ReadShift(hours[i], Cat(path, ".hours[", i, "]"), &shifts, faults);
  }
  return shifts;
}

// Place in kWeekdays, by name or its first three letters.
std::optional<size_t> FindWeekday(std::string_view word) {
  for (size_t i = 0; i < kWeekdays.size(); ++i) {
    if (word == kWeekdays[i] || word == kWeekdays[i].substr(0, 3)) return i;
  }
  return std::nullopt;
}

void ReadWeek(const CalendarConfig& config, const std::string& path,
              std::array<Calendar::Shifts, 7>* week, Faults* faults) {
  std::array<bool, 7> given = {};
  for (size_t i = 0; i < config.week.size(); ++i) {
    const CalendarConfig::Days& days = config.week[i];
    const std::string here = Cat(path, ".week[", i, "]");
    const Calendar::Shifts shifts = ReadShifts(days.hours, here, faults);
    if (days.days.empty()) AddFault(faults, here + ".days", "name the days that have these hours");
    for (size_t j = 0; j < days.days.size(); ++j) {
      const std::string at = Cat(here, ".days[", j, "]");
      const std::optional<size_t> day = FindWeekday(days.days[j]);
      if (!day) {
        AddFault(faults, at,
                 Cat("'", days.days[j], "' is no day (monday or mon, tuesday or tue …)"));
      } else if (given[*day]) {
        AddFault(faults, at, Cat(kWeekdays[*day], " has hours already; give a day's hours once"));
      } else {
        given[*day] = true;
        (*week)[*day] = shifts;
      }
    }
  }
}

int64_t LengthOf(const Calendar::Shifts& shifts, int64_t from = 0, int64_t to = kDay) {
  int64_t length = 0;
  for (const Calendar::Shift& shift : shifts) {
    length += std::max<int64_t>(0, std::min(to, shift.to) - std::max(from, shift.from));
  }
  return length;
}

template <typename Key>
auto Find(const std::vector<std::pair<Key, Calendar::Shifts>>& days, Key key) {
  const auto at =
      std::lower_bound(days.begin(), days.end(), key,
                       [](const auto& entry, Key wanted) { return entry.first < wanted; });
  return at != days.end() && at->first == key ? at : days.end();
}

// False when the date is there already.
template <typename Key>
bool Insert(Key key, Calendar::Shifts shifts, std::vector<std::pair<Key, Calendar::Shifts>>* days) {
  if (Find(*days, key) != days->end()) return false;
  days->emplace_back(key, std::move(shifts));
  std::sort(days->begin(), days->end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return true;
}

}  // namespace

std::shared_ptr<const Calendar> Calendar::Compile(const CalendarConfig& config,
                                                  std::string_view path, Faults* faults) {
  const size_t before = faults->size();
  const std::string here(path);
  std::shared_ptr<Calendar> calendar(new Calendar);
  const std::optional<absl::TimeZone> zone = expression_internal::FindZone(config.time_zone);
  if (!zone) {
    AddFault(faults, here + ".time_zone",
             Cat("there is no time zone '", config.time_zone,
                 "'; give a name of the IANA database, such as Europe/Berlin"));
  } else {
    calendar->zone_ = *zone;
  }
  ReadWeek(config, here, &calendar->week_, faults);
  for (const Shifts& shifts : calendar->week_) calendar->week_length_ += LengthOf(shifts);
  for (size_t i = 0; i < config.holidays.size(); ++i) {
    const CalendarConfig::Holiday& holiday = config.holidays[i];
    const std::string at = Cat(here, ".holidays[", i, "]");
    if (!holiday.date) {
      AddFault(faults, at + ".date",
               "a holiday needs a date: 2026-12-25, or --12-25 for every year");
      continue;
    }
    const Date& date = *holiday.date;
    Shifts shifts = ReadShifts(holiday.hours, at, faults);
    const bool fresh =
        date.year == 0 ? Insert(date.month * 100 + date.day, std::move(shifts), &calendar->yearly_)
                       : Insert<int64_t>(absl::CivilDay(date.year, date.month, date.day) -
                                             absl::CivilDay(1970, 1, 1),
                                         std::move(shifts), &calendar->dates_);
    if (!fresh) AddFault(faults, at + ".date", "this date is among the holidays already");
  }
  if (faults->size() == before && calendar->week_length_ == 0) {
    AddFault(faults, here + ".week", "no day of the week has hours: nothing would ever be due");
  }
  return faults->size() == before ? calendar : nullptr;
}

// ---- Counting

const Calendar::Shifts& Calendar::ShiftsOf(int64_t day) const {
  const auto date = Find(dates_, day);
  if (date != dates_.end()) return date->second;
  if (!yearly_.empty()) {
    const absl::CivilDay civil = absl::CivilDay(1970, 1, 1) + day;
    const auto yearly = Find(yearly_, civil.month() * 100 + civil.day());
    if (yearly != yearly_.end()) return yearly->second;
  }
  return week_[WeekdayOf(day)];
}

int64_t Calendar::WholeDays(int64_t first, int64_t end) const {
  if (end <= first) return 0;
  int64_t length = (end - first) / 7 * week_length_;
  for (int64_t day = first + (end - first) / 7 * 7; day < end; ++day) {
    length += LengthOf(week_[WeekdayOf(day)]);
  }
  const auto instead = [&](int64_t day, const Shifts& shifts) {
    length += LengthOf(shifts) - LengthOf(week_[WeekdayOf(day)]);
  };
  auto date = std::lower_bound(dates_.begin(), dates_.end(), first,
                               [](const auto& entry, int64_t day) { return entry.first < day; });
  for (; date != dates_.end() && date->first < end; ++date) instead(date->first, date->second);
  if (yearly_.empty()) return length;
  const absl::CivilDay epoch(1970, 1, 1);
  const absl::civil_year_t last = (epoch + (end - 1)).year();
  for (absl::civil_year_t year = (epoch + first).year(); year <= last; ++year) {
    for (const auto& [key, shifts] : yearly_) {
      const absl::CivilDay civil(year, key / 100, key % 100);
      if (civil.month() != key / 100) continue;  // the 29th of February of another year
      const int64_t day = civil - epoch;
      if (day >= first && day < end && Find(dates_, day) == dates_.end()) instead(day, shifts);
    }
  }
  return length;
}

int64_t Calendar::OnTheClock(int64_t from, int64_t to) const {
  const int64_t first = DayOf(from);
  const int64_t last = DayOf(to);
  if (first == last) return LengthOf(ShiftsOf(first), from - first * kDay, to - first * kDay);
  return LengthOf(ShiftsOf(first), from - first * kDay, kDay) + WholeDays(first + 1, last) +
         LengthOf(ShiftsOf(last), 0, to - last * kDay);
}

int64_t Calendar::Between(int64_t from, int64_t to) const {
  from = std::max(from, kFirst);
  to = std::min(to, kLast);
  int64_t length = 0;
  while (from < to) {
    // As long as the offset stays, the wall's clock runs as time does.
    const absl::Time time = absl::FromUnixMicros(from);
    const int64_t offset = int64_t{zone_.At(time).offset} * 1'000'000;
    int64_t end = to;
    absl::TimeZone::CivilTransition next;
    if (zone_.NextTransition(time, &next)) {
      end = std::clamp(absl::ToUnixMicros(zone_.At(next.to).trans), from + 1, to);
    }
    length += OnTheClock(from + offset, end + offset);
    from = end;
  }
  return length;
}

bool Calendar::IsWorking(int64_t time) const { return Between(time, time + 1) != 0; }

std::optional<int64_t> Calendar::Add(int64_t from, int64_t length) const {
  if (length <= 0) return from;
  if (from > kLast) return std::nullopt;
  // Further and further pieces, until one is long enough; then the place within it.
  int64_t low = from;
  for (int64_t step = std::min(length, kFurthest);; step = std::min(2 * step, kFurthest)) {
    const int64_t worked = Between(low, low + step);
    if (worked >= length) {
      int64_t high = low + step;
      const int64_t start = low;
      while (low + 1 < high) {
        const int64_t middle = low + (high - low) / 2;
        (Between(start, middle) >= length ? high : low) = middle;
      }
      if (high - from > kFurthest) return std::nullopt;
      return high;
    }
    length -= worked;
    low += step;
    if (low - from > kFurthest) return std::nullopt;
  }
}

}  // namespace leadcore
