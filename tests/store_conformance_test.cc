// SPDX-License-Identifier: Apache-2.0
//
// What every store promises (store.h), asked of both: single promises one by one, then random
// batches against a plain account of what must be there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/store.h"
#include "store_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Code = CommitResult::Code;

class StoreConformanceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  Store& store() { return *held_.store; }

  CommitResult Commit(Batch batch, std::string_view workspace = "w") {
    CommitResult result;
    const absl::Status status =
        store().Commit(workspace, std::span(&batch, 1), std::span(&result, 1));
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }
  std::unique_ptr<Snapshot> Read(std::string_view workspace = "w") {
    auto snapshot = store().Read(workspace);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *std::move(snapshot);
  }
  std::string Body(const char* id) {
    const auto record = *Read()->Get({RecordKind::kLead, id});
    return record ? record->body + "@" + std::to_string(record->version) : "none";
  }

  HeldStore held_{GetParam()};
};
LEADCORE_ON_BOTH_STORES(StoreConformanceTest);

Batch Writing(Writes writes) {
  Batch batch;
  batch.finish = [writes = std::move(writes)](const Given&) { return writes; };
  return batch;
}
Put Lead(const char* id, const char* body, std::vector<IndexEntry> index = {}) {
  return {{RecordKind::kLead, id}, body, std::move(index)};
}
Event Happened(const char* type, std::vector<std::string> leads) {
  Event event;
  event.type = type;
  event.leads = std::move(leads);
  return event;
}

TEST_P(StoreConformanceTest, VersionsRiseAndBodiesAreReplaced) {
  EXPECT_EQ(Body("a"), "none");
  Commit(Writing({.puts = {Lead("a", "one")}}));
  EXPECT_EQ(Body("a"), "one@1");
  Commit(Writing({.puts = {Lead("a", "")}}));
  EXPECT_EQ(Body("a"), "@2");
  Commit(Writing({.deletes = {{RecordKind::kLead, "a"}}}));
  EXPECT_EQ(Body("a"), "none");
}

TEST_P(StoreConformanceTest, AFailedCheckOrClaimLeavesNothing) {
  Commit(Writing({.puts = {Lead("a", "one")}}));
  const auto everything = [](Batch batch) {
    batch.request_id = "r";
    batch.counters = {"n"};
    batch.claims.push_back({"free", "b"});
    batch.finish = [](const Given& given) {
      const std::span<const int64_t> counters = given.counters;
      return Writes{.puts = {Lead("b", "new")},
                    .counters = {{"n", counters[0] + 1}},
                    .events = {Happened("created", {"b"})},
                    .reply = "done"};
    };
    return batch;
  };
  Batch stale;
  stale.checks = {{{RecordKind::kLead, "a"}, 2}};
  CommitResult result = Commit(everything(stale));
  EXPECT_EQ(result.code, Code::kStale);
  EXPECT_EQ(result.key.id, "a");
  stale.checks = {{{RecordKind::kLead, "a"}, 0}};
  EXPECT_EQ(Commit(everything(stale)).code, Code::kStale) << "0: it must not be there";

  Batch claiming;
  claiming.claims = {{"taken", "a"}};
  EXPECT_EQ(Commit(claiming).code, Code::kCommitted);
  claiming.claims = {{"taken", "b"}};
  result = Commit(everything(claiming));
  EXPECT_EQ(result.code, Code::kClaimHeld);
  EXPECT_EQ(result.key.id, "taken");
  EXPECT_EQ(result.holder, "a");

  EXPECT_EQ(Body("b"), "none");
  EXPECT_EQ(*Read()->Counter("n"), 0);
  EXPECT_FALSE((*Read()->Lookup("free")).has_value());
  EXPECT_FALSE((*store().FindOutcome("w", "r")).has_value());
  EXPECT_THAT(FeedOf(store()), IsEmpty());

  Batch good;
  good.checks = {{{RecordKind::kLead, "a"}, 1}, {{RecordKind::kLead, "b"}, 0}};
  result = Commit(everything(good));
  EXPECT_EQ(result.code, Code::kCommitted);
  EXPECT_THAT(result.positions, ElementsAre(1));
  EXPECT_EQ(Body("b"), "new@1");
  EXPECT_EQ(*Read()->Counter("n"), 1);
  EXPECT_EQ(**Read()->Lookup("free"), "b");
}

