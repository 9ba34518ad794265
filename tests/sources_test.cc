// SPDX-License-Identifier: Apache-2.0
//
// Sources: one record for all the ways people write where a lead comes from, and what it cost.
#include "leadcore/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/model.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SourceConfig Source(const char* id, std::vector<std::string> aliases = {}, const char* name = "") {
  SourceConfig source;
  source.id = id;
  source.name = name;
  source.aliases = std::move(aliases);
  return source;
}

std::vector<std::string> PathsOf(std::vector<SourceConfig> sources) {
  Faults faults;
  const bool compiled = Sources::Compile(std::move(sources), &faults) != nullptr;
  EXPECT_EQ(compiled, faults.empty());
  std::vector<std::string> paths;
  for (const Fault& fault : faults) paths.push_back(fault.path);
  return paths;
}

SourceConfig WithCost(Date from, Date to) {
  SourceConfig source = Source("ads");
  source.costs = {{from, to, {100, {}}}};
  return source;
}

TEST(Sources, AreFoundByIdNameAndAlias) {
  Faults faults;
  const auto sources = Sources::Compile(
      {Source("web", {"www", "Home-Page", "Café site"}, "Web site"), Source("ads", {"AdWords"})},
      &faults);
  ASSERT_NE(sources, nullptr);
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"web", "web"},       {"WEB", "web"},       {"Web Site", "web"},
      {"www", "web"},       {"home page", "web"}, {"  HOME \t page ", "web"},
      {"cafe-SITE", "web"}, {"adwords", "ads"},   {"Ads", "ads"}};
  for (const auto& [text, id] : cases) {
    ASSERT_NE(sources->Find(text), nullptr) << text;
    EXPECT_EQ(sources->Find(text)->id, id) << text;
  }
  for (const char* text : {"", "-", "fair", "we", "webs", "ad words ", "www2"}) {
    EXPECT_EQ(sources->Find(text), nullptr) << text;
  }
  EXPECT_EQ(sources->Find("ads")->name, "ads") << "without a name the id is shown";
  EXPECT_EQ(sources->Find("web")->name, "Web site");
}

TEST(Sources, NobodyIsFoundAmongNone) {
  Faults faults;
  const auto sources = Sources::Compile({}, &faults);
  ASSERT_NE(sources, nullptr);
  EXPECT_EQ(sources->Find("web"), nullptr);
  EXPECT_EQ(Model::Default()->sources().all().size(), 8u) << "the guide's eight";
}

TEST(SourcesFaults, OneTextMeansOneSource) {
  EXPECT_THAT(PathsOf({Source("web", {"web", "WEB"}, "Web")}), IsEmpty())
      << "of one source it may be said twice";
  EXPECT_THAT(PathsOf({Source("web"), Source("Web")}), ElementsAre("sources[1].id"));
  EXPECT_THAT(PathsOf({Source("web"), Source("x", {}, "Wéb")}), ElementsAre("sources[1].name"));
  EXPECT_THAT(PathsOf({Source("web", {"www"}), Source("x", {"y", "WWW."})}),
              ElementsAre("sources[1].aliases[1]"));
  EXPECT_THAT(PathsOf({Source("web", {"x"}), Source("x")}), ElementsAre("sources[1].id"));
  EXPECT_THAT(PathsOf({Source("")}), ElementsAre("sources[0].id"));
  EXPECT_THAT(PathsOf({Source("web", {"--"})}), ElementsAre("sources[0].aliases[0]"));
}

TEST(SourcesFaults, ThePeriodOfACostIsWholeAndInOrder) {
  const Date first{2026, 1, 31}, second{2026, 2, 1};
  EXPECT_THAT(PathsOf({WithCost(first, second)}), IsEmpty());
  EXPECT_THAT(PathsOf({WithCost(first, first)}), IsEmpty()) << "the last day is included";
  EXPECT_THAT(PathsOf({WithCost(second, first)}), ElementsAre("sources[0].costs[0].to"));
  EXPECT_THAT(PathsOf({WithCost(Date{0, 1, 1}, first)}), ElementsAre("sources[0].costs[0].from"))
      << "which January?";
  EXPECT_THAT(PathsOf({WithCost(Date{0, 1, 1}, Date{0, 2, 1})}),
              ElementsAre("sources[0].costs[0].from", "sources[0].costs[0].to"));
}

TEST(SourcesFaults, CostsOfAModelAreReadByPeriod) {
  Faults faults;
  const auto model = Model::Parse(R"json({"sources": [{"id": "ads", "costs": [
    {"from": "2026-01-01", "to": "2026-03-31", "amount": "1200.50 USD"},
    {"from": "2026-04-01", "to": "2026-04-30", "amount": "99 EUR"}]}]})json",
                                  &faults);
  ASSERT_NE(model, nullptr) << FormatFaults(faults);
  const std::vector<SourceCost>& costs = model->sources().Find("ads")->costs;
  ASSERT_EQ(costs.size(), 2u);
  EXPECT_EQ(costs[0].from, (Date{2026, 1, 1}));
  EXPECT_EQ(costs[0].to, (Date{2026, 3, 31}));
  EXPECT_EQ(costs[0].amount.minor, 120'050);
  EXPECT_EQ(costs[0].amount.currency.text(), "USD");
  EXPECT_EQ(costs[1].amount.minor, 9'900);
  EXPECT_EQ(costs[1].amount.currency.text(), "EUR");

  EXPECT_EQ(Model::Parse(R"json({"sources": [{"id": "ads", "costs": [
    {"to": "2026-03-31", "amount": "5 USD"}]}]})json",
                         &faults),
            nullptr);
  EXPECT_THAT(FormatFaults(faults), HasSubstr("sources[0].costs[0].from"));
}

TEST(Sources, ACostWithoutACurrencyIsInTheModels) {
  Faults faults;
  const auto model = Model::Parse(R"({"sources": [{"id": "ads", "costs": [
    {"from": "2026-01-01", "to": "2026-01-31", "amount": "99"}]}], "currency": "EUR"})",
                                  &faults);
  ASSERT_NE(model, nullptr) << FormatFaults(faults);
  const Money amount = model->sources().Find("ads")->costs[0].amount;
  EXPECT_EQ(FormatValue(Value::OfMoney(amount)), "99.00 EUR");
}

}  // namespace
}  // namespace leadcore
