// SPDX-License-Identifier: Apache-2.0
//
// Routing: territories, rules, pools and their strategies, affinity, and what the answer says.
#include "leadcore/routing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::HasSubstr;

constexpr absl::Time kNow = absl::FromUnixSeconds(1'767'603'600);

std::shared_ptr<const Model> WithRouting(const std::string& routing, Faults* faults) {
  return Model::Parse("{\"routing\": " + routing + "}", faults);
}

// Counters as a store keeps them, and leads routed one after another.
class Desk {
 public:
  explicit Desk(const std::string& routing) {
    Faults faults;
    model_ = WithRouting(routing, &faults);
    EXPECT_NE(model_, nullptr) << FormatFaults(faults);
  }

  Lead MakeLead(const std::map<FieldId, std::string>& fields = {}) const {
    Lead lead(model_->schema());
    for (const auto& [id, text] : fields) lead.SetText(id, text);
    return lead;
  }

  Assignment Route(const Lead& given, std::vector<KnownOwner> known = {}) {
    Lead lead = given;
    const std::string_view territory = routing().Territory(lead.view());
    if (!territory.empty()) lead.SetText(field::kTerritory, territory);
    const Routing::Plan plan = routing().MakePlan(lead.view(), kNow, std::move(known));
    std::vector<int64_t> values;
    for (const std::string& counter : plan.counters) values.push_back(counters[counter]);
    const Routing::Choice choice = routing().Choose(plan, values);
    for (const auto& [name, value] : choice.counters) counters[name] = value;
    return choice.assignment;
  }
  std::string Owner() { return Route(MakeLead()).owner; }
  std::string Owners(int count) {
    std::string owners;
    for (int i = 0; i < count; ++i) owners += Owner();
    return owners;
  }

  const Routing& routing() const { return model_->routing(); }
  std::map<std::string, int64_t> counters;

 private:
  std::shared_ptr<const Model> model_;
};

std::string Pool(const char* strategy, const std::string& members, const char* more = "") {
  return std::string(R"({"fallback_pool": "p", "pools": [{"name": "p", "strategy": ")") + strategy +
         R"(", "members": [)" + members + "]}]" + more + "}";
}

std::string Steps(const Assignment& assignment) {
  std::string text;
  for (const Assignment::Step& step : assignment.steps)
    text += step.what + ": " + step.answer + "\n";
  return text;
}

// ---- Strategies

TEST(RoutingStrategy, WeightedGivesTheSequenceOfNginx) {
  const auto path = testing::SharedPath("acceptance/cases.json");
  LEADCORE_SKIP_WITHOUT(path, "acceptance/cases.json");
  const nlohmann::json cases = nlohmann::json::parse(testing::ReadFile(*path));
  const nlohmann::json& group = cases.at("smooth_weighted_round_robin");
  ASSERT_FALSE(group.empty());
  for (const nlohmann::json& each : group) {
    std::string members;
    char id = 'A';
    for (const nlohmann::json& weight : each[0]) {
      members += std::string(members.empty() ? "" : ", ") + R"({"id": ")" + id++ +
                 R"(", "weight": )" + weight.dump() + "}";
    }
    Desk desk(Pool("weighted", members));
    const std::string expected = each[1];
    EXPECT_EQ(desk.Owners(static_cast<int>(expected.size())), expected) << members;
  }
}

// In every window of one round each member comes as often as it weighs, and the rounds repeat.
TEST(RoutingStrategy, WeightedIsFairInEveryRound) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  for (int run = 0; run < 50; ++run) {
    std::string members;
    std::vector<int> weights;
    int sum = 0;
    for (char id = 'a'; id < static_cast<char>('a' + 1 + random() % 6); ++id) {
      weights.push_back(static_cast<int>(1 + random() % 9));
      sum += weights.back();
      members += std::string(members.empty() ? "" : ", ") + R"({"id": ")" + id +
                 R"(", "weight": )" + std::to_string(weights.back()) + "}";
    }
    Desk desk(Pool("weighted", members));
    const std::string first = desk.Owners(sum);
    EXPECT_EQ(desk.Owners(sum), first) << "seed " << seed << ": " << members;
    for (size_t i = 0; i < weights.size(); ++i) {
      const char id = static_cast<char>('a' + i);
      EXPECT_EQ(std::count(first.begin(), first.end(), id), weights[i])
          << "seed " << seed << ": " << members;
    }
  }
}