TEST_P(StoreConformanceTest, ClaimsAreHeldUntilTheirHolderGivesThemUp) {
  Batch batch;
  batch.claims = {{"k", "a"}};
  EXPECT_EQ(Commit(batch).code, Code::kCommitted);
  EXPECT_EQ(Commit(batch).code, Code::kCommitted) << "its own already";
  Batch release;
  release.releases = {{"k", "b"}};
  EXPECT_EQ(Commit(release).code, Code::kCommitted);
  EXPECT_EQ(**Read()->Lookup("k"), "a") << "not another's to give up";
  release.releases = {{"k", "a"}};
  Commit(release);
  EXPECT_FALSE((*Read()->Lookup("k")).has_value());
}

TEST_P(StoreConformanceTest, ARefusedExchangeLeavesClaimsAsTheyWere) {
  Batch batch;
  batch.claims = {{"mine", "a"}, {"theirs", "x"}};
  Commit(batch);
  batch.releases = {{"mine", "a"}, {"nobody's", "a"}};
  batch.claims = {{"free", "b"}, {"mine", "b"}, {"theirs", "b"}};
  const CommitResult result = Commit(batch);
  EXPECT_EQ(result.code, Code::kClaimHeld);
  EXPECT_EQ(result.key.id, "theirs");
  EXPECT_EQ(result.holder, "x");
  EXPECT_EQ(**Read()->Lookup("mine"), "a");
  EXPECT_FALSE((*Read()->Lookup("free")).has_value());
  EXPECT_FALSE((*Read()->Lookup("nobody's")).has_value());
  batch.claims = {{"mine", "b"}};
  EXPECT_EQ(Commit(batch).code, Code::kCommitted);
  EXPECT_EQ(**Read()->Lookup("mine"), "b") << "from hand to hand";
}

TEST_P(StoreConformanceTest, ARequestIsDoneOnce) {
  Batch batch = Writing({.puts = {Lead("a", "x")},
                         .events = {Happened("created", {"a"}), Happened("scored", {"a"})},
                         .reply = "first"});
  batch.request_id = "r";
  batch.fingerprint = "f";
  batch.now = 100;
  EXPECT_EQ(Commit(batch).code, Code::kCommitted);
  CommitResult again = Commit(batch);
  EXPECT_EQ(again.code, Code::kReplayed);
  EXPECT_EQ(again.reply, "first");
  EXPECT_THAT(again.positions, ElementsAre(1, 2));
  EXPECT_EQ(Body("a"), "x@1");
  batch.fingerprint = "other";
  EXPECT_EQ(Commit(batch).code, Code::kReused);
  const auto outcome = *store().FindOutcome("w", "r");
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->fingerprint, "f");
  EXPECT_THAT(outcome->positions, ElementsAre(1, 2));
  EXPECT_FALSE((*store().FindOutcome("other", "r")).has_value());

  Batch forget;
  forget.forget_requests_before = 100;
  Commit(forget);
  EXPECT_TRUE((*store().FindOutcome("w", "r")).has_value()) << "not earlier than 100";
  forget.forget_requests_before = 101;
  Commit(forget);
  EXPECT_FALSE((*store().FindOutcome("w", "r")).has_value());
  EXPECT_EQ(Commit(batch).code, Code::kCommitted) << "forgotten";
}

TEST_P(StoreConformanceTest, BatchesOfOneCallSeeEachOtherAndFailAlone) {
  std::vector<Batch> batches(3);
  for (Batch& batch : batches) {
    batch.claims = {{"k", &batch == &batches[1] ? "b" : "a"}};
    batch.counters = {"n"};
    batch.finish = [](const Given& given) {
      const std::span<const int64_t> counters = given.counters;
      return Writes{.counters = {{"n", counters[0] + 1}},
                    .events = {Happened("e", {std::to_string(counters[0])})}};
    };
  }
  std::vector<CommitResult> results(3);
  ASSERT_TRUE(store().Commit("w", batches, results).ok());
  EXPECT_EQ(results[0].code, Code::kCommitted);
  EXPECT_EQ(results[1].code, Code::kClaimHeld);
  EXPECT_EQ(results[2].code, Code::kCommitted);
  EXPECT_THAT(results[2].positions, ElementsAre(2));
  EXPECT_EQ(*Read()->Counter("n"), 2);
  EXPECT_EQ(FeedOf(store())[1].leads, std::vector<std::string>{"1"});
}

