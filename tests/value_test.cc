// SPDX-License-Identifier: Apache-2.0
//
// Values: what people write, what is kept, and the one way each is shown.
#include "leadcore/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <compare>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "test_util.h"

namespace leadcore {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

struct Written {
  Type type;
  std::string_view text;
  std::string_view shown;  // "" when it is refused
};

TEST(ParseValue, TakesWhatPeopleWriteAndShowsItOneWay) {
  const Written cases[] = {{Type::kInteger, "1,200", "1200"},
                           {Type::kInteger, " -7 ", "-7"},
                           {Type::kInteger, "9223372036854775807", "9223372036854775807"},
                           {Type::kInteger, "9223372036854775808", ""},
                           {Type::kInteger, "twelve", ""},
                           {Type::kReal, "12.50", "12.5"},
                           {Type::kReal, "35%", "35"},
                           {Type::kReal, "nan", ""},
                           {Type::kReal, "1e999", ""},
                           {Type::kBoolean, "Yes", "true"},
                           {Type::kBoolean, "0", "false"},
                           {Type::kBoolean, "maybe", ""},
                           {Type::kTime, "2026-11-23T09:30:00Z", "2026-11-23T09:30:00Z"},
                           {Type::kTime, "2026-11-23T09:30:00+02:00", "2026-11-23T07:30:00Z"},
                           {Type::kTime, "2026-11-23 09:30:00.5", "2026-11-23T09:30:00.5Z"},
                           {Type::kTime, "2026-02-30T00:00:00Z", ""},
                           {Type::kDate, "2024-02-29", "2024-02-29"},
                           {Type::kDate, "2023-02-29", ""},
                           {Type::kDate, "--02-29", "--02-29"},
                           {Type::kDate, "11/23/2026", "2026-11-23"},
                           {Type::kDuration, "1h30m", "90m"},
                           {Type::kDuration, "90s", "90s"},
                           {Type::kDuration, "soon", ""},
                           {Type::kMoney, "$1,200", "1200.00 USD"},
                           {Type::kMoney, "1.2M", "1200000.00 USD"},
                           {Type::kMoney, "-5.05 EUR", "-5.05 EUR"},
                           {Type::kMoney, "1000 JPY", "1000 JPY"},
                           {Type::kMoney, "lots", ""}};
  for (const Written& each : cases) {
    const absl::StatusOr<Value> value = ParseValue(each.type, each.text, {});
    if (each.shown.empty()) {
      EXPECT_FALSE(value.ok()) << each.text << " became "
                               << (value.ok() ? FormatValue(*value) : "");
      continue;
    }
    ASSERT_TRUE(value.ok()) << each.text << ": " << value.status();
    EXPECT_EQ(FormatValue(*value), each.shown) << each.text;
    const absl::StatusOr<Value> again = ParseValue(each.type, each.shown, {});
    ASSERT_TRUE(again.ok()) << each.shown << ": " << again.status();
    EXPECT_TRUE(SameValue(*value, *again)) << each.text;
  }
}

TEST(ParseValue, KnowsTheHabitsItIsTold) {
  ParseOptions german;
  german.day_first = true;
  german.decimal_comma = true;
  german.currency = Currency{{'E', 'U', 'R'}};
  EXPECT_EQ(FormatValue(*ParseValue(Type::kMoney, "1.234,50", german)), "1234.50 EUR");
  EXPECT_EQ(FormatValue(*ParseValue(Type::kDate, "03/04/2026", german)), "2026-04-03");
  EXPECT_EQ(FormatValue(*ParseValue(Type::kDate, "03/04/2026", {})), "2026-03-04");
  EXPECT_EQ(FormatValue(*ParseValue(Type::kReal, "0,5", german)), "0.5");
}

// Whatever is shown is read again as the same.
TEST(FormatValue, IsReadAsTheSame) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  for (size_t run = 0; run < testing::Scaled(20'000); ++run) {
    const auto bits = static_cast<int64_t>(random());
    double real = 0;
    std::memcpy(&real, &bits, sizeof(real));
    const Value values[] = {Value::Integer(bits),
                            Value::Boolean(bits > 0),
                            Value::Time(bits % (250'000 * kDay)),
                            Value::Duration(bits >> (random() % 64)),
                            Value::OfMoney({bits >> (random() % 64), Currency{{'U', 'S', 'D'}}}),
                            Value::Real(std::isfinite(real) ? real : 0.25)};
    const Type types[] = {Type::kInteger,  Type::kBoolean, Type::kTime,
                          Type::kDuration, Type::kMoney,   Type::kReal};
    for (size_t i = 0; i < std::size(values); ++i) {
      const std::string text = FormatValue(values[i]);
      const absl::StatusOr<Value> again = ParseValue(types[i], text, {});
      ASSERT_TRUE(again.ok()) << text << ": " << again.status() << ", seed " << seed;
      EXPECT_TRUE(SameValue(values[i], *again)) << text << ", seed " << seed;
    }
  }
}

TEST(Time, GoesFromTheFirstYearToTheLast) {
  EXPECT_EQ(FormatTime(*ParseTime("0001-01-01T00:00:00Z")), "0001-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(*ParseTime("9999-12-31T23:59:59.999999Z")), "9999-12-31T23:59:59.999999Z");
  // Of times that ParseTime refuses and that bytes may hold all the same.
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(FormatTime(kFirst), "-290308-12-21T19:59:05.224192Z");
  EXPECT_EQ(FormatTime(-(kFirst + 1)), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(FormatTime(951'868'799'999'990), "2000-02-29T23:59:59.99999Z");
  EXPECT_EQ(*ParseTime("1970-01-01T00:00:00.000001Z"), 1);
  EXPECT_EQ(*ParseTime("1969-12-31T23:59:59.999999Z"), -1);
  for (const std::string_view bad :
       {"10000-01-01T00:00:00Z", "0000-12-31T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z", "2026-01-01T00:00:00.0000001Z", ""}) {
    EXPECT_FALSE(ParseTime(bad).ok()) << bad;
  }
}

TEST(CompareValues, IsATotalOrder) {
  const std::vector<Value> ascending = {Value(),
                                        Value::Integer(-5),
                                        Value::Real(-4.5),
                                        Value::Integer(0),
                                        Value::Real(0.25),
                                        Value::Integer(1),
                                        Value::Real(9e18),
                                        Value::Integer(std::numeric_limits<int64_t>::max()),
                                        Value::Real(9.3e18)};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(CompareValues(ascending[i], ascending[j]), i <=> j) << i << " and " << j;
    }
  }
  EXPECT_TRUE(CompareValues(Value::Text("Z"), Value::Text("a")) < 0);
  EXPECT_TRUE(CompareValues(Value::Text("z"), Value::Text("é")) < 0) << "by code point";
  EXPECT_TRUE(CompareValues(Value::Text(""), Value::Text("a")) < 0);
  EXPECT_TRUE(CompareValues(Value(), Value::Text("")) < 0) << "absent is not empty";
  EXPECT_TRUE(CompareValues(Value::OfDate({2026, 1, 31}), Value::OfDate({2026, 2, 1})) < 0);
  EXPECT_TRUE(CompareValues(Value::Real(std::nan("")), Value::Real(std::nan(""))) == 0);
  EXPECT_TRUE(SameValue(Value::Real(std::nan("")), Value::Real(std::nan(""))));
  EXPECT_FALSE(SameValue(Value(), Value::Text("")));
  EXPECT_FALSE(SameValue(Value::Integer(1), Value::Real(1)));
}

}  // namespace
}  // namespace leadcore
