// SPDX-License-Identifier: Apache-2.0
//
// Calendar: working time by the clock on the wall, against a count of every single minute.
#include "leadcore/calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr int64_t kMinute = int64_t{60} * 1'000'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

const std::vector<std::string> kWeekdays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

int64_t At(const char* time) {
  const absl::StatusOr<int64_t> micros = ParseTime(time);
  EXPECT_TRUE(micros.ok()) << time;
  return micros.value_or(0);
}

CalendarConfig Office(std::string zone, std::vector<std::string> hours = {"09:00-17:00"}) {
  CalendarConfig config;
  config.name = "office";
  config.time_zone = std::move(zone);
  config.week = {{{"mon", "tue", "wed", "thu", "fri"}, std::move(hours)}};
  return config;
}

CalendarConfig Always(std::string zone) {
  CalendarConfig config = Office(std::move(zone), {"00:00-24:00"});
  config.week[0].days = kWeekdays;
  return config;
}

std::shared_ptr<const Calendar> Compiled(const CalendarConfig& config) {
  Faults faults;
  std::shared_ptr<const Calendar> calendar = Calendar::Compile(config, "calendars[0]", &faults);
  for (const Fault& fault : faults) ADD_FAILURE() << fault.path << ": " << fault.message;
  return calendar;
}

// "path: message" of every fault.
std::vector<std::string> FaultsOf(const CalendarConfig& config) {
  Faults faults;
  const bool compiled = Calendar::Compile(config, "calendars[0]", &faults) != nullptr;
  EXPECT_EQ(compiled, faults.empty());
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(fault.path + ": " + fault.message);
  return texts;
}

// ---- What a calendar may say

TEST(CalendarTest, FaultsNameTheirPlaceAndWhatToWrite) {
  CalendarConfig config;
  config.time_zone = "Europe/Berln";
  config.week = {{{"mon", "monday"}, {"9-17"}},
                 {{"someday"}, {"22:00-06:00"}},
                 {{"tue"}, {"09:00-12:00", "11:00-13:00"}},
                 {{}, {"09:00-24:30"}}};
  config.holidays = {
      {"Christmas", Date{0, 12, 25}, {}}, {"again", Date{0, 12, 25}, {}}, {"none", {}, {}}};
  EXPECT_THAT(
      FaultsOf(config),
      ElementsAre(HasSubstr("calendars[0].time_zone: there is no time zone 'Europe/Berln'"),
                  HasSubstr("calendars[0].week[0].hours[0]: '9-17' are no hours"),
                  HasSubstr("calendars[0].week[0].days[1]: monday has hours already"),
                  HasSubstr("calendars[0].week[1].hours[0]: '22:00-06:00' ends before it begins; "
                            "what goes past midnight is two: 22:00-24:00, and 00:00-06:00"),
                  HasSubstr("calendars[0].week[1].days[0]: 'someday' is no day"),
                  HasSubstr("calendars[0].week[2].hours[1]: '11:00-13:00' begins before"),
                  HasSubstr("calendars[0].week[3].hours[0]: '09:00-24:30' are no hours"),
                  HasSubstr("calendars[0].week[3].days: name the days"),
                  HasSubstr("calendars[0].holidays[1].date: this date is among the holidays"),
                  HasSubstr("calendars[0].holidays[2].date: a holiday needs a date")));
}

TEST(CalendarTest, HoursThatAreNone) {
  for (const char* hours :
       {"", "-", "09:00", "09:00-", "-17:00", "09.00-17.00", "9:0-17:00", "09:60-17:00",
        "+9:00-17:00", "09:00-17:00 ", "09:00-09:00", "09:00-12:00-13:00", "009:00-17:00"}) {
    EXPECT_EQ(FaultsOf(Office("UTC", {hours})).size(), 1U) << "'" << hours << "'";
  }
}

TEST(CalendarTest, AWeekWithoutHoursIsRefused) {
  EXPECT_THAT(FaultsOf(Office("UTC", {})), ElementsAre(HasSubstr("calendars[0].week: no day")));
}

