// SPDX-License-Identifier: Apache-2.0
//
// Readers beside writers see whole states only: the lead and what is computed of it belong
// together, the feed has no holes, and what the feed told is there to be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine_concurrent_util.h"
#include "engine_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

// Known people get their empty fields filled; the first three notes give a point each.
constexpr std::string_view kNotesModel = R"({
  "required": [{"any_of": ["email"]}],
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "fill"}],
  "scoring": {"groups": [{"name": "notes", "rules": [
    {"name": "one", "when": "count('note') >= 1", "points": 1},
    {"name": "two", "when": "count('note') >= 2", "points": 1},
    {"name": "three", "when": "count('note') >= 3", "points": 1}]}],
    "bands": [{"name": "cold", "from": 0}, {"name": "warm", "from": 2}]},
  "routing": {
    "pools": [{"name": "sales", "strategy": "round_robin", "members": [{"id": "ann"}]}],
    "fallback_pool": "sales"}})";

int64_t NotesOf(const LeadState& state) {
  return state.activities.series.empty() ? 0 : state.activities.series[0].count;
}

// Why a lead and its state are not of one moment, or "". A submit that fills writes both, a note
// the state only; a fill sets two fields to one text.
std::string Torn(const Lead& lead, const LeadState& state) {
  const int64_t notes = NotesOf(state);
  const auto differ = [](std::string_view what, int64_t a, int64_t b) {
    return std::string(what) + ": " + std::to_string(a) + " and " + std::to_string(b);
  };
  if (state.version != lead.version() + notes) {
    return differ("versions", state.version, lead.version() + notes);
  }
  const int64_t shown = ShownPoints(state.score.total);
  if (shown != std::min<int64_t>(notes, 3)) return differ("score and notes", shown, notes);
  Points sum = 0;
  for (const LedgerEntry& entry : state.score.ledger) sum += entry.points;
  if (sum != state.score.total) return differ("ledger and total", sum, state.score.total);
  if (lead.text(field::kJobTitle) != lead.text(field::kCity)) return "half filled";
  if (lead.text(field::kOwner) != "ann") return "without its owner";
  return "";
}

class EngineConcurrentReadsTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineConcurrentReadsTest() : world_(kNotesModel, GetParam()) {}

  // Creates, fills and notes people in an order of one's own. Every command has to go through.
  void Write(size_t thread) {
    std::mt19937_64 random(kSeed + thread);
    const std::string tag = "tag " + std::to_string(thread);
    for (size_t i = 0; i < commands_; ++i) {
      const std::string email = EmailOf(random() % people_);
      Command command{std::to_string(thread) + "/" + std::to_string(i), LogActivity()};
      if (random() % 2 == 0) {
        command.body = LogActivity{MakeActivity("", "note"), "", email};
      } else if (random() % 2 == 0) {
        command.body = Submit{MakeLead(world_.model(), {{"email", email}})};
      } else {
        command.body =
            Submit{MakeLead(world_.model(), {{"email", email}, {"job_title", tag}, {"city", tag}})};
      }
      const Reply reply = world_.engine().Apply(world_.At("unused"), command);
      const bool nobody_yet = absl::IsNotFound(reply.status);
      EXPECT_TRUE(reply.status.ok() || nobody_yet) << reply.status;
    }
    --writing_;
  }

  // The whole list by pages of `limit`: ascending, and nobody vanishes.
  void List(size_t limit) {
    size_t before = 0;
    ReadWhileWriting([&] {
      ListRequest request;
      request.limit = limit;
      request.sort = "id";
      std::string last;
      size_t listed = 0;
      do {
        const absl::StatusOr<ListReply> page = world_.engine().List(world_.At("read"), request);
        ASSERT_TRUE(page.ok()) << page.status();
        for (const LeadRecord& record : page->leads) {
          EXPECT_EQ(Torn(record.lead, record.state), "");
          EXPECT_LT(last, record.lead.id());
          last = std::string(record.lead.id());
        }
        listed += page->leads.size();
        request.cursor = page->cursor;
      } while (!request.cursor.empty());
      EXPECT_GE(listed, before);
      before = listed;
    });
  }

  // Through an index of the state: who is in the list belongs there.
  void ListByScore() {
    ReadWhileWriting([&] {
      ListRequest request;
      request.limit = 10'000;
      request.filter = "lead.score >= 2.0";
      const absl::StatusOr<ListReply> list = world_.engine().List(world_.At("read"), request);
      ASSERT_TRUE(list.ok()) << list.status();
      std::set<std::string_view> ids;
      for (const LeadRecord& record : list->leads) {
        EXPECT_EQ(Torn(record.lead, record.state), "");
        EXPECT_GE(NotesOf(record.state), 2);
        EXPECT_TRUE(ids.insert(record.lead.id()).second) << "listed twice: " << record.lead.id();
      }
    });
  }

  // Follows the feed; what it tells of a lead is what Get shows, or older.
  void Follow() {
    std::map<std::string, int64_t> notes, versions;
    FeedRequest request;
    request.limit = 10'000;  // more than there will be: the last page ends at the end
    ReadWhileWriting([&] {
      std::set<std::string> touched;
      const absl::Status status =
          world_.engine().Feed(world_.At("read"), request, [&](const Event& event) {
            EXPECT_EQ(event.position, request.after + 1);
            request.after = event.position;
            if (event.leads.empty()) return true;
            const std::string& id = event.leads.front();
            touched.insert(id);
            ++versions[id];
            if (event.type == "activity") ++notes[id];
            const auto payload = DecodeEventPayload(event.payload);
            EXPECT_TRUE(payload.ok()) << payload.status();
            const auto state = DecodeLeadState(payload.ok() ? payload->state() : "");
            EXPECT_TRUE(state.ok()) << state.status();
            EXPECT_EQ(NotesOf(state.value_or(LeadState())), notes[id]);
            return true;
          });
      ASSERT_TRUE(status.ok()) << status;
      for (const std::string& id : touched) {
        const LeadRecord record = world_.Get(id);
        EXPECT_EQ(Torn(record.lead, record.state), "");
        EXPECT_GE(record.state.version, versions[id]);
      }
    });
    told_ = request.after;
  }

  // Over and over while somebody writes, and once more when all is written.
  void ReadWhileWriting(const std::function<void()>& read) {
    for (bool last = false; !last && !HasFatalFailure();) {
      last = writing_ == 0;
      read();
    }
  }

  // The last after-images of the feed are the leads as they stand.
  void CheckReplay() {
    std::map<std::string, std::pair<std::string, std::string>> replayed;  // lead and state
    for (const Event& event : world_.Events()) {
      if (event.leads.empty()) continue;
      const auto payload = DecodeEventPayload(event.payload);
      ASSERT_TRUE(payload.ok()) << payload.status();
      auto& [lead, state] = replayed[event.leads.front()];
      if (!payload->lead().empty()) lead = payload->lead();
      if (!payload->state().empty()) state = payload->state();
    }
    const std::vector<LeadRecord> all = world_.All();
    EXPECT_EQ(all.size(), replayed.size());
    for (const LeadRecord& record : all) {
      const auto& [lead, state] = replayed[std::string(record.lead.id())];
      EXPECT_EQ(EncodeLead(record.lead, LeadForm::kStored), lead);
      EXPECT_EQ(EncodeLeadState(record.state), state);
    }
  }

  // A lead and its state by hand, from a snapshot of the store.
  LeadRecord Stored(const std::string& id) {
    const auto snapshot = world_.store().Read("test");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    const StoredRecord lead = **(*snapshot)->Get({RecordKind::kLead, id});
    const StoredRecord state = **(*snapshot)->Get({RecordKind::kLeadState, id});
    LeadRecord record{*DecodeLead(lead.body, world_.model().schema()),
                      *DecodeLeadState(state.body)};
    record.lead.Set(field::kVersion, Value::Integer(lead.version));
    record.state.version = state.version;
    return record;
  }

  static constexpr uint64_t kSeed = 20260106;
  static constexpr size_t kWriters = 4;
  const size_t people_ = Scaled(300);
  const size_t commands_ = Scaled(GetParam() == StoreKind::kMemory ? 2'000 : 250);
  std::atomic<size_t> writing_{kWriters};
  int64_t told_ = 0;
  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineConcurrentReadsTest);

TEST_P(EngineConcurrentReadsTest, ReadersSeeWholeStatesOnly) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  RunTogether(kWriters + 4, [&](size_t thread) {
    if (thread < kWriters) return Write(thread);
    if (thread == kWriters) return List(10'000);
    if (thread == kWriters + 1) return List(7);
    if (thread == kWriters + 2) return ListByScore();
    Follow();
  });
  const std::vector<Event> events = world_.Events();
  std::set<std::string> types;
  for (const Event& event : events) types.insert(event.type);
  EXPECT_THAT(types, IsSupersetOf({"created", "filled", "activity"}));
  EXPECT_EQ(told_, events.back().position);
  CheckReplay();
}

// A reader that takes two snapshots for one lead, a fill in between.
TEST_P(EngineConcurrentReadsTest, CanaryTwoSnapshotsAreTorn) {
  const std::string email = EmailOf(0);
  const Fields more = {{"email", email}, {"job_title", "tag"}, {"city", "tag"}};
  const std::string id = world_.Created({{"email", email}});
  std::latch lead_read(1), filled(1);
  std::string one_snapshot, two_snapshots;
  RunTogether(2, [&](size_t thread) {
    if (thread == 0) {
      lead_read.wait();
      EXPECT_EQ(world_.Put(more).outcome, Outcome::kFilled);
      filled.count_down();
      return;
    }
    const LeadRecord before = Stored(id);
    one_snapshot = Torn(before.lead, before.state);
    lead_read.count_down();
    filled.wait();
    two_snapshots = Torn(before.lead, Stored(id).state);
  });
  EXPECT_EQ(one_snapshot, "");
  EXPECT_THAT(two_snapshots, HasSubstr("versions: 2 and 1"));
}

}  // namespace
}  // namespace leadcore::testing
