// SPDX-License-Identifier: Apache-2.0
//
// Many callers at one lead lose nothing; many callers with one request id do it once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/turnstile.h"
#include "engine_concurrent_util.h"
#include "engine_util.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::SizeIs;

// The summary counts notes and sums minutes of calls.
constexpr std::string_view kCountingModel = R"({
  "required": [{"any_of": ["email"]}],
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "reject"}],
  "activity_kinds": [{"name": "call", "response": true,
                      "attributes": [{"name": "seconds", "type": "integer"}]}],
  "scoring": {"groups": [{"name": "all", "rules": [
    {"name": "calls", "when": "count('call') >= 1 && sum('call', 'seconds', days(3650)) > 0",
     "points": 1}]}],
    "bands": [{"name": "cold", "from": 0}]}})";

class EngineConcurrentRequestsTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineConcurrentRequestsTest() : world_(kCountingModel, GetParam()) {}

  size_t Each(size_t memory, size_t sqlite) const {
    return Scaled(GetParam() == StoreKind::kMemory ? memory : sqlite);
  }

  // One of a thread's calls to one lead; no two are alike.
  Activity CallOf(const std::string& lead, size_t thread, size_t i) const {
    Activity activity = MakeActivity(lead, "call");
    activity.time = kStart - static_cast<int64_t>(i * kThreads + thread) * kSecond;
    activity.attributes = {{"seconds", static_cast<int64_t>(1 + thread + i)}};
    return activity;
  }

  // What the summary has summed of all calls.
  static int64_t SecondsOf(const LeadRecord& record) {
    for (const ActivitySummary::Series& series : record.state.activities.series) {
      if (!series.sums.empty()) return series.sums.front() / 1'000'000;
    }
    ADD_FAILURE() << "nothing was summed";
    return 0;
  }

  // All calls of all threads are in: each once in the feed, each in the counts and sums.
  void CheckCalls(const std::string& lead, size_t each) {
    int64_t seconds = 0;
    for (size_t thread = 0; thread < kThreads; ++thread) {
      for (size_t i = 0; i < each; ++i) seconds += static_cast<int64_t>(1 + thread + i);
    }
    const auto calls = static_cast<int64_t>(kThreads * each);
    const LeadRecord record = world_.Get(lead);
    EXPECT_EQ(record.state.version, 1 + calls);
    EXPECT_EQ(record.state.last_activity_time, kStart);
    EXPECT_EQ(record.state.first_response_time, kStart - (calls - 1) * kSecond);
    EXPECT_EQ(SecondsOf(record), seconds);
    for (const ActivitySummary::Series& series : record.state.activities.series) {
      EXPECT_EQ(series.count, calls);
      int64_t in_buckets = 0;
      for (const auto& bucket : series.buckets) in_buckets += bucket.count;
      EXPECT_TRUE(series.buckets.empty() || in_buckets == calls) << in_buckets;
    }
    const std::vector<Event> events = world_.Events();
    std::set<std::string> ids;
    for (const Event& event : events) {
      if (event.type == "activity") ids.insert(event.request_id);
    }
    EXPECT_EQ(static_cast<int64_t>(ids.size()), calls);
    EXPECT_THAT(world_.Types(lead), SizeIs(kThreads * each + 1));
  }

  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineConcurrentRequestsTest);