TEST_P(StoreConformanceTest, ASnapshotKeepsWhatItSaw) {
  Commit(Writing({.puts = {Lead("a", "one", {{"i", std::string("x")}})}, .counters = {{"n", 1}}}));
  const auto before = Read();
  Batch batch = Writing({.puts = {Lead("a", "two", {{"i", std::string("y")}}), Lead("b", "new")},
                         .counters = {{"n", 2}}});
  batch.claims = {{"k", "a"}};
  Commit(std::move(batch));
  EXPECT_EQ((*before->Get({RecordKind::kLead, "a"}))->body, "one");
  EXPECT_FALSE((*before->Get({RecordKind::kLead, "b"})).has_value());
  EXPECT_FALSE((*before->Lookup("k")).has_value());
  EXPECT_EQ(*before->Counter("n"), 1);
  EXPECT_THAT(ScanOf(*before, {.index = "i"}), ElementsAre("a=one"));
  EXPECT_THAT(ScanOf(*Read(), {.index = "i"}), ElementsAre("b=new", "a=two"));
}

TEST_P(StoreConformanceTest, WhatIsOnlyShownIsInNoIndex) {
  Commit(Writing({.puts = {Lead("b", "one", {{"shown", std::string("x"), true}}),
                           Lead("a", "two", {{"shown", int64_t{1}, true}, {"i", int64_t{1}}})}}));
  EXPECT_THAT(ScanOf(*Read(), {.index = "shown"}), ElementsAre("a=two", "b=one"));
  EXPECT_THAT(ScanOf(*Read(), {.index = "shown", .low = IndexValue(int64_t{0})}), ElementsAre());
  EXPECT_THAT(ScanOf(*Read(), {.index = "i"}), ElementsAre("b=one", "a=two"));
}

TEST_P(StoreConformanceTest, WhoIsToldTheFeedMayUseTheStore) {
  std::vector<Event> events(600, Happened("e", {"a"}));
  Commit(Writing({.events = events}));
  std::vector<int64_t> positions;
  const auto status = store().Feed("w", {.limit = 599}, [&](const Event& event) {
    positions.push_back(event.position);
    if (event.position % 100 == 0) Commit(Writing({.puts = {Lead("a", "told")}}));
    return event.position < 590;
  });
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(positions.size(), 590u);
  for (size_t i = 0; i < positions.size(); ++i)
    EXPECT_EQ(positions[i], static_cast<int64_t>(i + 1));
  EXPECT_EQ(Body("a"), "told@5");
}

// Every write of a lead, its state, a candidate key or a claim; nothing else has to.
TEST_P(StoreConformanceTest, StampsChangeWithWhatTheyAreOf) {
  const auto stamp = [&](std::string_view name) { return store().Stamp("w", name); };
  const auto changed = [&](std::string_view name, Batch batch) {
    const uint64_t before = stamp(name);
    EXPECT_NE(before, 0u);
    EXPECT_EQ(Commit(std::move(batch)).code, Code::kCommitted);
    return stamp(name) != before;
  };
  Writes writes;
  writes.puts = {Lead("a", "one")};
  EXPECT_TRUE(changed("a", Writing(writes)));
  writes.puts = {{{RecordKind::kLeadState, "a"}, "state", {}}};
  EXPECT_TRUE(changed("a", Writing(writes)));
  // A key of two fields, which the mark before the lead's id stands between, too.
  const std::string key = "person:acme\x1f" + std::string("ada");
  const RecordKey candidate(RecordKind::kMatchKey, key + '\x1f' + "a");
  writes.puts = {{candidate, "", {}}};
  EXPECT_TRUE(changed(key, Writing(writes)));
  writes = {};
  writes.deletes = {candidate};
  EXPECT_TRUE(changed(key, Writing(writes)));
  Batch batch;
  batch.claims = {{"email:y", "a"}};
  EXPECT_TRUE(changed("email:y", batch));
  batch = {};
  batch.releases = {{"email:y", "a"}};
  EXPECT_TRUE(changed("email:y", batch));
  writes.deletes = {{RecordKind::kLead, "a"}};
  EXPECT_TRUE(changed("a", Writing(writes)));

  int others = 0;
  for (int i = 0; i < 100; ++i) {
    writes = {};
    writes.puts = {Lead("a", "again")};
    others += changed("other " + std::to_string(i), Writing(writes)) ? 1 : 0;
  }
  EXPECT_LT(others, 5) << "those that have nothing to do with it keep theirs, nearly always";
}

TEST_P(StoreConformanceTest, WorkspacesAreApart) {
  Batch batch = Writing(
      {.puts = {Lead("a", "one")}, .counters = {{"n", 5}}, .events = {Happened("created", {"a"})}});
  batch.claims = {{"k", "a"}};
  Commit(batch);
  batch.claims = {{"k", "z"}};
  const CommitResult other = Commit(batch, "v");
  EXPECT_EQ(other.code, Code::kCommitted);
  EXPECT_THAT(other.positions, ElementsAre(1)) << "each counts from 1";
  EXPECT_EQ(**Read("v")->Lookup("k"), "z");
  EXPECT_EQ(*Read("u")->Counter("n"), 0);
  EXPECT_EQ(FeedOf(store()).size(), 1u);
}

