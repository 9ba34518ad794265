// SPDX-License-Identifier: Apache-2.0
//
// Routing used alone: who of a pool gets a lead against a naive count of the same, whom affinity
// keeps, and what the territory and the score may decide.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/routing.h"
#include "leadcore/schema.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::HasSubstr;
using How = Assignment::How;
using Why = KnownOwner::Why;

constexpr absl::Time kNow = absl::FromUnixSeconds(1'767'603'600);

std::shared_ptr<const Routing> Compile(const RoutingConfig& config, Faults* faults) {
  ExpressionScope scope;
  scope.schema = Schema::BuiltIn().get();
  return Routing::Compile(config, scope, faults);
}

std::shared_ptr<const Routing> Compile(const RoutingConfig& config) {
  Faults faults;
  auto routing = Compile(config, &faults);
  EXPECT_NE(routing, nullptr) << (faults.empty() ? "" : faults[0].path + faults[0].message);
  return routing;
}

using Counters = std::map<std::string, int64_t>;

// Decides with `counters` as they are, then writes what changed.
Assignment Route(const Routing& routing, const Lead& lead, std::vector<KnownOwner> known,
                 Counters* counters) {
  const Routing::Plan plan = routing.MakePlan(lead.view(), kNow, std::move(known));
  std::vector<int64_t> values;
  for (const std::string& name : plan.counters) values.push_back((*counters)[name]);
  const Routing::Choice choice = routing.Choose(plan, values);
  for (const auto& [name, value] : choice.counters) (*counters)[name] = value;
  return choice.assignment;
}

std::string StepsOf(const Assignment& assignment) {
  std::string text;
  for (const Assignment::Step& step : assignment.steps)
    text += step.what + ": " + step.answer + "\n";
  return text;
}

std::vector<std::string> PathsOf(const RoutingConfig& config) {
  Faults faults;
  EXPECT_EQ(Compile(config, &faults), nullptr);
  std::vector<std::string> paths;
  for (const Fault& fault : faults) paths.push_back(fault.path);
  return paths;
}

// ---- A naive desk: the same promises, kept with plain lists

struct NaiveMember {
  MemberConfig config;
  int64_t load = 0;
  int64_t current = 0;  // of smooth weighted round robin
};

class NaiveDesk {
 public:
  explicit NaiveDesk(const PoolConfig& pool) : strategy_(pool.strategy) {
    for (const MemberConfig& member : pool.members) members_.push_back({member});
  }

  // "" when nobody is able.
  std::string Next() {
    int64_t sum = 0;
    NaiveMember* best = nullptr;
    for (NaiveMember& member : members_) {
      if (!Able(member)) continue;
      const int64_t weight = strategy_ == Strategy::kWeighted ? member.config.weight : 1;
      sum += weight;
      member.current += weight;
      if (best == nullptr || member.current > best->current) best = &member;
    }
    if (best == nullptr) return "";
    best->current -= sum;
    ++best->load;
    return best->config.id;
  }

  void Close(size_t i) {
    if (members_[i].load > 0) --members_[i].load;
  }
  bool Able(const NaiveMember& member) const {
    return member.config.active && member.config.weight > 0 &&
           (member.config.cap == 0 || member.load < member.config.cap);
  }
  std::vector<NaiveMember>& members() { return members_; }

 private:
  Strategy strategy_;
  std::vector<NaiveMember> members_;
};

PoolConfig RandomPool(Strategy strategy, std::mt19937_64* random) {
  PoolConfig pool{"p", strategy, {}};
  for (size_t i = 0, size = 1 + (*random)() % 6; i < size; ++i) {
    MemberConfig member;
    member.id = "m" + std::to_string(i);
    member.weight = static_cast<int64_t>((*random)() % 6);
    member.cap = (*random)() % 2 == 0 ? 0 : static_cast<int64_t>(1 + (*random)() % 4);
    member.active = (*random)() % 5 != 0;
    pool.members.push_back(member);
  }
  return pool;
}

TEST(RoutingRandom, RotationGivesWhatANaiveCountGives) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  size_t waited = 0;
  for (size_t run = 0; run < testing::Scaled(200); ++run) {
    const auto strategy = run % 2 == 0 ? Strategy::kWeighted : Strategy::kRoundRobin;
    RoutingConfig config;
    config.pools = {RandomPool(strategy, &random)};
    config.fallback_pool = "p";
    const auto routing = Compile(config);
    ASSERT_NE(routing, nullptr);
    NaiveDesk naive(config.pools[0]);
    Counters counters;
    int64_t tickets = 0;
    const Lead lead(Schema::BuiltIn());
    for (int step = 0; step < 60; ++step) {
      const Assignment given = Route(*routing, lead, {}, &counters);
      ASSERT_EQ(given.owner, naive.Next()) << "seed " << seed << " run " << run << " step " << step;
      ASSERT_EQ(given.how, given.owner.empty() ? How::kNone : How::kRotation);
      ASSERT_EQ(given.ticket, given.owner.empty() ? 0 : ++tickets) << "seed " << seed;
      waited += given.owner.empty();
      const size_t closed = random() % naive.members().size();
      if (random() % 3 != 0) continue;
      naive.Close(closed);
      const NaiveMember& member = naive.members()[closed];
      counters[Routing::LoadCounter(member.config.id)] = member.load;
    }
  }
  EXPECT_GT(waited, 0u) << "some desks were full";
}

