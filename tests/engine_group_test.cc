// SPDX-License-Identifier: Apache-2.0
//
// ApplyMany does what applying one by one does: same replies, same leads, same events, same turns.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

// What the policies of the keys are, and whose leads keep their owner.
std::string ModelOf(std::string_view external_id, std::string_view email, std::string_view phone,
                    std::string_view affinity) {
  const auto key = [](std::string_view name, bool exclusive, std::string_view on_hit) {
    return R"({"name": ")" + std::string(name) + R"(", "exclusive": )" +
           (exclusive ? "true" : "false") + R"(, "fields": [")" + std::string(name) +
           R"("], "on_hit": ")" + std::string(on_hit) + R"("})";
  };
  return R"({"required": [{"any_of": ["full_name", "email"]}], "keys": [)" +
         key("external_id", true, external_id) + "," + key("email", true, email) + "," +
         key("phone", false, phone) + R"(],
    "routing": {"affinity": [)" +
         std::string(affinity) + R"(],
      "rules": [{"name": "hot", "when": "lead.score >= 18", "pool": "best"}],
      "pools": [{"name": "all", "strategy": "weighted", "members": [
                  {"id": "ann", "weight": 3, "cap": 40}, {"id": "bob"}, {"id": "cleo"}]},
                {"name": "best", "strategy": "least_loaded", "members": [
                  {"id": "bob"}, {"id": "dan"}]}],
      "fallback_pool": "all"}})";
}

class EngineGroupTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  size_t Pick(size_t limit) { return random_() % limit; }
  std::string Some(std::string_view start, size_t of) {
    return std::string(start) + std::to_string(Pick(of));
  }

  Submit RandomSubmit(const Model& model) {
    const std::string name = Pick(12) == 0 ? "" : Some("Person X", 100);
    const std::string email = Pick(3) == 0 ? ""
                              : Pick(8) == 0
                                  ? "info@site1.com"
                                  : Some("p", 12) + "@site" + std::to_string(Pick(4)) + ".com";
    const std::string phone = Pick(2) == 0 ? "" : Some("+1415555267", 10);
    const std::string external = Pick(3) == 0 ? Some("X", 12) : "";
    const std::string website = Pick(4) == 0 ? Some("site", 4) + ".com" : "";
    Fields fields;
    const auto add = [&fields](std::string_view field, std::string_view text) {
      if (!text.empty()) fields.emplace_back(field, text);
    };
    add("full_name", name);
    add("email", email);
    add("phone", phone);
    add("external_id", external);
    add("website", website);
    if (Pick(3) == 0) fields.emplace_back("job_title", "CEO");
    if (Pick(10) == 0) fields.emplace_back("status", Pick(4) == 0 ? "Lost in space" : "Converted");
    return {MakeLead(model, fields), Pick(4) == 0};
  }

  // Of a submit, if that one made a lead.
  std::string SomeLead() { return MakeId(FromMicros(kStart), "test", Some("r", next_ + 1), 0); }

  LogActivity RandomActivity() {
    LogActivity log;
    log.activity = MakeActivity("", Pick(3) == 0 ? "page_view" : Pick(9) == 0 ? "nothing" : "call");
    if (Pick(2) == 0) log.activity.time = kStart - static_cast<int64_t>(Pick(40 * 24)) * kHour;
    if (log.activity.kind == "page_view") log.activity.attributes = {{"path", "/pricing"}};
    switch (Pick(3)) {
      case 0:
        log.activity.lead_id = SomeLead();
        break;
      case 1:
        log.external_id = Some("X", 12);
        break;
      default:
        log.email = Some("p", 12) + "@site" + std::to_string(Pick(4)) + ".com";
    }
    return log;
  }

  // Some are what an earlier one was; some have its request id only.
  std::vector<Command> RandomCommands(const Model& model, size_t count) {
    std::vector<Command> commands;
    for (size_t i = 0; i < count; ++i) {
      Command command{"r" + std::to_string(next_++), RandomActivity()};
      if (Pick(2) == 0) command.body = RandomSubmit(model);
      if (Pick(30) == 0) command.body = EraseLead{SomeLead()};
      if (!told_.empty() && Pick(15) == 0) command = told_[Pick(told_.size())];
      if (!told_.empty() && Pick(25) == 0)
        command.request_id = told_[Pick(told_.size())].request_id;
      told_.push_back(command);
      commands.push_back(std::move(command));
    }
    return commands;
  }

  static std::string Text(const Reply& reply) {
    std::string text =
        std::string(OutcomeName(reply.outcome)) + " " + reply.status.ToString() + " lead " +
        reply.lead_id + " activity " + reply.activity_id + (reply.replayed ? " replayed" : "") +
        " score " + std::to_string(reply.score.total) + reply.score.band + " owner " +
        reply.assignment.owner + " ticket " + std::to_string(reply.assignment.ticket);
    for (const Assignment::Step& step : reply.assignment.steps) {
      text += "; " + step.what + ": " + step.answer;
    }
    for (const KeyHit& hit : reply.hits) text += " hit " + hit.key + " " + hit.lead;
    for (const int64_t position : reply.positions) text += " at " + std::to_string(position);
    return text + " issues " + std::to_string(reply.issues.size());
  }

  static void ExpectSame(World& one, World& many) {
    const std::vector<Event> events = one.Events();
    const std::vector<Event> grouped = many.Events();
    ASSERT_EQ(events.size(), grouped.size());
    for (size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].request_id, grouped[i].request_id) << i;
      ASSERT_EQ(events[i].type, grouped[i].type) << i;
      ASSERT_EQ(events[i].leads, grouped[i].leads) << i;
      ASSERT_EQ(events[i].payload, grouped[i].payload) << i;
    }
    const std::vector<LeadRecord> leads = one.All();
    const std::vector<LeadRecord> others = many.All();
    ASSERT_EQ(leads.size(), others.size());
    for (size_t i = 0; i < leads.size(); ++i) {
      ASSERT_TRUE(SameLead(leads[i].lead, others[i].lead)) << leads[i].lead.id();
      ASSERT_EQ(EncodeLeadState(leads[i].state), EncodeLeadState(others[i].state));
      ASSERT_EQ(leads[i].state.version, others[i].state.version);
    }
    const auto a = one.store().Read("test");
    const auto b = many.store().Read("test");
    for (const char* counter : {"load/ann", "load/bob", "load/cleo", "load/dan", "ticket/all",
                                "swrr/all/ann", "swrr/all/bob", "swrr/all/cleo", "turn/best"}) {
      ASSERT_EQ(*(*a)->Counter(counter), *(*b)->Counter(counter)) << counter;
    }
  }

  void Compare(const std::string& model, size_t rounds) {
    told_.clear();
    // Secrets are the same in both.
    const RandomSource zeros = [](std::span<unsigned char> bytes) {
      std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    };
    World one(ParseModel(model), GetParam(), zeros);
    World many(one.engine().shared_model(), GetParam(), zeros);
    for (size_t round = 0; round < rounds; ++round) {
      const std::vector<Command> commands = RandomCommands(one.model(), 1 + Pick(60));
      const std::vector<Reply> replies = many.engine().ApplyMany(many.At("call"), commands);
      ASSERT_EQ(replies.size(), commands.size());
      for (size_t i = 0; i < commands.size(); ++i) {
        const Reply reply = one.engine().Apply(one.At("call"), commands[i]);
        ASSERT_EQ(Text(reply), Text(replies[i]))
            << "command " << i << " of " << commands.size() << " in round " << round;
      }
      ExpectSame(one, many);
      if (HasFatalFailure()) return;
    }
  }

  const uint64_t seed_ = Seed();
  std::mt19937_64 random_{seed_};
  size_t next_ = 0;
  std::vector<Command> told_;
};
LEADCORE_ON_BOTH_STORES(EngineGroupTest);

