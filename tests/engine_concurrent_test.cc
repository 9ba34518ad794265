// SPDX-License-Identifier: Apache-2.0
//
// Many callers submit the same people at once: one lead each, one ticket each, even turns at every
// moment. The canaries do the same without what the store's commit gives, and must be caught.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine_concurrent_util.h"
#include "engine_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What one submit was told.
struct Told {
  size_t person = 0;
  Outcome outcome = Outcome::kFailed;
  std::string lead;
  std::string error;
};

class EngineConcurrentTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineConcurrentTest() : world_(kTurnsModel, GetParam()) {}

  // Whom a thread submits, one after the other: first all threads the same people in the same
  // order, so that they meet at each; then everybody in an order of one's own.
  std::vector<size_t> Order(size_t thread) const {
    std::mt19937_64 random(kSeed + thread);
    std::vector<size_t> order;
    while (order.size() < submits_) {
      const size_t start = order.size();
      for (size_t i = 0; i < people_ && order.size() < submits_; ++i) order.push_back(i);
      if (start != 0) {
        std::shuffle(order.begin() + static_cast<std::ptrdiff_t>(start), order.end(), random);
      }
    }
    return order;
  }

  Lead LeadOf(size_t person, size_t thread) const {
    std::string email = EmailOf(person);
    if (thread % 2 == 1) email[0] = 'P';  // the same address in another spelling
    return MakeLead(world_.model(), {{"email", email}});
  }

  static Told Tell(size_t person, const Reply& reply) {
    const bool expected = reply.status.ok() || absl::IsAlreadyExists(reply.status);
    return {person, reply.outcome, reply.lead_id, expected ? "" : reply.status.ToString()};
  }

  // Every person has one lead, and every submit was told of it.
  void Check(const std::vector<std::vector<Told>>& told) {
    const std::vector<Creation> creations = ReadCreations(world_.store(), world_.model());
    EXPECT_THAT(FindFaults(creations, people_), IsEmpty());
    EXPECT_EQ(creations.size(), people_);
    std::map<std::string, std::string> lead_of;
    for (const Creation& creation : creations) lead_of[creation.email] = creation.lead;
    std::map<Outcome, size_t> outcomes;
    for (const std::vector<Told>& of_thread : told) {
      for (const Told& each : of_thread) {
        ++outcomes[each.outcome];
        ASSERT_EQ(each.error, "") << "of person " << each.person;
        ASSERT_EQ(each.lead, lead_of[EmailOf(each.person)]) << "of person " << each.person;
      }
    }
    EXPECT_EQ(outcomes[Outcome::kCreated], people_);
    EXPECT_EQ(outcomes[Outcome::kDuplicate], kThreads * submits_ - people_);
    EXPECT_THAT(outcomes, SizeIs(2));
    EXPECT_THAT(world_.All(), SizeIs(people_));
    CheckCounters(lead_of);
  }

  void CheckCounters(const std::map<std::string, std::string>& lead_of) {
    const auto snapshot = world_.store().Read("test");
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_EQ(*(*snapshot)->Counter("ticket/sales"), static_cast<int64_t>(people_));
    int64_t load = 0;
    for (const std::string_view member : kMembers) {
      load += *(*snapshot)->Counter(Routing::LoadCounter(member));
    }
    EXPECT_EQ(load, static_cast<int64_t>(people_));
    for (const auto& [email, lead] : lead_of) {
      EXPECT_EQ(*(*snapshot)->Lookup("email:" + email), lead);
    }
  }

  static constexpr uint64_t kSeed = 20260105;
  const size_t people_ = Scaled(2'000);
  const size_t submits_ = Scaled(10'000);
  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineConcurrentTest);

TEST_P(EngineConcurrentTest, OneLeadAndOneTicketForEachPerson) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::vector<std::vector<Told>> told(kThreads);
  RunTogether(kThreads, [&](size_t thread) {
    for (const size_t person : Order(thread)) {
      const std::string request =
          std::to_string(thread) + "/" + std::to_string(told[thread].size());
      const Reply reply = world_.engine().SubmitLead(world_.At(request), LeadOf(person, thread));
      told[thread].push_back(Tell(person, reply));
    }
  });
  Check(told);
}

// Groups hold some people twice and meet other callers' groups half way.
TEST_P(EngineConcurrentTest, GroupsOfCommandsRaceLikeSubmits) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::vector<std::vector<Told>> told(kThreads);
  RunTogether(kThreads, [&](size_t thread) {
    const size_t group = 50 + 10 * thread;
    const std::vector<size_t> order = Order(thread);
    for (size_t start = 0; start < order.size(); start += group) {
      std::vector<Command> commands;
      for (size_t i = start; i < std::min(start + group, order.size()); ++i) {
        commands.push_back({"", Submit{LeadOf(order[i], thread)}});
      }
      const std::string request = std::to_string(thread) + "-" + std::to_string(start);
      const std::vector<Reply> replies = world_.engine().ApplyMany(world_.At(request), commands);
      for (size_t i = 0; i < replies.size(); ++i) {
        told[thread].push_back(Tell(order[start + i], replies[i]));
      }
    }
  });
  Check(told);
}

