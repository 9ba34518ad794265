// SPDX-License-Identifier: Apache-2.0
//
// Jaro-Winkler and edit distance: published values, symmetry, bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/matching.h"
#include "matching/measures.h"
#include "test_util.h"

namespace leadcore {
namespace {

std::string Percent(int ten_thousandths) {
  const std::string rest = std::to_string(ten_thousandths % 100);
  return std::to_string(ten_thousandths / 100) + "." + (rest.size() < 2 ? "0" : "") + rest;
}

TEST(Measures, AgreeWithTheAcceptanceCases) {
  const auto path = testing::SharedPath("acceptance/cases.json");
  LEADCORE_SKIP_WITHOUT(path, "acceptance/cases.json");
  const nlohmann::json cases = nlohmann::json::parse(testing::ReadFile(*path));
  ASSERT_FALSE(cases["similarity"].empty());
  for (const nlohmann::json& one : cases["similarity"]) {
    const std::string a = one[0], b = one[1];
    char shown[16];
    std::snprintf(shown, sizeof(shown), "%.2f", one[2].get<double>());
    EXPECT_EQ(Percent(JaroWinkler(a, b)), shown) << a << " " << b;
    EXPECT_EQ(EditDistance(a, b), one[3].get<int>()) << a << " " << b;
  }
}

// W. Winkler's own table, to the three decimals it has.
TEST(Measures, AgreeWithWinklersTable) {
  const std::tuple<const char*, const char*, int> cases[] = {
      {"SHACKLEFORD", "SHACKELFORD", 982},
      {"DUNNINGHAM", "CUNNIGHAM", 896},
      {"NICHLESON", "NICHULSON", 956},
      {"JONES", "JOHNSON", 832},
      {"MASSEY", "MASSIE", 933},
      {"ABROMS", "ABRAMS", 922},
      {"JERALDINE", "GERALDINE", 926},
      {"MARHTA", "MARTHA", 961},
      {"MICHELLE", "MICHAEL", 921},
      {"JULIES", "JULIUS", 933},
      {"TANYA", "TONYA", 880},
      {"DWAYNE", "DUANE", 840},
      {"SEAN", "SUSAN", 805},
      {"JON", "JOHN", 933},
  };
  for (const auto& [a, b, thousandths] : cases) {
    EXPECT_EQ((JaroWinkler(a, b) + 5) / 10, thousandths) << a << " " << b;
  }
}

TEST(Measures, CountCodePoints) {
  EXPECT_EQ(EditDistance("Müller", "Muller"), 1);
  EXPECT_EQ(EditDistance("日本", "日本語"), 1);
  EXPECT_EQ(JaroWinkler("Müller", "Müllex"), JaroWinkler("Muller", "Mullex"));
}

TEST(Measures, KnowTheirBounds) {
  EXPECT_EQ(JaroWinkler("", ""), 10'000);
  EXPECT_EQ(JaroWinkler("a", ""), 0);
  EXPECT_EQ(JaroWinkler("abc", "xyz"), 0);
  EXPECT_EQ(EditDistance("", "abc"), 3);
  const std::string longer(5000, 'x');
  EXPECT_EQ(JaroWinkler(longer, longer + "y"), 10'000) << "the first 1,000 code points";
  EXPECT_EQ(EditDistance(longer, longer + "y"), 0);
}

TEST(Measures, AreSymmetric) {
  const uint64_t seed = testing::Seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto word = [&] {
    std::string text(random() % 12, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (size_t i = 0; i < testing::Scaled(100'000); ++i) {
    const std::string a = word(), b = word();
    ASSERT_EQ(JaroWinkler(a, b), JaroWinkler(b, a)) << a << " " << b;
    ASSERT_EQ(EditDistance(a, b), EditDistance(b, a)) << a << " " << b;
    ASSERT_EQ(IsOneEdit(a, b), IsOneEdit(b, a)) << a << " " << b;
    ASSERT_EQ(JaroWinkler(a, a), 10'000);
    ASSERT_EQ(EditDistance(a, b) == 0, a == b);
    if (EditDistance(a, b) <= 1) {
      ASSERT_TRUE(IsOneEdit(a, b)) << a << " " << b;
    }
  }
}

TEST(Measures, OneEditIsAlsoASwapOfNeighbours) {
  EXPECT_TRUE(IsOneEdit("marhta", "martha"));
  EXPECT_TRUE(IsOneEdit("smith", "smiht"));
  EXPECT_TRUE(IsOneEdit("smith", "smth"));
  EXPECT_TRUE(IsOneEdit("smith", "smyth"));
  EXPECT_TRUE(IsOneEdit("", "a"));
  EXPECT_FALSE(IsOneEdit("smith", "smyht"));
  EXPECT_FALSE(IsOneEdit("ab", "ba x"));
}

}  // namespace
}  // namespace leadcore