TEST(RoutingRandom, LeastLoadedIsAlwaysOneOfTheLeast) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const Lead lead(Schema::BuiltIn());
  for (size_t run = 0; run < testing::Scaled(200); ++run) {
    RoutingConfig config;
    config.pools = {RandomPool(Strategy::kLeastLoaded, &random)};
    config.fallback_pool = "p";
    const auto routing = Compile(config);
    ASSERT_NE(routing, nullptr);
    NaiveDesk naive(config.pools[0]);
    Counters counters;
    for (NaiveMember& member : naive.members()) {
      counters[Routing::LoadCounter(member.config.id)] = member.load =
          static_cast<int64_t>(random() % 5);
    }
    for (int step = 0; step < 40; ++step) {
      const Assignment given = Route(*routing, lead, {}, &counters);
      EXPECT_EQ(given.ticket, 0) << "only rotation takes tickets";
      NaiveMember* chosen = nullptr;
      bool any = false;
      for (NaiveMember& member : naive.members()) {
        any |= naive.Able(member);
        if (member.config.id == given.owner) chosen = &member;
      }
      ASSERT_EQ(chosen != nullptr, any) << "seed " << seed << " run " << run;
      if (chosen == nullptr) break;
      ASSERT_TRUE(naive.Able(*chosen)) << "seed " << seed << " run " << run;
      for (const NaiveMember& other : naive.members()) {
        if (!naive.Able(other)) continue;
        EXPECT_LE(chosen->load * other.config.weight, other.load * chosen->config.weight)
            << "seed " << seed << " run " << run << ": " << given.owner << ", " << other.config.id;
      }
      ++chosen->load;
    }
  }
}

// ---- Affinity

RoutingConfig TwoPools() {
  RoutingConfig config;
  config.pools = {{"a", Strategy::kRoundRobin, {{"ann", 1, 2, true}, {"bob", 1, 0, true}}},
                  {"z", Strategy::kRoundRobin, {{"zoe", 1, 1, true}, {"off", 1, 0, false}}}};
  return config;
}