// ---- Working time

TEST(CalendarTest, NightsWeekendsAndBreaksAreNotCounted) {
  const auto calendar = Compiled(Office("Europe/Berlin", {"09:00-12:30", "13:30-17:00"}));
  // Friday 16:30 in Berlin to Monday 9:15.
  EXPECT_EQ(calendar->Between(At("2026-01-09T15:30:00Z"), At("2026-01-12T08:15:00Z")),
            45 * kMinute);
  EXPECT_EQ(calendar->Between(At("2026-01-12T11:00:00Z"), At("2026-01-12T13:00:00Z")), kHour);
  EXPECT_EQ(calendar->Between(At("2026-01-12T13:00:00Z"), At("2026-01-12T11:00:00Z")), 0);
  EXPECT_EQ(calendar->Add(At("2026-01-09T15:30:00Z"), 45 * kMinute), At("2026-01-12T08:15:00Z"));
  EXPECT_TRUE(calendar->IsWorking(At("2026-01-12T11:29:59Z")));
  EXPECT_FALSE(calendar->IsWorking(At("2026-01-12T11:30:00Z")));
}

TEST(CalendarTest, FiveMinutesThatEndWithTheDayAreDueAtItsEnd) {
  const auto calendar = Compiled(Office("UTC"));
  EXPECT_EQ(calendar->Add(At("2026-01-09T16:55:00Z"), 5 * kMinute), At("2026-01-09T17:00:00Z"));
  EXPECT_EQ(calendar->Add(At("2026-01-09T16:55:01Z"), 5 * kMinute), At("2026-01-12T09:00:01Z"));
  EXPECT_EQ(calendar->Add(At("2026-01-10T12:00:00Z"), 0), At("2026-01-10T12:00:00Z"));
}

TEST(CalendarTest, HolidaysOfOneYearAndOfEveryYear) {
  CalendarConfig config = Office("UTC");
  config.holidays = {{"Christmas Eve", Date{0, 12, 24}, {"09:00-12:00"}},
                     {"Christmas Day", Date{0, 12, 25}, {}},
                     {"leap day", Date{0, 2, 29}, {}},
                     {"worked in 2030", Date{2030, 12, 25}, {"10:00-11:00"}}};
  const auto calendar = Compiled(config);
  const auto worked = [&](const char* from, const char* to) {
    return calendar->Between(At(from), At(to)) / kHour;
  };
  EXPECT_EQ(worked("2026-12-24T00:00:00Z", "2026-12-26T00:00:00Z"), 3);
  EXPECT_EQ(worked("2030-12-25T00:00:00Z", "2030-12-26T00:00:00Z"), 1);
  EXPECT_EQ(worked("2028-02-28T00:00:00Z", "2028-03-02T00:00:00Z"), 16);  // Mon, Tue the 29th, Wed
  EXPECT_EQ(worked("2026-02-27T00:00:00Z", "2026-03-03T00:00:00Z"), 16);
}

TEST(CalendarTest, ClocksThatChange) {
  CalendarConfig config = Always("Europe/Berlin");
  const auto always = Compiled(config);
  config.week[0].hours = {"01:30-02:30"};
  const auto night = Compiled(config);
  // 2026-03-29: 02:00 becomes 03:00.
  EXPECT_EQ(always->Between(At("2026-03-28T23:00:00Z"), At("2026-03-29T22:00:00Z")), 23 * kHour);
  EXPECT_EQ(night->Between(At("2026-03-28T23:00:00Z"), At("2026-03-29T22:00:00Z")), 30 * kMinute);
  // 2026-10-25: 03:00 becomes 02:00; half past two is shown twice, half past one once.
  EXPECT_EQ(always->Between(At("2026-10-24T22:00:00Z"), At("2026-10-25T23:00:00Z")), 25 * kHour);
  EXPECT_EQ(night->Between(At("2026-10-24T22:00:00Z"), At("2026-10-25T23:00:00Z")), 90 * kMinute);
  EXPECT_FALSE(night->IsWorking(At("2026-10-25T00:45:00Z")));
  EXPECT_TRUE(night->IsWorking(At("2026-10-25T01:15:00Z")));
  // Samoa went from the 29th to the 31st of December 2011.
  EXPECT_EQ(Compiled(Always("Pacific/Apia"))
                ->Between(At("2011-12-29T10:00:00Z"), At("2011-12-31T10:00:00Z")),
            2 * kDay);
}