// ---- Canaries: what a caller of the store could do wrong, in the order in which it goes wrong.

class ConcurrentCanaryTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  ConcurrentCanaryTest() : world_(kTurnsModel, GetParam()) {}

  // What a creation writes, by hand: the lead, and an event that tells of it.
  Writes CreationOf(const std::string& id, size_t person, int64_t ticket) const {
    Lead lead = MakeLead(world_.model(), {{"email", EmailOf(person)}});
    EventPayload payload;
    payload.assignment.emplace();
    payload.assignment->ticket = ticket;
    payload.assignment->owner = kMembers[static_cast<size_t>(ticket - 1) % std::size(kMembers)];
    Writes writes;
    writes.puts = {{{RecordKind::kLead, id}, EncodeLead(lead, LeadForm::kStored), {}}};
    writes.counters = {{kTicket, ticket}};
    Event event;
    event.type = "created";
    event.leads = {id};
    event.payload = EncodeEventPayload(payload);
    writes.events = {std::move(event)};
    return writes;
  }

  CommitResult::Code Commit(const Batch& batch) {
    CommitResult result;
    const absl::Status status =
        world_.store().Commit("test", std::span(&batch, 1), std::span(&result, 1));
    EXPECT_TRUE(status.ok()) << status;
    return result.code;
  }

  std::vector<std::string> Faults(size_t people) {
    return FindFaults(ReadCreations(world_.store(), world_.model()), people);
  }

  // Two callers see that nobody holds a person's key, and only then both commit.
  std::vector<CommitResult::Code> CheckThenInsert(bool claimed) {
    const std::string key = "email:" + EmailOf(0);
    std::latch both_looked(2);
    std::vector<CommitResult::Code> codes(2);
    RunTogether(2, [&](size_t thread) {
      const std::string id = "lead-" + std::to_string(thread);
      EXPECT_EQ(HolderOf(key), std::nullopt);
      both_looked.arrive_and_wait();
      Batch batch;
      if (claimed) batch.claims = {{key, id}};
      batch.counters = {kTicket};
      batch.finish = [&](const Given& given) {
        const std::span<const int64_t> values = given.counters;
        return CreationOf(id, 0, values[0] + 1);
      };
      codes[thread] = Commit(batch);
    });
    return codes;
  }

  // Two callers read the last ticket, and only then both take the next one.
  void ReadThenWrite(bool in_commit) {
    std::latch both_read(2);
    RunTogether(2, [&](size_t thread) {
      const int64_t seen = Ticket();
      both_read.arrive_and_wait();
      Batch batch;
      if (in_commit) batch.counters = {kTicket};
      batch.finish = [&](const Given& given) {
        const std::span<const int64_t> values = given.counters;
        const int64_t last = in_commit ? values[0] : seen;
        return CreationOf("lead-" + std::to_string(thread), thread, last + 1);
      };
      EXPECT_EQ(Commit(batch), CommitResult::Code::kCommitted);
    });
  }

  World world_;
  static constexpr char kTicket[] = "ticket/sales";

 private:
  std::optional<std::string> HolderOf(const std::string& key) {
    const auto snapshot = world_.store().Read("test");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *(*snapshot)->Lookup(key);
  }
  int64_t Ticket() {
    const auto snapshot = world_.store().Read("test");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *(*snapshot)->Counter(kTicket);
  }
};
LEADCORE_ON_BOTH_STORES(ConcurrentCanaryTest);

TEST_P(ConcurrentCanaryTest, CheckThenInsertWithoutAClaimDoublesALead) {
  using Code = CommitResult::Code;
  EXPECT_THAT(CheckThenInsert(false), ElementsAre(Code::kCommitted, Code::kCommitted));
  EXPECT_THAT(Faults(1),
              ElementsAre(HasSubstr("lead of " + EmailOf(0) + " 2 times"), "tickets of nobody"));
}

TEST_P(ConcurrentCanaryTest, TheSameInterleavingWithAClaimIsClean) {
  using Code = CommitResult::Code;
  EXPECT_THAT(CheckThenInsert(true),
              ::testing::UnorderedElementsAre(Code::kCommitted, Code::kClaimHeld));
  EXPECT_THAT(Faults(1), IsEmpty());
}

TEST_P(ConcurrentCanaryTest, ReadingTheTicketBeforeTheCommitGivesItTwice) {
  ReadThenWrite(false);
  EXPECT_THAT(Faults(2), ElementsAre(HasSubstr("uneven turns"), HasSubstr("ticket 1 2 times")));
}

TEST_P(ConcurrentCanaryTest, TheSameInterleavingWithTheCounterInTheCommitIsClean) {
  ReadThenWrite(true);
  EXPECT_THAT(Faults(2), IsEmpty());
}

}  // namespace
}  // namespace leadcore::testing