TEST_P(StoreConformanceTest, EventsKeepEverythingAndAreFoundByLead) {
  Event event = Happened("created", {"a", "b"});
  event.time = -5;
  event.actor = "Zoë";
  event.request_id = "r";
  event.model = "m";
  event.payload = std::string("\0\xff binary", 9);
  Commit(Writing({.events = {event, Happened("x", {"b"}), Happened("y", {})}}));
  const std::vector<Event> all = FeedOf(store());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].position, 1);
  EXPECT_EQ(all[0].time, -5);
  EXPECT_EQ(all[0].actor, "Zoë");
  EXPECT_EQ(all[0].request_id, "r");
  EXPECT_EQ(all[0].model, "m");
  EXPECT_EQ(all[0].payload, event.payload);
  EXPECT_THAT(all[0].leads, ElementsAre("a", "b"));
  EXPECT_EQ(FeedOf(store(), {.lead = "b"}).size(), 2u);
  EXPECT_EQ(FeedOf(store(), {.lead = "a"}).size(), 1u);
  EXPECT_EQ(FeedOf(store(), {.after = 1, .lead = "b"}).size(), 1u);
  EXPECT_EQ(FeedOf(store(), {.after = 3}).size(), 0u);
  EXPECT_EQ(FeedOf(store(), {.limit = 2}).size(), 2u);
}

TEST_P(StoreConformanceTest, VerifyFindsNoDamage) {
  Commit(Writing({.puts = {Lead("a", "one", {{"i", int64_t{1}}})}}));
  EXPECT_TRUE(store().Verify([](std::string_view) {}).ok());
}

// ---- Random batches

// What must be there, in the simplest form.
struct Account {
  struct Held {
    int64_t version = 0;
    std::string body;
    std::map<std::string, IndexValue> index;
  };
  std::map<std::string, Held> leads;
  std::map<std::string, std::string> claims;
  std::map<std::string, int64_t> counters;
  std::vector<std::string> events;

  std::vector<std::string> Scan(const ScanRequest& request) const {
    std::vector<std::pair<IndexValue, std::string>> order;
    for (const auto& [id, held] : leads) {
      const auto at = held.index.find(request.index);
      IndexValue value = at == held.index.end() ? IndexValue() : at->second;
      if (request.index.empty()) value = id;
      if (request.low && value < *request.low) continue;
      const bool prefixed =
          request.high_is_prefix && value.index() == 3 &&
          std::get<std::string>(value).starts_with(std::get<std::string>(*request.high));
      if (request.high && value > *request.high && !prefixed) continue;
      order.emplace_back(value, id);
    }
    std::sort(order.begin(), order.end());
    if (request.descending) std::reverse(order.begin(), order.end());
    std::vector<std::string> listed;
    for (const auto& entry : order) {
      const bool passed =
          request.after && (request.descending ? entry >= *request.after : entry <= *request.after);
      if (passed || listed.size() == request.limit) continue;
      listed.push_back(entry.second + "=" + leads.at(entry.second).body);
    }
    return listed;
  }
};

class RandomBatches {
 public:
  explicit RandomBatches(uint64_t seed) : random_(seed) {}

  size_t Below(size_t n) { return random_() % n; }
  std::string Id() { return "l" + std::to_string(Below(12)); }

  // Values of one index are of one kind, numbers or text, as those of a field are.
  IndexValue Value(size_t index) {
    constexpr std::string_view kTexts[] = {
        "", "a", "ab", "abc", "b", "é", "漢", "z", "\xf4\x8f\xbf\xbf"};
    if (index == 0) return std::string(kTexts[Below(9)]);
    return static_cast<int64_t>(Below(7)) - 3;
  }