TEST_P(EngineGroupTest, AGroupDoesWhatItsCommandsDoOneByOne) {
  const size_t rounds = Scaled(GetParam() == StoreKind::kMemory ? 25 : 4);
  for (const std::string_view external_id : {"reject", "attach", "fill", "flag"}) {
    for (const std::string_view email : {"reject", "attach", "fill", "flag"}) {
      const std::string_view phone = Pick(3) == 0 ? "flag" : Pick(2) == 0 ? "attach" : "fill";
      constexpr std::string_view kAffinities[] = {R"("existing", "account")", R"("existing")", ""};
      const std::string_view affinity = kAffinities[Pick(3)];
      Compare(ModelOf(external_id, email, phone, affinity), rounds);
      ASSERT_FALSE(HasFatalFailure())
          << "external_id " << external_id << ", email " << email << ", phone " << phone
          << ", affinity " << affinity << ", seed " << seed_;
    }
  }
}

// Each finds those before it, which are not committed yet, and may get the owner of each of them.
TEST_P(EngineGroupTest, ManyOfOneCandidateKeyAreAGroupToo) {
  const std::string model = ModelOf("reject", "reject", "flag", R"("existing")");
  World one(ParseModel(model), GetParam());
  World many(one.engine().shared_model(), GetParam());
  std::vector<Command> commands;
  for (size_t i = 0; i < Scaled(600); ++i) {
    const std::string name = "Person X" + std::to_string(i);
    const Fields fields = {{"full_name", name}, {"phone", "+14155552671"}};
    commands.push_back({"r" + std::to_string(i), Submit{MakeLead(one.model(), fields)}});
  }
  const std::vector<Reply> replies = many.engine().ApplyMany(many.At("call"), commands);
  for (size_t i = 0; i < commands.size(); ++i) {
    ASSERT_EQ(Text(one.engine().Apply(one.At("call"), commands[i])), Text(replies[i])) << i;
  }
  ExpectSame(one, many);
}

// Does something once, just before somebody asks what became of a request.
class Interrupting : public StoreDecorator {
 public:
  Interrupting(Store* store, std::function<void()> act)
      : StoreDecorator(store), act_(std::move(act)) {}
  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    if (act_) std::exchange(act_, nullptr)();
    return StoreDecorator::FindOutcome(workspace, request_id);
  }

 private:
  mutable std::function<void()> act_;
};

// The first command of a list is committed by another caller after the list's snapshot: what it
// made is neither in the snapshot nor still to come.
TEST_P(EngineGroupTest, ACommandDoneByAnotherCallerMeanwhileIsFoundByThoseBehindIt) {
  World world(ParseModel(ModelOf("reject", "reject", "attach", "")), GetParam());
  std::vector<Command> commands;
  for (const std::string id : {"a", "b"}) {
    const std::string name = "Person X" + id;
    const Fields fields = {{"full_name", name}, {"phone", "+14155552671"}};
    commands.push_back({id, Submit{MakeLead(world.model(), fields)}});
  }
  Interrupting store(&world.store(), [&] {
    EXPECT_EQ(world.engine().Apply(world.At("call"), commands[0]).outcome, Outcome::kCreated);
  });
  const auto engine =
      Engine::Open({world.engine().shared_model(), "test", false}, &store, world.At("open"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  const std::vector<Reply> replies = (*engine)->ApplyMany(world.At("call"), commands);
  EXPECT_TRUE(replies[0].replayed);
  EXPECT_EQ(replies[1].outcome, Outcome::kAttached) << replies[1].status;
  EXPECT_EQ(replies[1].lead_id, replies[0].lead_id);
  EXPECT_EQ(world.All().size(), 1u);
}

}  // namespace
}  // namespace leadcore::testing
