// SPDX-License-Identifier: Apache-2.0
//
// Reports: counts that add up, in an order that people can read.
#include "leadcore/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kDay = 86'400'000'000;
constexpr int64_t kNow = 20'000 * kDay;
constexpr ReportCell kNothing = std::monostate();

const std::vector<ReportState>& States() {
  static const auto& states = *new std::vector<ReportState>{
      {"New", false, true}, {"Working", false, true}, {"Won", true, false}, {"Lost", false, false}};
  return states;
}

struct Row {
  const char *source, *status, *owner, *band;
  int64_t days_old;
};

std::vector<ReportRow> Told(const char* name, const std::vector<Row>& rows) {
  absl::StatusOr<std::unique_ptr<Report>> report = Report::Make(name, States(), FromMicros(kNow));
  EXPECT_TRUE(report.ok()) << report.status();
  for (const Row& row : rows) {
    Lead lead(Schema::BuiltIn());
    if (row.source != nullptr) lead.SetText(field::kSource, row.source);
    if (row.owner != nullptr) lead.SetText(field::kOwner, row.owner);
    lead.SetText(field::kStatus, row.status);
    lead.SetText(field::kBand, row.band);
    lead.Set(field::kCreateTime, Value::Time(kNow - row.days_old * kDay));
    (*report)->Add(lead.view());
  }
  for (const ReportRow& row : (*report)->Rows()) {
    EXPECT_EQ(row.size(), (*report)->columns().size());
  }
  return (*report)->Rows();
}

std::vector<Row> Rows() {
  return {{"web", "New", "ann", "hot", 1},    {"web", "Won", "ann", "hot", 5},
          {"web", "Lost", "bob", "cold", 9},  {"ads", "New", "bob", "cold", 8},
          {"ads", "Won", nullptr, "hot", 40}, {nullptr, "Working", "ann", "warm", 100}};
}

TEST(Report, SourcesWithMostLeadsFirst) {
  EXPECT_THAT(Told("source", Rows()), ElementsAre(ReportRow{"web", int64_t{3}, int64_t{1}},
                                                  ReportRow{"ads", int64_t{2}, int64_t{1}},
                                                  ReportRow{kNothing, int64_t{1}, int64_t{0}}));
}

TEST(Report, TheFunnelIsInTheOrderOfTheModelAndWhole) {
  const std::vector<ReportRow> rows = Told("funnel", Rows());
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0][0], ReportCell("New"));
  EXPECT_EQ(rows[1][0], ReportCell("Working"));
  double share = 0;
  int64_t leads = 0;
  for (const ReportRow& row : rows) {
    leads += std::get<int64_t>(row[1]);
    share += std::get<double>(row[2]);
  }
  EXPECT_EQ(leads, 6);
  EXPECT_NEAR(share, 100, 0.5);
}

TEST(Report, EveryOwnerWithWhatIsOpenConvertedAndHot) {
  EXPECT_THAT(Told("rep", Rows()),
              ElementsAre(ReportRow{"ann", int64_t{3}, int64_t{2}, int64_t{1}, int64_t{2}},
                          ReportRow{"bob", int64_t{2}, int64_t{1}, int64_t{0}, int64_t{0}},
                          ReportRow{kNothing, int64_t{1}, int64_t{0}, int64_t{1}, int64_t{1}}));
}

TEST(Report, AgesOfOpenLeads) {
  const std::vector<ReportRow> rows = Told("aging", Rows());
  ASSERT_EQ(rows.size(), 2u) << "open states only";
  EXPECT_EQ(rows[0],
            (ReportRow{"New", int64_t{2}, int64_t{1}, int64_t{1}, int64_t{0}, int64_t{0}, 4.5}));
  EXPECT_EQ(rows[1], (ReportRow{"Working", int64_t{1}, int64_t{0}, int64_t{0}, int64_t{0},
                                int64_t{1}, 100.0}));
}

TEST(Report, NothingAndNoSuchReport) {
  EXPECT_TRUE(Told("source", {}).empty());
  const auto none = Report::Make("sources", States(), FromMicros(kNow));
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("source"));
}

// ---- Against naive counting

struct Counts {
  int64_t leads = 0, open = 0, won = 0, hot = 0;
};

// null last, as reports show it.
using Name = std::pair<bool, std::string>;
Name NameOf(const char* text) { return {text == nullptr, text == nullptr ? "" : text}; }
ReportCell CellOf(const Name& name) { return name.first ? kNothing : ReportCell(name.second); }