// Without a pool too, each known owner is asked with his own count, in whatever order they come.
TEST(RoutingAffinity, EachKnownOwnerIsMeasuredByHisOwnCount) {
  const auto routing = Compile(TwoPools());
  ASSERT_NE(routing, nullptr);
  const Lead lead(Schema::BuiltIn());
  Counters counters = {{"load/zoe", 1}, {"load/ann", 1}};
  const std::vector<KnownOwner> known = {{Why::kExisting, "zoe", "owner of lead 1"},
                                         {Why::kExisting, "off", "owner of lead 2"},
                                         {Why::kExisting, "ann", "owner of lead 3"}};
  const Assignment kept = Route(*routing, lead, known, &counters);
  EXPECT_EQ(kept.owner, "ann");
  EXPECT_EQ(kept.pool, "");
  EXPECT_THAT(StepsOf(kept), HasSubstr("affinity zoe: not kept: full: 1 of 1 leads"));
  EXPECT_THAT(StepsOf(kept), HasSubstr("affinity off: not kept: inactive"));
  EXPECT_EQ(counters["load/ann"], 2);
  EXPECT_EQ(counters["load/zoe"], 1);
  const Assignment full = Route(*routing, lead, known, &counters);
  EXPECT_EQ(full.owner, "") << StepsOf(full);
  EXPECT_EQ(full.how, How::kNone);
}

TEST(RoutingAffinity, TheModelSaysWhichKindCounts) {
  RoutingConfig config = TwoPools();
  config.fallback_pool = "z";
  const std::vector<KnownOwner> known = {{Why::kExisting, "ann", "existing"},
                                         {Why::kAccount, "bob", "account"}};
  const Lead lead(Schema::BuiltIn());
  const auto owner = [&](bool existing, bool account) {
    config.affinity_existing = existing;
    config.affinity_account = account;
    Counters counters;
    const Assignment given = Route(*Compile(config), lead, known, &counters);
    EXPECT_EQ(counters["load/" + given.owner], 1);
    return given.owner;
  };
  EXPECT_EQ(owner(true, true), "ann");
  EXPECT_EQ(owner(true, false), "ann");
  EXPECT_EQ(owner(false, true), "bob");
  EXPECT_EQ(owner(false, false), "zoe");
}

// ---- What a rule may read, and mistakes

TEST(RoutingRule, ReadsTheScoreAndTheTerritory) {
  RoutingConfig config = TwoPools();
  config.territories = {{"west", {{"US", "CA", "", ""}}}};
  config.rules = {{"good", "lead.score >= 70.0", "a"}, {"west", "lead.territory == 'west'", "z"}};
  const auto routing = Compile(config);
  ASSERT_NE(routing, nullptr);
  Lead lead(Schema::BuiltIn());
  lead.SetText(field::kTerritory, "west");
  EXPECT_EQ(routing->MakePlan(lead.view(), kNow, {}).assignment.rule, "west");
  EXPECT_EQ(routing->MakePlan(lead.view(), kNow, {}).assignment.territory, "west");
  lead.Set(field::kScore, Value::Real(70));
  const Routing::Plan plan = routing->MakePlan(lead.view(), kNow, {});
  EXPECT_EQ(plan.assignment.pool, "a");
  EXPECT_EQ(plan.assignment.steps.size(), 1u) << "rules below the first match are not asked";
}

TEST(RoutingRule, NamesAndCapsThatCannotBeCountedAreRefused) {
  RoutingConfig config = TwoPools();
  config.pools[1].members[0] = {"ann", 1, 5, true};
  EXPECT_THAT(PathsOf(config), ::testing::ElementsAre("routing.pools[1].members[0].cap"));
  config = TwoPools();
  config.pools[0].name = "a/b";
  config.pools[1].members[1].id = "o/f";
  EXPECT_THAT(PathsOf(config), ::testing::UnorderedElementsAre("routing.pools[0].name",
                                                               "routing.pools[1].members[1].id"));
}

// Else it would silently stand for the whole country.
TEST(RoutingRule, APostalRangeOfNoLettersOrDigitsIsRefused) {
  RoutingConfig config;
  config.territories = {{"t", {{"US", "", "-", "-"}}}};
  EXPECT_THAT(PathsOf(config),
              ::testing::ElementsAre("routing.territories[0].areas[0].postal_from"));
  config.territories[0].areas[0].postal_from = "";
  EXPECT_THAT(PathsOf(config),
              ::testing::ElementsAre("routing.territories[0].areas[0].postal_from"));
}

}  // namespace
}  // namespace leadcore