TEST(RoutingStrategy, RoundRobinTakesTurnsAndPassesOverWhoCannot) {
  Desk desk(Pool("round_robin", R"({"id": "a"}, {"id": "b", "cap": 1}, {"id": "c"},
                                   {"id": "d", "active": false})"));
  EXPECT_EQ(desk.Owners(3), "abc");
  const Assignment next = desk.Route(desk.MakeLead());
  EXPECT_EQ(next.owner, "c") << "it keeps what it is owed from the round that b left";
  EXPECT_EQ(next.ticket, 4);
  EXPECT_EQ(next.how, Assignment::How::kRotation);
  EXPECT_THAT(Steps(next), HasSubstr("member b: full: 1 of 1 leads"));
  EXPECT_THAT(Steps(next), HasSubstr("member d: inactive"));
  EXPECT_THAT(Steps(next), HasSubstr("pool p: turn of c, ticket 4"));
  EXPECT_EQ(desk.Owners(4), "acac");
  desk.counters[Routing::LoadCounter("b")] = 0;
  EXPECT_THAT(desk.Owners(3), HasSubstr("b")) << "whoever has room again is asked again";
}

TEST(RoutingStrategy, LeastLoadedGivesToWhoHasLeastAndTakesTurnsAmongEquals) {
  Desk desk(Pool("least_loaded", R"({"id": "a"}, {"id": "b"}, {"id": "c"})"));
  desk.counters[Routing::LoadCounter("a")] = 5;
  desk.counters[Routing::LoadCounter("b")] = 3;
  desk.counters[Routing::LoadCounter("c")] = 3;
  EXPECT_EQ(desk.Owners(4), "bcbc");
  const std::string next = desk.Owners(3);
  EXPECT_EQ(std::set<char>(next.begin(), next.end()).size(), 3u) << next;
  EXPECT_EQ(desk.counters[Routing::LoadCounter("a")], 6);
}

TEST(RoutingStrategy, NobodyTakesNoTicketAndTheLeadWaits) {
  Desk desk(Pool("round_robin", R"({"id": "a", "cap": 1})"));
  EXPECT_EQ(desk.Owner(), "a");
  const auto before = desk.counters;
  const Assignment waiting = desk.Route(desk.MakeLead());
  EXPECT_EQ(waiting.how, Assignment::How::kNone);
  EXPECT_EQ(waiting.owner, "");
  EXPECT_EQ(waiting.pool, "p") << "it waits in the pool";
  EXPECT_EQ(waiting.ticket, 0);
  for (const auto& [name, value] : desk.counters) {
    const auto at = before.find(name);
    EXPECT_EQ(value, at == before.end() ? 0 : at->second) << name;
  }
  Desk other(Pool("round_robin", R"({"id": "a", "cap": 1})", R"(, "fallback_owner": "boss")"));
  EXPECT_EQ(other.Owner(), "a");
  const Assignment boss = other.Route(other.MakeLead());
  EXPECT_EQ(boss.owner, "boss");
  EXPECT_EQ(boss.how, Assignment::How::kFallback);
}

// ---- Territories

TEST(RoutingTerritory, TheMostExactAreaCounts) {
  const Desk desk(R"({"territories": [
    {"name": "US", "areas": [{"country": "US"}]},
    {"name": "California", "areas": [{"country": "US", "region": "CA"}]},
    {"name": "Bay", "areas": [{"country": "US", "postal_from": "940", "postal_to": "941"}]},
    {"name": "London", "areas": [{"country": "GB", "postal_from": "EC1", "postal_to": "EC4"}]}]})");
  const auto territory = [&](const char* country, const char* region, const char* postal) {
    return std::string(desk.routing().Territory(desk.MakeLead({{field::kCountry, country},
                                                               {field::kRegion, region},
                                                               {field::kPostalCode, postal}})
                                                    .view()));
  };
  EXPECT_EQ(territory("US", "NY", "10001"), "US");
  EXPECT_EQ(territory("US", "CA", "90001"), "California");
  EXPECT_EQ(territory("US", "CA", "94105-1234"), "Bay");
  EXPECT_EQ(territory("US", "CA", "94000"), "Bay");
  EXPECT_EQ(territory("US", "CA", "94199"), "Bay");
  EXPECT_EQ(territory("US", "CA", "94200"), "California");
  EXPECT_EQ(territory("US", "", "93999"), "US");
  EXPECT_EQ(territory("GB", "", "EC2A 4NE"), "London");
  EXPECT_EQ(territory("GB", "", "W1A 1AA"), "");
  EXPECT_EQ(territory("", "CA", "94105"), "");
  EXPECT_EQ(desk.routing().Territory(desk.MakeLead().view()), "");
  // The model's country is that of a region or postal code without one, and of nothing else.
  const Lead unsaid = desk.MakeLead({{field::kPostalCode, "94105"}});
  EXPECT_EQ(desk.routing().Territory(unsaid.view(), "US"), "Bay");
  EXPECT_EQ(desk.routing().Territory(desk.MakeLead().view(), "US"), "");
}