std::vector<std::pair<Name, Counts>> MostFirst(const std::vector<Row>& rows,
                                               const char* Row::*member) {
  std::map<Name, Counts> counts;
  for (const Row& row : rows) {
    Counts& of = counts[NameOf(row.*member)];
    const std::string status = row.status;
    ++of.leads;
    of.open += status == "New" || status == "Working";
    of.won += status == "Won";
    of.hot += std::string(row.band) == "hot";
  }
  std::vector<std::pair<Name, Counts>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.leads > b.second.leads; });
  return sorted;
}

std::vector<ReportRow> NaiveAging(const std::vector<Row>& rows) {
  std::vector<ReportRow> expected;
  for (const char* status : {"New", "Working"}) {
    std::vector<int64_t> days;
    int64_t buckets[4] = {0, 0, 0, 0};
    for (const Row& row : rows) {
      if (std::string(row.status) != status) continue;
      days.push_back(row.days_old);
      ++buckets[row.days_old <= 7 ? 0 : row.days_old <= 30 ? 1 : row.days_old <= 90 ? 2 : 3];
    }
    if (days.empty()) continue;
    // The median has as many below as above: take the ends away until one or two are left.
    std::sort(days.begin(), days.end());
    std::deque<int64_t> middle(days.begin(), days.end());
    while (middle.size() > 2) {
      middle.pop_front();
      middle.pop_back();
    }
    expected.push_back({status, static_cast<int64_t>(days.size()), buckets[0], buckets[1],
                        buckets[2], buckets[3],
                        static_cast<double>(middle.front() + middle.back()) / 2});
  }
  return expected;
}

TEST(ReportRandom, TellsWhatANaiveCountTells) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const auto one_of = [&](const std::vector<const char*>& texts) {
    return texts[random() % texts.size()];
  };
  for (size_t run = 0; run < testing::Scaled(200); ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " run " + std::to_string(run));
    std::vector<Row> rows;
    for (size_t i = 1 + random() % 60; i > 0; --i) {
      rows.push_back({one_of({"web", "ads", "fair", nullptr}),
                      one_of({"New", "Working", "Won", "Lost"}),
                      one_of({"ann", "bob", "cid", nullptr}), one_of({"hot", "warm", "cold"}),
                      static_cast<int64_t>(random() % 120)});
    }
    std::vector<ReportRow> sources, owners, funnel;
    for (const auto& [name, counts] : MostFirst(rows, &Row::source)) {
      sources.push_back({CellOf(name), counts.leads, counts.won});
    }
    for (const auto& [name, counts] : MostFirst(rows, &Row::owner)) {
      owners.push_back({CellOf(name), counts.leads, counts.open, counts.won, counts.hot});
    }
    for (const ReportState& state : States()) {
      const int64_t leads = std::count_if(rows.begin(), rows.end(),
                                          [&](const Row& row) { return row.status == state.name; });
      funnel.push_back({state.name, leads,
                        100.0 * static_cast<double>(leads) / static_cast<double>(rows.size())});
    }
    EXPECT_EQ(Told("source", rows), sources);
    EXPECT_EQ(Told("rep", rows), owners);
    EXPECT_EQ(Told("funnel", rows), funnel);
    EXPECT_EQ(Told("aging", rows), NaiveAging(rows));
  }
}

// A day is over when 24 hours are; a lead from a clock that is ahead is new.
TEST(ReportAging, DaysAreWhole) {
  const auto report = Report::Make("aging", States(), FromMicros(kNow));
  ASSERT_TRUE(report.ok());
  for (const int64_t age : {-kDay, int64_t{0}, 8 * kDay - 1, 8 * kDay, 31 * kDay - 1, 31 * kDay,
                            91 * kDay - 1, 91 * kDay}) {
    Lead lead(Schema::BuiltIn());
    lead.SetText(field::kStatus, "New");
    lead.Set(field::kCreateTime, Value::Time(kNow - age));
    (*report)->Add(lead.view());
  }
  EXPECT_THAT((*report)->Rows(), ElementsAre(ReportRow{"New", int64_t{8}, int64_t{3}, int64_t{2},
                                                       int64_t{2}, int64_t{1}, 19.0}));
}

}  // namespace
}  // namespace leadcore