  // Makes a batch, and does to the account what it must do.
  Batch Next(Account* account, Code* expected) {
    Batch batch;
    Writes writes;
    *expected = Code::kCommitted;
    Account after = *account;
    if (Below(4) == 0) {
      const std::string id = Id();
      const int64_t version = static_cast<int64_t>(Below(3));
      batch.checks.push_back({{RecordKind::kLead, id}, version});
      const auto at = account->leads.find(id);
      if ((at == account->leads.end() ? 0 : at->second.version) != version)
        *expected = Code::kStale;
    }
    if (Below(3) == 0) {
      const Claim claim{"k" + std::to_string(Below(5)), Id()};
      batch.claims.push_back(claim);
      const auto at = account->claims.find(claim.key);
      const bool held = at != account->claims.end() && at->second != claim.holder;
      if (held && *expected == Code::kCommitted) *expected = Code::kClaimHeld;
      after.claims[claim.key] = claim.holder;
    }
    if (Below(6) == 0) {
      const Claim release{"k" + std::to_string(Below(5)), Id()};
      const bool own = batch.claims.empty() || batch.claims[0].key != release.key;
      if (own) {
        batch.releases.push_back(release);
        const auto at = after.claims.find(release.key);
        if (at != after.claims.end() && at->second == release.holder) after.claims.erase(at);
      }
    }
    const std::string id = Id();
    if (Below(5) == 0 && after.leads.count(id) != 0) {
      writes.deletes.push_back({RecordKind::kLead, id});
      after.leads.erase(id);
    } else {
      Put put = Lead(id.c_str(), std::to_string(random_()).c_str());
      Account::Held& held = after.leads[id];
      ++held.version;
      held.body = put.body;
      held.index.clear();
      for (size_t index = 0; index < 2; ++index) {
        if (Below(3) == 0) continue;
        put.index.push_back({"i" + std::to_string(index), Value(index)});
        held.index[put.index.back().name] = put.index.back().value;
      }
      writes.puts.push_back(std::move(put));
    }
    writes.events.push_back(Happened(std::to_string(after.events.size()).c_str(), {id}));
    after.events.push_back(id);
    const std::string counter = "n" + std::to_string(Below(3));
    batch.counters = {counter};
    ++after.counters[counter];
    batch.finish = [writes, counter](const Given& given) {
      const std::span<const int64_t> values = given.counters;
      Writes all = writes;
      all.counters.push_back({counter, values[0] + 1});
      return all;
    };
    if (*expected == Code::kCommitted) *account = std::move(after);
    return batch;
  }

  ScanRequest Scan() {
    ScanRequest request;
    const size_t index = Below(3);
    request.index = index == 2 ? "" : "i" + std::to_string(index);
    request.descending = Below(2) == 0;
    request.limit = 1 + Below(15);
    const auto value = [&] { return index == 2 ? IndexValue(Id()) : Value(index); };
    if (Below(2) == 0) request.low = value();
    if (Below(2) == 0) request.high = value();
    request.high_is_prefix = request.high && request.high->index() == 3 && Below(2) == 0;
    if (Below(4) == 0) request.low = request.high = IndexValue();
    if (Below(3) == 0) {
      request.after = {index != 2 && Below(3) == 0 ? IndexValue() : value(), Id()};
      if (index == 2) request.after->first = request.after->second;
    }
    if (request.high && request.high->index() != 3) request.high_is_prefix = false;
    if (index == 2 && request.low && request.low->index() == 0) request.low = request.high = {};
    return request;
  }

 private:
  std::mt19937_64 random_;
};

TEST_P(StoreConformanceTest, RandomBatchesLeaveWhatAPlainAccountLeaves) {
  const uint64_t seed = Seed();
  RandomBatches random(seed);
  Account account;
  for (size_t run = 0; run < Scaled(300); ++run) {
    std::vector<Code> expected(1 + random.Below(4));
    std::vector<Batch> batches;
    for (Code& code : expected) batches.push_back(random.Next(&account, &code));
    std::vector<CommitResult> results(batches.size());
    ASSERT_TRUE(store().Commit("w", batches, results).ok());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(results[i].code, expected[i]) << "run " << run << ", seed " << seed;
    }
    const auto snapshot = Read();
    for (int scan = 0; scan < 8; ++scan) {
      const ScanRequest request = random.Scan();
      ASSERT_EQ(ScanOf(*snapshot, request), account.Scan(request))
          << "run " << run << ", seed " << seed << ", index '" << request.index << "'"
          << (request.descending ? " descending" : "");
    }
    for (const auto& [id, held] : account.leads) {
      ASSERT_EQ((*snapshot->Get({RecordKind::kLead, id}))->version, held.version);
    }
    for (int i = 0; i < 5; ++i) {
      const std::string key = "k" + std::to_string(i);
      const auto at = account.claims.find(key);
      ASSERT_EQ((*snapshot->Lookup(key)).value_or(""), at == account.claims.end() ? "" : at->second)
          << "run " << run << ", seed " << seed;
    }
  }
  for (const auto& [name, value] : account.counters) EXPECT_EQ(*Read()->Counter(name), value);
  std::vector<std::string> leads;
  for (const Event& event : FeedOf(store())) {
    EXPECT_EQ(event.position, static_cast<int64_t>(leads.size() + 1));
    leads.push_back(event.leads[0]);
  }
  EXPECT_EQ(leads, account.events) << "seed " << seed;
}

}  // namespace
}  // namespace leadcore::testing