TEST_P(EngineConcurrentRequestsTest, ActivitiesOfOneLeadAreNeverLost) {
  const std::string lead = world_.Created({{"email", "ada@people.example.com"}});
  const size_t each = Each(1'000, 100);
  RunTogether(kThreads, [&](size_t thread) {
    for (size_t i = 0; i < each; ++i) {
      const Call call = world_.At(std::to_string(thread) + "/" + std::to_string(i));
      const Reply reply = world_.engine().Log(call, CallOf(lead, thread, i));
      ASSERT_TRUE(reply.status.ok()) << reply.status;
      EXPECT_EQ(reply.outcome, Outcome::kLogged);
      EXPECT_FALSE(reply.replayed);
    }
  });
  CheckCalls(lead, each);
}

// A group counts one upon the other; where its first one lost the race, the others did too.
TEST_P(EngineConcurrentRequestsTest, GroupsOfActivitiesOfOneLeadAreNeverLost) {
  const std::string lead = world_.Created({{"email", "ada@people.example.com"}});
  const size_t group = 20;
  const size_t each = group * Each(50, 10);
  RunTogether(kThreads, [&](size_t thread) {
    for (size_t start = 0; start < each; start += group) {
      std::vector<Command> commands;
      for (size_t i = start; i < start + group; ++i) {
        commands.push_back({"", LogActivity{CallOf(lead, thread, i), "", ""}});
      }
      const Call call = world_.At(std::to_string(thread) + "-" + std::to_string(start));
      for (const Reply& reply : world_.engine().ApplyMany(call, commands)) {
        ASSERT_TRUE(reply.status.ok()) << reply.status;
        EXPECT_EQ(reply.outcome, Outcome::kLogged);
      }
    }
  });
  CheckCalls(lead, each);
}

TEST(TurnstileTest, WhoHasTheTurnPassesAndTakesItAgain) {
  Turnstile turnstile;
  std::optional<Turnstile::Turn> turn(&turnstile);
  {
    const Turnstile::Turn again(&turnstile);
    turnstile.Pass();
  }
  turnstile.Pass();
  std::atomic<bool> given_back = false;
  std::thread other([&turnstile, &given_back] {
    turnstile.Pass();
    EXPECT_TRUE(given_back);
  });
  for (int i = 0; i < 10'000; ++i) std::this_thread::yield();
  given_back = true;
  turn.reset();
  other.join();
}

TEST(TurnstileTest, WhoHasTheTurnIsAloneUntilItGivesItBack) {
  Turnstile turnstile;
  int in_turn = 0;
  for (int round = 0; round < 200; ++round) {
    std::optional<Turnstile::Turn> first(&turnstile);
    std::atomic<bool> given_back = false;
    RunTogether(kThreads, [&](size_t thread) {
      if (thread == 0) {
        given_back = true;
        first.reset();
      } else if (thread % 2 == 0) {
        const Turnstile::Turn turn(&turnstile);
        EXPECT_TRUE(given_back);
        EXPECT_EQ(++in_turn, 1);
        --in_turn;
      } else {
        turnstile.Pass();
        EXPECT_TRUE(given_back);
      }
    });
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

// Lets the command "slow" lose until it has the turn; then another caller comes.
class SlowLoses : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  std::function<void()> another;
  std::thread other;

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    if (std::this_thread::get_id() == other_id_) {
      EXPECT_TRUE(slow_done_) << "it did not wait";
    }
    return StoreDecorator::Read(workspace);
  }
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const bool slow = batches.front().request_id == "slow";
    if (slow && ++commits_ <= kLost) {
      results.front() = CommitResult();
      results.front().code = CommitResult::Code::kStale;
      return absl::OkStatus();
    }
    if (slow && !other.joinable()) {
      other = std::thread([this] {
        other_id_ = std::this_thread::get_id();
        another();
      });
      for (int i = 0; i < 10'000; ++i) std::this_thread::yield();
    }
    const absl::Status status = StoreDecorator::Commit(workspace, batches, results);
    if (slow) slow_done_ = true;
    return status;
  }

 private:
  static constexpr int kLost = 5;  // at first, and four times beside others

  int commits_ = 0;
  std::atomic<std::thread::id> other_id_{};
  std::atomic<bool> slow_done_ = false;
};

TEST_P(EngineConcurrentRequestsTest, WhoLostOftenGoesOnAlone) {
  const std::string lead = world_.Created({{"email", "ada@people.example.com"}});
  SlowLoses store(&world_.store());
  const auto engine = Engine::Open({nullptr, "test", false}, &store, world_.At("open again"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  store.another = [&] {
    EXPECT_TRUE((*engine)->Log(world_.At("other"), CallOf(lead, 1, 1)).status.ok());
  };
  EXPECT_TRUE((*engine)->Log(world_.At("slow"), CallOf(lead, 0, 1)).status.ok());
  store.other.join();
  EXPECT_EQ(world_.Get(lead).state.version, 3);
}

// Lets another caller in between the reading and the commit of a group.
class Overtaken : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  std::function<void()> overtake;  // called once

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    if (const auto now = std::exchange(overtake, nullptr)) now();
    return StoreDecorator::Commit(workspace, batches, results);
  }
};

// The version that the second of a group waits for is there, and is another caller's.
TEST_P(EngineConcurrentRequestsTest, AnOvertakenGroupCountsTheOther) {
  for (const bool first_is_known : {false, true}) {
    SCOPED_TRACE(first_is_known ? "the first was done before" : "all are new");
    World world(kCountingModel, GetParam());
    const std::string lead = world.Created({{"email", "ada@people.example.com"}});
    Overtaken store(&world.store());
    const auto engine = Engine::Open({nullptr, "test", false}, &store, world.At("open again"));
    ASSERT_TRUE(engine.ok()) << engine.status();
    std::vector<Command> commands;
    for (size_t i = 0; i < 3; ++i) {
      commands.push_back(
          {"call " + std::to_string(i), LogActivity{CallOf(lead, 0, 10 * i), "", ""}});
    }
    if (first_is_known) {
      EXPECT_TRUE(world.engine().Apply(world.At("unused"), commands[0]).status.ok());
    }
    store.overtake = [&] {
      EXPECT_TRUE(world.engine().Log(world.At("other"), CallOf(lead, 1, 100)).status.ok());
    };
    for (const Reply& reply : (*engine)->ApplyMany(world.At("group"), commands)) {
      EXPECT_EQ(reply.outcome, Outcome::kLogged) << reply.status;
    }
    EXPECT_EQ(SecondsOf(world.Get(lead)), 1 + 11 + 21 + 102);
  }
}

// What one caller was told.
struct Answer {
  Outcome outcome;
  std::string lead, activity;
  std::vector<int64_t> positions;
  bool replayed;
  bool operator==(const Answer&) const = default;
};

// The same request by every thread, one after the other: done once, all are told the same.
std::vector<std::vector<Answer>> AskTogether(size_t requests, World* world,
                                             const std::function<Command(size_t, size_t)>& make) {
  std::vector<std::vector<Answer>> answers(requests, std::vector<Answer>(kThreads));
  RunTogether(kThreads, [&](size_t thread) {
    for (size_t i = 0; i < requests; ++i) {
      const Reply reply = world->engine().Apply(world->At("unused"), make(i, thread));
      answers[i][thread] = {reply.outcome, reply.lead_id, reply.activity_id, reply.positions,
                            reply.replayed};
    }
  });
  return answers;
}

void ExpectDoneOnce(std::vector<std::vector<Answer>> answers, Outcome outcome) {
  for (std::vector<Answer>& of_request : answers) {
    const auto replayed = [](const Answer& answer) { return answer.replayed; };
    EXPECT_EQ(std::count_if(of_request.begin(), of_request.end(), replayed), kThreads - 1);
    for (Answer& answer : of_request) {
      answer.replayed = false;
      EXPECT_EQ(answer.outcome, outcome);
      EXPECT_EQ(answer, of_request.front());
      EXPECT_THAT(answer.positions, SizeIs(1));
    }
  }
}

TEST_P(EngineConcurrentRequestsTest, OneSubmitByManyCallersIsDoneOnce) {
  const size_t requests = Each(2'000, 200);
  ExpectDoneOnce(AskTogether(requests, &world_,
                             [&](size_t i, size_t) {
                               const std::string email = EmailOf(i);
                               return Command{"submit " + std::to_string(i),
                                              Submit{MakeLead(world_.model(), {{"email", email}})}};
                             }),
                 Outcome::kCreated);
  EXPECT_THAT(world_.All(), SizeIs(requests));
}

TEST_P(EngineConcurrentRequestsTest, OneActivityByManyCallersIsDoneOnce) {
  const std::string lead = world_.Created({{"email", "ada@people.example.com"}});
  const size_t requests = Each(2'000, 200);
  ExpectDoneOnce(
      AskTogether(
          requests, &world_,
          [&](size_t i, size_t) {
            return Command{"call " + std::to_string(i), LogActivity{CallOf(lead, 0, i), "", ""}};
          }),
      Outcome::kLogged);
  EXPECT_EQ(world_.Get(lead).state.version, static_cast<int64_t>(1 + requests));
  EXPECT_THAT(world_.Types(lead), SizeIs(1 + requests));
}

// Whoever comes first owns the id; the others hear that it is taken, and write nothing.
TEST_P(EngineConcurrentRequestsTest, OneRequestIdForOtherContentIsRefused) {
  const size_t requests = Each(1'000, 200);
  const auto answers = AskTogether(requests, &world_, [&](size_t i, size_t thread) {
    const std::string email = EmailOf(i * kThreads + thread);
    return Command{"request " + std::to_string(i),
                   Submit{MakeLead(world_.model(), {{"email", email}})}};
  });
  for (const std::vector<Answer>& of_request : answers) {
    std::map<Outcome, size_t> outcomes;
    for (const Answer& answer : of_request) ++outcomes[answer.outcome];
    EXPECT_EQ(outcomes[Outcome::kCreated], 1u);
    EXPECT_EQ(outcomes[Outcome::kRejected], kThreads - 1);
  }
  EXPECT_THAT(world_.All(), SizeIs(requests));
}

}  // namespace
}  // namespace leadcore::testing
