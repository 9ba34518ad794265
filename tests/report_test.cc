// SPDX-License-Identifier: Apache-2.0
//
// Reports: counts that add up, in an order that people can read.
#include "leadcore/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "leadcore/lead.h"
#include "leadcore/schema.h"

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

}  // namespace
}  // namespace leadcore