TEST(CalendarTest, WhatIsTooFarAwayIsNever) {
  CalendarConfig config = Office("UTC", {"09:00-10:00"});
  config.week[0].days = {"mon"};
  const auto calendar = Compiled(config);
  EXPECT_EQ(calendar->Add(At("2026-01-01T00:00:00Z"), 6000 * kHour), std::nullopt);
  EXPECT_THAT(calendar->Add(At("2026-01-01T00:00:00Z"), 5000 * kHour), Optional(::testing::_));
  EXPECT_EQ(calendar->Add(INT64_MAX, kHour), std::nullopt);
  EXPECT_GT(calendar->Between(INT64_MIN, INT64_MAX), 0);
}

// ---- Against every minute

constexpr const char* kZones[] = {
    "UTC",           "Europe/Berlin",       "America/New_York",  "Australia/Lord_Howe",
    "Asia/Kolkata",  "America/Sao_Paulo",   "Africa/Casablanca", "Pacific/Apia",
    "Asia/Tehran",   "Pacific/Chatham",     "America/St_Johns",  "Antarctica/Troll",
    "Europe/Dublin", "America/Los_Angeles", "Asia/Ho_Chi_Minh"};

std::string Clock(int minutes) {
  const auto two = [](int number) {
    return std::string{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
  };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

class RandomCalendar {
 public:
  explicit RandomCalendar(uint64_t seed) : random_(seed) {
    config_.time_zone = kZones[Below(std::size(kZones))];
    EXPECT_TRUE(absl::LoadTimeZone(config_.time_zone, &zone_));
    start_ = At("1975-01-01T00:00:00Z") / kMinute + Below(60 * 366 * 24 * 60);
    for (const std::string& day : kWeekdays) {
      week_.push_back(RandomHours());
      if (!week_.back().empty()) config_.week.push_back({{day}, Texts(week_.back())});
    }
    if (config_.week.empty()) {
      week_[2] = {{60, 200}};
      config_.week.push_back({{"wed"}, Texts(week_[2])});
    }
    const absl::CivilDay first = absl::ToCivilDay(Time(start_), absl::UTCTimeZone());
    for (int i = Below(5); i > 0; --i) AddHoliday(first + Below(400), Below(2) == 0);
  }

  const CalendarConfig& config() const { return config_; }
  int64_t start() const { return start_; }  // in minutes since 1970
  int64_t Below(int64_t end) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(end));
  }

  // Whether a minute is worked, by what the wall's clock shows.
  bool Works(int64_t minute) const {
    const absl::CivilMinute civil = absl::ToCivilMinute(Time(minute), zone_);
    const int clock = civil.hour() * 60 + civil.minute();
    const absl::CivilDay day(civil);
    const std::vector<std::pair<int, int>>* hours = &week_[Weekday(day)];
    for (const Holiday& holiday : holidays_) {
      const bool same = holiday.day.month() == day.month() && holiday.day.day() == day.day();
      if (holiday.yearly && same) hours = &holiday.hours;
    }
    for (const Holiday& holiday : holidays_) {
      if (!holiday.yearly && holiday.day == day) hours = &holiday.hours;
    }
    return std::any_of(hours->begin(), hours->end(), [&](const std::pair<int, int>& shift) {
      return clock >= shift.first && clock < shift.second;
    });
  }

 private:
  using Hours = std::vector<std::pair<int, int>>;
  struct Holiday {
    absl::CivilDay day;
    bool yearly = false;
    Hours hours;
  };

  static absl::Time Time(int64_t minute) { return absl::FromUnixMicros(minute * kMinute); }
  static size_t Weekday(absl::CivilDay day) {
    return static_cast<size_t>(absl::GetWeekday(day));  // absl counts from Monday
  }
  static std::vector<std::string> Texts(const Hours& hours) {
    std::vector<std::string> texts;
    for (const auto& [from, to] : hours) texts.push_back(Clock(from) + "-" + Clock(to));
    return texts;
  }
  Hours RandomHours() {
    Hours hours;
    int at = 0;
    for (int64_t i = Below(4); i > 0 && at < 24 * 60; --i) {
      const int from = at + static_cast<int>(Below(24 * 60 - at));
      const int to = from + 1 + static_cast<int>(Below(24 * 60 - from));
      hours.emplace_back(from, to);
      at = to;
    }
    return hours;
  }
  void AddHoliday(absl::CivilDay day, bool yearly) {
    for (const Holiday& holiday : holidays_) {
      const bool same = holiday.day.month() == day.month() && holiday.day.day() == day.day();
      if (same && holiday.yearly == yearly) return;
    }
    holidays_.push_back({day, yearly, RandomHours()});
    const Date date{static_cast<int16_t>(yearly ? 0 : day.year()),
                    static_cast<uint8_t>(day.month()), static_cast<uint8_t>(day.day())};
    config_.holidays.push_back({"", date, Texts(holidays_.back().hours)});
  }

  std::mt19937_64 random_;
  CalendarConfig config_;
  absl::TimeZone zone_;
  int64_t start_ = 0;
  std::vector<Hours> week_;
  std::vector<Holiday> holidays_;
};

