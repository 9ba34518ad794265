// SPDX-License-Identifier: Apache-2.0
//
// Leads that the engine keeps in memory: read without the store while they are true, and never
// shown once they are not.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

constexpr std::string_view kModel = R"({
  "required": [{"any_of": ["full_name"]}],
  "keys": [{"name": "external_id", "exclusive": true, "fields": ["external_id"],
            "on_hit": "fill"},
           {"name": "email", "fields": ["email"], "on_hit": "flag"}],
  "scoring": {"groups": [{"name": "notes", "rules": [
    {"name": "lately", "when": "count('note', duration('24h')) >= 1", "points": 10}]}],
    "bands": [{"name": "cold", "from": 0}]}})";

// Counts snapshots. With `frozen`, a store whose stamps never change: what an engine does with
// one that lies.
class CountingReads : public StoreDecorator {
 public:
  CountingReads(Store* store, bool frozen) : StoreDecorator(store), frozen_(frozen) {}
  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    ++reads_;
    return StoreDecorator::Read(workspace);
  }
  uint64_t Stamp(std::string_view workspace, std::string_view name) const override {
    return frozen_ ? 2 : StoreDecorator::Stamp(workspace, name);
  }
  int TakeReads() { return std::exchange(reads_, 0); }

 private:
  const bool frozen_;
  mutable int reads_ = 0;
};

class EngineCacheTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineCacheTest() : world_(kModel, GetParam()) {}

  // Another engine on the world's store.
  std::unique_ptr<Engine> Open(Store* store, size_t cached_leads = 4096) {
    EngineOptions options{world_.engine().shared_model(), "test", false, cached_leads};
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        Engine::Open(std::move(options), store, world_.At("open"));
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }
  std::string Ada() {
    return world_.Created(
        {{"full_name", "Ada L"}, {"external_id", "crm-7"}, {"email", "ada@example.com"}});
  }
  int64_t VersionOf(Engine& engine, std::string_view id) {
    const auto record = engine.Get(world_.At("read"), id);
    return record.ok() ? record->lead.version() : 0;
  }
  std::string FoundBy(Engine& engine, std::string_view field, std::string_view value) {
    const auto record = engine.Find(world_.At("read"), field, value);
    return record.ok() ? std::string(record->lead.id()) : std::string();
  }
  // Gives Ada a city, by the world's own engine.
  void Fill(std::string_view city) {
    const Reply reply =
        world_.Put({{"full_name", "Ada L"}, {"external_id", "crm-7"}, {"city", city}});
    EXPECT_EQ(reply.outcome, Outcome::kFilled) << reply.status;
  }

  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineCacheTest);

TEST_P(EngineCacheTest, AKnownLeadIsReadOnce) {
  const std::string ada = Ada();
  CountingReads store(&world_.store(), false);
  const auto engine = Open(&store);
  store.TakeReads();
  const LeadRecord first = *engine->Get(world_.At("read"), ada);
  EXPECT_EQ(store.TakeReads(), 1);
  const LeadRecord second = *engine->Get(world_.At("read"), ada);
  EXPECT_EQ(store.TakeReads(), 0);
  EXPECT_TRUE(SameLead(first.lead, second.lead));
  EXPECT_EQ(EncodeLeadState(first.state), EncodeLeadState(second.state));
  EXPECT_EQ(FoundBy(*engine, "external_id", "crm-7"), ada);
  EXPECT_EQ(store.TakeReads(), 1) << "the key is looked up";

  const auto without = Open(&store, 0);
  store.TakeReads();
  EXPECT_EQ(VersionOf(*without, ada), 1);
  EXPECT_EQ(VersionOf(*without, ada), 1);
  EXPECT_EQ(store.TakeReads(), 2);
}

TEST_P(EngineCacheTest, WhatAnotherEngineWroteIsSeenAtOnce) {
  const std::string ada = Ada();
  const auto engine = Open(&world_.store());
  EXPECT_EQ(VersionOf(*engine, ada), 1);
  Fill("Paris");
  EXPECT_EQ(VersionOf(*engine, ada), 2);
  EXPECT_EQ(engine->Get(world_.At("read"), ada)->lead.text(field::kCity), "Paris");

  EXPECT_EQ(world_.Happened(ada, "note").outcome, Outcome::kLogged);
  EXPECT_EQ(engine->Get(world_.At("read"), ada)->state.score.total, 10 * kOnePoint);
  world_.now += 2 * kDay;
  EXPECT_EQ(engine->Get(world_.At("read"), ada)->state.score.total, 0) << "as of the call's now";
  world_.now -= 2 * kDay;
  EXPECT_EQ(engine->Get(world_.At("read"), ada)->state.score.total, 10 * kOnePoint);
}

TEST_P(EngineCacheTest, AnErasedLeadIsGone) {
  const std::string ada = Ada();
  const auto engine = Open(&world_.store());
  EXPECT_EQ(VersionOf(*engine, ada), 1);
  EXPECT_EQ(FoundBy(*engine, "email", "ada@example.com"), ada);
  const Reply reply = world_.engine().Apply(world_.Next(), {"", EraseLead{ada}});
  ASSERT_TRUE(reply.status.ok()) << reply.status;
  EXPECT_EQ(VersionOf(*engine, ada), 0);
  EXPECT_EQ(FoundBy(*engine, "email", "ada@example.com"), "");
  EXPECT_EQ(FoundBy(*engine, "external_id", "crm-7"), "");
}

TEST_P(EngineCacheTest, MoreLeadsThanAreKeptAreAllRight) {
  const auto engine = Open(&world_.store(), 8);
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(world_.Created({{"full_name", "Person " + std::to_string(i)}}));
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto record = engine->Get(world_.At("read"), ids[i]);
      ASSERT_TRUE(record.ok()) << record.status();
      EXPECT_EQ(record->lead.text(field::kFullName), "Person " + std::to_string(i));
    }
  }
}

// The check is what keeps it right: with stamps that do not change, old leads are shown.
TEST_P(EngineCacheTest, CanaryStampsThatDoNotChangeShowOldLeads) {
  const std::string ada = Ada();
  CountingReads store(&world_.store(), true);
  const auto engine = Open(&store);
  EXPECT_EQ(VersionOf(*engine, ada), 1);
  Fill("Paris");
  EXPECT_EQ(VersionOf(*engine, ada), 1) << "not the present one";
}

}  // namespace
}  // namespace leadcore::testing