// ---- Rules, affinity, explanation

constexpr const char* kTwoPools = R"({
  "rules": [{"name": "large", "when": "lead.employee_count >= 1000", "pool": "big"},
            {"name": "german", "when": "lead.country == 'DE'", "pool": "big"}],
  "pools": [{"name": "big", "members": [{"id": "ann"}, {"id": "bob"}]},
            {"name": "rest", "members": [{"id": "cid"}]}],
  "fallback_pool": "rest"})";

TEST(RoutingRules, TheFirstThatMatchesCountsAndTheOthersSayWhyNot) {
  Desk desk(kTwoPools);
  const Assignment german = desk.Route(desk.MakeLead({{field::kCountry, "DE"}}));
  EXPECT_EQ(german.owner, "ann");
  EXPECT_EQ(german.pool, "big");
  EXPECT_EQ(german.rule, "german");
  EXPECT_EQ(Steps(german),
            "rule large: not matched: lead.employee_count is missing\n"
            "rule german: matched: pool big\n"
            "pool big: turn of ann, ticket 1\n");
  const Assignment rest = desk.Route(desk.MakeLead({{field::kCountry, "FR"}}));
  EXPECT_EQ(rest.owner, "cid");
  EXPECT_EQ(rest.rule, "");
  EXPECT_THAT(Steps(rest), HasSubstr("rule german: not matched\n"));
  EXPECT_THAT(Steps(rest), HasSubstr("fallback pool: no rule matched: pool rest\n"));
}

TEST(RoutingRules, AKnownOwnerIsKeptWhereTheModelSaysSo) {
  Desk desk(kTwoPools);
  const Lead lead = desk.MakeLead();
  using Why = KnownOwner::Why;
  const Assignment kept = desk.Route(lead, {{Why::kExisting, "bob", "owner of lead 1"}});
  EXPECT_EQ(kept.owner, "bob");
  EXPECT_EQ(kept.how, Assignment::How::kAffinity);
  EXPECT_EQ(kept.ticket, 0) << "affinity takes no turn";
  EXPECT_THAT(Steps(kept), HasSubstr("affinity bob: owner of lead 1"));
  const Assignment account = desk.Route(lead, {{Why::kAccount, "bob", "same company"}});
  EXPECT_EQ(account.owner, "cid") << "off by default";
  const Assignment gone = desk.Route(lead, {{Why::kExisting, "zoe", "owner of lead 2"}});
  EXPECT_EQ(gone.owner, "cid");
  EXPECT_THAT(Steps(gone), HasSubstr("affinity zoe: not kept: not a member of any pool"));
  const Assignment given = desk.Route(lead, {{Why::kGiven, "zoe", "named by the file"}});
  EXPECT_EQ(given.owner, "zoe");
  EXPECT_EQ(given.how, Assignment::How::kManual);
}

TEST(RoutingRules, EveryMistakeIsFoundAtOnce) {
  Faults faults;
  EXPECT_EQ(WithRouting(R"({
    "rules": [{"name": "r", "when": "lead.owner == 'x'", "pool": "pp"}],
    "pools": [{"name": "p", "members": [{"id": "a", "weight": -1}, {"id": "a", "cap": -2}]}],
    "territories": [{"name": "t", "areas": [{"country": "Atlantis"},
      {"country": "US", "postal_from": "9", "postal_to": "10"},
      {"country": "US", "postal_from": "20", "postal_to": "10"}]}],
    "fallback_pool": "none"})",
                        &faults),
            nullptr);
  const std::string text = FormatFaults(faults);
  for (const char* path :
       {"routing.rules[0].when", "routing.rules[0].pool", "routing.pools[0].members[0].weight",
        "routing.pools[0].members[1].cap", "routing.pools[0].members[1].id",
        "routing.territories[0].areas[0].country", "routing.territories[0].areas[1].postal_to",
        "routing.territories[0].areas[2].postal_to", "routing.fallback_pool"}) {
    EXPECT_THAT(text, HasSubstr(path));
  }
}

}  // namespace
}  // namespace leadcore
