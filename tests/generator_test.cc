// SPDX-License-Identifier: Apache-2.0
// Links: leadcore_examples leadcore_sqlite
//
// The made-up leads: the same for the same seed, true to what they say of themselves, and found out
// by the engine.
#include "generator/generator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli_util.h"
#include "leadcore/csv.h"

namespace generator {
namespace {

using leadcore::testing::CommandLine;
using leadcore::testing::Count;
using leadcore::testing::Scaled;
using leadcore::testing::SourcePath;

std::vector<Row> Make(size_t count, uint64_t seed) {
  Leads leads(seed);
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i) rows.push_back(leads.Next());
  return rows;
}

TEST(Generator, TheSameSeedGivesTheSameRowsAndAnotherGivesOthers) {
  const std::vector<Row> once = Make(500, 7), again = Make(500, 7), other = Make(500, 8);
  size_t same = 0;
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].cells, again[i].cells) << "row " << i + 1;
    EXPECT_EQ(once[i].kind, again[i].kind);
    EXPECT_EQ(once[i].cells.size(), Columns().size());
    if (once[i].cells == other[i].cells) ++same;
  }
  EXPECT_LT(same, 5u);
}

TEST(Generator, DoublesNameTheRowTheyRepeat) {
  const std::vector<Row> rows = Make(5000, 1);
  std::set<size_t> people;
  std::map<RowKind, size_t> kinds;
  for (size_t i = 0; i < rows.size(); ++i) {
    ++kinds[rows[i].kind];
    const bool again = rows[i].kind == RowKind::kSameEmail || rows[i].kind == RowKind::kSamePhone ||
                       rows[i].kind == RowKind::kSameCompany;
    if (!again) {
      EXPECT_TRUE(people.insert(rows[i].person).second) << "row " << i + 1;
      continue;
    }
    ASSERT_LT(rows[i].original, i + 1);
    ASSERT_GT(rows[i].original, 0u);
    EXPECT_EQ(rows[rows[i].original - 1].person, rows[i].person) << "row " << i + 1;
  }
  EXPECT_EQ(kinds.size(), 7u) << "every kind occurs";
  EXPECT_GT(kinds[RowKind::kOriginal], rows.size() * 3 / 4);
}

TEST(Generator, AWeekIsInOrderAndWithinTheLeads) {
  const std::vector<Behaviour> week = MakeWeek(300, 5), again = MakeWeek(300, 5);
  ASSERT_FALSE(week.empty());
  ASSERT_EQ(week.size(), again.size());
  for (size_t i = 0; i < week.size(); ++i) {
    EXPECT_LT(week[i].lead, 300u);
    EXPECT_GE(week[i].seconds_ago, 0);
    EXPECT_LE(week[i].seconds_ago, 7 * 86'400);
    EXPECT_EQ(week[i].kind, again[i].kind);
    EXPECT_LE(week[i].seconds_ago, week[i == 0 ? 0 : i - 1].seconds_ago);
  }
}

// The truth beside the rows is what the engine finds.
TEST(Generator, ImportFindsWhatWasPlanted) {
  const CommandLine cli;
  const size_t count = Scaled(3000);
  for (const uint64_t seed : {1, 2}) {
    std::map<RowKind, int64_t> kinds;
    leadcore::CsvWriter csv;
    for (const std::string_view column : Columns()) csv.Add(column);
    csv.EndRow();
    for (const Row& row : Make(count, seed)) {
      ++kinds[row.kind];
      for (const std::string& cell : row.cells) csv.Add(cell);
      csv.EndRow();
    }
    cli.Write("a.csv", csv.Take());
    const std::string db = "a" + std::to_string(seed) + ".db";
    const auto ran = cli.Run({"import", "--db", db, "--model",
                              SourcePath("examples/models/b2b.json").string(), "a.csv"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(Count(ran.Result(), "duplicate"), kinds[RowKind::kSameEmail]) << "seed " << seed;
    EXPECT_EQ(Count(ran.Result(), "rejected"),
              kinds[RowKind::kNoContact] + kinds[RowKind::kNoName] + kinds[RowKind::kBadEmail])
        << "seed " << seed << "\n"
        << ran.err;
    EXPECT_EQ(Count(ran.Result(), "created"),
              kinds[RowKind::kOriginal] + kinds[RowKind::kSamePhone] + kinds[RowKind::kSameCompany])
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace generator