TEST(CalendarTest, EqualsACountOfEveryMinute) {
  const uint64_t seed = testing::Seed();
  const int rounds = 300;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    RandomCalendar random(seed + static_cast<uint64_t>(round));
    SCOPED_TRACE("LEADCORE_SEED=" + std::to_string(seed + static_cast<uint64_t>(round)) + " " +
                 random.config().time_zone);
    const auto calendar = Compiled(random.config());
    ASSERT_NE(calendar, nullptr);
    const int64_t minutes = 1 + random.Below(random.Below(4) == 0 ? 400 * 24 * 60 : 20 * 24 * 60);
    std::vector<int64_t> worked = {0};  // up to each minute
    for (int64_t i = 0; i < minutes; ++i) {
      worked.push_back(worked.back() + (random.Works(random.start() + i) ? 1 : 0));
    }
    for (int i = 0; i < 20; ++i) {
      const int64_t from = random.Below(minutes + 1);
      const int64_t to = from + random.Below(minutes + 1 - from);
      ASSERT_EQ(
          calendar->Between((random.start() + from) * kMinute, (random.start() + to) * kMinute),
          (worked[to] - worked[from]) * kMinute)
          << FormatTime((random.start() + from) * kMinute) << " to "
          << FormatTime((random.start() + to) * kMinute);
      // The first moment by which so much was worked, if it lies within what was counted.
      const int64_t length = 1 + random.Below(worked.back() - worked[from] + 1);
      const auto at = std::lower_bound(worked.begin() + from, worked.end(), worked[from] + length);
      if (at == worked.end()) continue;
      ASSERT_EQ(calendar->Add((random.start() + from) * kMinute, length * kMinute),
                (random.start() + (at - worked.begin())) * kMinute)
          << FormatTime((random.start() + from) * kMinute) << " and " << length << " minutes";
    }
  }
}

// The canary: hours of the day added to UTC days, as if no zone changed its clocks.
TEST(CalendarTest, AFixedOffsetIsFound) {
  CalendarConfig config = Office("+01:00");
  const auto fixed = Compiled(config);
  config.time_zone = "Europe/Berlin";
  const auto berlin = Compiled(config);
  const int64_t from = At("2026-07-06T06:30:00Z");
  EXPECT_NE(fixed->Between(from, from + 90 * kMinute), berlin->Between(from, from + 90 * kMinute));
}

}  // namespace
}  // namespace leadcore
