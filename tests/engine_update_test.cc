// SPDX-License-Identifier: Apache-2.0
//
// UpdateLead: what people edit, and what follows from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "leadcore/engine.h"
#include "workload.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using testing::Fields;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kDay;
using testing::MakeLead;
using ::testing::Pair;
using testing::StoreKind;
using testing::World;

constexpr std::string_view kModel = R"({
  "name": "updates", "country": "US",
  "fields": [{"name": "plan", "type": "text", "indexed": true}],
  "required": [{"any_of": ["full_name"]}, {"any_of": ["email", "phone"]}],
  "keys": [
    {"name": "external_id", "exclusive": true, "fields": ["external_id"], "on_hit": "reject"},
    {"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "reject"},
    {"name": "plan", "exclusive": true, "fields": ["plan"], "on_hit": "flag"},
    {"name": "phone", "fields": ["phone"], "on_hit": "flag"}],
  "scoring": {"bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 30}],
    "groups": [{"name": "fit", "rules": [
      {"name": "big", "points": 40, "when": "lead.employee_count >= 200"}]}]},
  "routing": {
    "territories": [{"name": "West", "areas": [{"country": "US", "region": "CA"}]},
                    {"name": "Europe", "areas": [{"country": "DE"}]}],
    "pools": [{"name": "all", "members": [{"id": "ann"}, {"id": "bob"}]}],
    "fallback_pool": "all"}})";

class UpdateTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  UpdateLead Edit(std::string_view id, const Fields& fields,
                  std::initializer_list<std::string_view> cleared = {}) {
    UpdateLead update{std::string(id), MakeLead(world_.model(), fields), {}, std::nullopt};
    for (const auto& [name, text] : fields) update.fields.emplace_back(name);
    for (const std::string_view name : cleared) update.fields.emplace_back(name);
    return update;
  }
  Reply Update(std::string_view id, const Fields& fields,
               std::initializer_list<std::string_view> cleared = {}) {
    return world_.engine().Apply(world_.Next(), {"", Edit(id, fields, cleared)});
  }
  std::string Ada(const Fields& more = {}) {
    Fields fields = {{"full_name", "Ada Lovelace"}, {"email", "ada@analytical.example.com"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return world_.Created(fields);
  }
  std::string FoundBy(std::string_view field, std::string_view value) {
    const auto found = world_.engine().Find(world_.At("read"), field, value);
    return found.ok() ? std::string(found->lead.id()) : "";
  }
  void TearDown() override { world_.ExpectWhole(); }

  World world_{kModel, GetParam()};
};

TEST_P(UpdateTest, SetsAndClearsTheFieldsThatAreNamed) {
  const std::string id = Ada({{"job_title", "Countess"}, {"city", "London"}});
  world_.now += kDay;
  const Reply reply = Update(id, {{"job_title", "Chief Analyst"}, {"plan", "gold"}}, {"city"});
  EXPECT_EQ(reply.outcome, Outcome::kUpdated) << reply.status;
  EXPECT_EQ(reply.lead_id, id);
  EXPECT_EQ(reply.version, 2);
  const LeadRecord after = world_.Get(id);
  EXPECT_EQ(after.lead.version(), 2);
  EXPECT_EQ(after.lead.text(field::kJobTitle), "Chief Analyst");
  EXPECT_EQ(world_.Show(id, "plan"), "gold");
  EXPECT_FALSE(after.lead.has(field::kCity));
  EXPECT_EQ(after.lead.text(field::kFullName), "Ada Lovelace");
  EXPECT_EQ(after.lead[field::kUpdateTime].micros(), world_.now);
  EXPECT_EQ(after.lead[field::kCreateTime].micros(), world_.now - kDay);
  EXPECT_THAT(world_.Told(id).details,
              ElementsAre(Pair("job_title", "'Countess' -> 'Chief Analyst'"),
                          Pair("city", "'London' -> blank"), Pair("plan", "blank -> 'gold'")));
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "updated"));
}

TEST_P(UpdateTest, TheScoreFollows) {
  const std::string id = Ada({{"employee_count", "20"}});
  EXPECT_EQ(world_.Score(id), 0);
  const Reply reply = Update(id, {{"employee_count", "900"}});
  EXPECT_EQ(ShownPoints(reply.score.total), 40);
  EXPECT_EQ(world_.Score(id), 40);
  EXPECT_EQ(world_.Told(id).details.back(),
            (std::pair<std::string, std::string>("band", "cold -> hot")));
}

TEST_P(UpdateTest, NothingNewIsUnchangedAndTold) {
  const std::string id = Ada();
  const Reply reply = Update(id, {{"full_name", "Ada  Lovelace"}}, {"city"});
  EXPECT_EQ(reply.outcome, Outcome::kUnchanged) << reply.status;
  EXPECT_EQ(reply.version, 1);
  EXPECT_EQ(world_.Get(id).lead.version(), 1);
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "unchanged"));
}

TEST_P(UpdateTest, TheSameRequestIsDoneOnce) {
  const std::string id = Ada();
  const Call call = world_.Next();
  const UpdateLead first = Edit(id, {{"city", "Paris"}});
  EXPECT_EQ(world_.engine().Apply(call, {"", first}).outcome, Outcome::kUpdated);
  Update(id, {{"city", "Rome"}});
  const Reply again = world_.engine().Apply(call, {"", first});
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.outcome, Outcome::kUpdated);
  EXPECT_EQ(world_.Show(id, "city"), "Rome");
  const Reply other = world_.engine().Apply(call, {"", Edit(id, {{"city", "Oslo"}})});
  EXPECT_EQ(other.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(other.status.message()), HasSubstr("was used for another request"));
}

TEST_P(UpdateTest, AnotherVersionIsAConflictThatNamesBothValues) {
  const std::string id = Ada({{"city", "London"}});
  Update(id, {{"city", "Paris"}});
  UpdateLead late = Edit(id, {{"city", "Rome"}, {"job_title", "Poet"}}, {"street"});
  late.version = 1;
  const Reply reply = world_.engine().Apply(world_.Next(), {"", late});
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(reply.status.message()),
              HasSubstr("is at version 2, not 1: city is 'Paris', not 'Rome', job_title is blank, "
                        "not 'Poet'; read it again"));
  EXPECT_EQ(world_.Show(id, "city"), "Paris");
  late.version = 2;
  EXPECT_EQ(world_.engine().Apply(world_.Next(), {"", late}).outcome, Outcome::kUpdated);
}

// ---- What follows from a field

TEST_P(UpdateTest, PartsOfANameFollowItAndItThem) {
  const std::string id = Ada();
  Update(id, {{"full_name", "Dr. Grace B. Hopper"}});
  EXPECT_EQ(world_.Show(id, "first_name"), "Grace");
  EXPECT_EQ(world_.Show(id, "middle_name"), "B.");
  EXPECT_EQ(world_.Show(id, "last_name"), "Hopper");
  Update(id, {{"last_name", "Murray"}}, {"middle_name"});
  EXPECT_EQ(world_.Show(id, "full_name"), "Grace Murray");
}

TEST_P(UpdateTest, TheDomainFollowsTheAddressUnlessItWasGiven) {
  const std::string id = Ada();
  EXPECT_EQ(world_.Show(id, "domain"), "example.com");
  Update(id, {{"email", "ada@babbage.example.org"}});
  EXPECT_EQ(world_.Show(id, "domain"), "example.org");
  EXPECT_EQ(world_.Show(id, "email_kind"), "business");
  Update(id, {{"domain", "engines.example.net"}});
  EXPECT_EQ(world_.Show(id, "domain"), "example.net");
  Update(id, {{"email", "ada@gmail.com"}});
  EXPECT_EQ(world_.Show(id, "domain"), "example.net");
  EXPECT_EQ(world_.Show(id, "email_kind"), "free");
}

TEST_P(UpdateTest, WhoMovesGetsAnotherTerritoryAndKeepsTheOwner) {
  const std::string id = Ada({{"country", "US"}, {"region", "California"}});
  EXPECT_EQ(world_.Show(id, "territory"), "West");
  const std::string owner = world_.Show(id, "owner");
  Update(id, {{"country", "Germany"}}, {"region"});
  EXPECT_EQ(world_.Show(id, "territory"), "Europe");
  EXPECT_EQ(world_.Show(id, "owner"), owner);
  Update(id, {{"country", "France"}});
  EXPECT_EQ(world_.Show(id, "territory"), "");
}

TEST_P(UpdateTest, KeysFollow) {
  const std::string id = Ada();
  Update(id, {{"email", "countess@analytical.example.com"}, {"phone", "+1 415 555 0100"}});
  EXPECT_EQ(FoundBy("email", "ada@analytical.example.com"), "");
  EXPECT_EQ(FoundBy("email", "countess@analytical.example.com"), id);
  EXPECT_EQ(FoundBy("phone", "+1 415 555 0100"), id);
  // The address that was given up is free.
  EXPECT_NE(world_.Created({{"full_name", "Ada Two"}, {"email", "ada@analytical.example.com"}}),
            id);
}

TEST_P(UpdateTest, AKeyOfAnotherLeadIsRefusedAndItsHolderNamed) {
  const std::string ada = Ada();
  const std::string bob =
      world_.Created({{"full_name", "Bob"}, {"email", "bob@example.com"}, {"plan", "gold"}});
  const Reply reply = Update(bob, {{"email", "ADA@analytical.example.com"}});
  EXPECT_EQ(reply.outcome, Outcome::kDuplicate);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(reply.lead_id, ada);
  EXPECT_EQ(reply.rule, "key email");
  EXPECT_EQ(world_.Show(bob, "email"), "bob@example.com");
  EXPECT_THAT(world_.Types(bob), ElementsAre("created"));
  // Where the model flags, the lead is found by it as well.
  EXPECT_EQ(Update(ada, {{"plan", "gold"}}).outcome, Outcome::kUpdated);
  EXPECT_EQ(FoundBy("plan", "gold"), bob);
}

// ---- Refusals

TEST_P(UpdateTest, RefusalsNameTheFieldAndChangeNothing) {
  const std::string id = Ada();
  const auto refused = [&](const Fields& fields,
                           std::initializer_list<std::string_view> cleared = {}) {
    const Reply reply = Update(id, fields, cleared);
    EXPECT_EQ(reply.outcome, Outcome::kRejected);
    EXPECT_EQ(reply.status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(reply.status.message());
  };
  EXPECT_THAT(refused({}, {"emial"}), HasSubstr("no field 'emial', did you mean 'email'?"));
  EXPECT_THAT(refused({}), HasSubstr("name at least one field"));
  EXPECT_THAT(refused({{"status", "Qualified"}}), HasSubstr("'status' is not edited: it follows"));
  EXPECT_THAT(refused({{"owner", "eve"}}), HasSubstr("it follows from assignments"));
  EXPECT_THAT(refused({{"score", "90"}}), HasSubstr("it is set by the engine"));
  EXPECT_THAT(refused({{"email_kind", "free"}}), HasSubstr("it is set by the engine"));
  EXPECT_THAT(refused({{"email", "ada at example"}}), HasSubstr("email 'ada at example': "));
  EXPECT_THAT(refused({{"priority", "urgent"}}), HasSubstr("priority 'urgent': not one of: "));
  EXPECT_THAT(refused({}, {"email"}), HasSubstr("required[1]: a lead needs email or phone"));
  EXPECT_THAT(refused({}, {"full_name"}), HasSubstr("required[0]"));
  EXPECT_EQ(world_.Get(id).lead.version(), 1);
  EXPECT_THAT(world_.Types(id), ElementsAre("created"));
}

TEST_P(UpdateTest, NobodyToUpdate) {
  const Reply reply = Update("01nobody", {{"city", "Rome"}});
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kNotFound);
}

TEST_P(UpdateTest, ANoteAboutAValueGoesWithIt) {
  const std::string id = Ada({{"country", "Atlantis"}, {"postal_code", "x"}});
  const auto notes = [&] {
    const LeadRecord record = world_.Get(id);
    std::vector<std::string> names;
    if (!record.lead.has(field::kDataIssues)) return names;
    for (const Record& issue : record.lead[field::kDataIssues].records()) {
      names.push_back(issue[0].value_or(""));
    }
    return names;
  };
  EXPECT_THAT(notes(), ElementsAre("country", "postal_code"));
  EXPECT_EQ(Update(id, {{"country", "Germany"}, {"postal_code", "10115"}}).outcome,
            Outcome::kUpdated);
  EXPECT_THAT(notes(), IsEmpty());
}

// ---- Beside others

TEST_P(UpdateTest, ManyInOneCallAreAsIfOneByOne) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    const std::string address = "p" + std::to_string(i) + "@example.com";
    ids.push_back(world_.Created({{"full_name", "Person"}, {"email", address}}));
  }
  // Two leads exchange their addresses by way of a third one, all in one call.
  std::vector<Command> commands;
  const auto edit = [&](size_t lead, std::string_view address) {
    commands.push_back({"", Edit(ids[lead], {{"email", address}})});
  };
  edit(0, "p9@example.com");
  edit(1, "p0@example.com");
  edit(0, "p1@example.com");
  commands.push_back({"", LogActivity{testing::MakeActivity(ids[0], "call"), "", ""}});
  edit(2, "p3@example.com");  // refused: the last one has it
  commands.push_back(
      {"", Submit{MakeLead(world_.model(), {{"full_name", "P"}, {"email", "p9@example.com"}})}});
  const std::vector<Reply> replies = world_.engine().ApplyMany(world_.Next(), commands);
  std::vector<Outcome> outcomes;
  for (const Reply& reply : replies) outcomes.push_back(reply.outcome);
  EXPECT_THAT(outcomes, ElementsAre(Outcome::kUpdated, Outcome::kUpdated, Outcome::kUpdated,
                                    Outcome::kLogged, Outcome::kDuplicate, Outcome::kCreated));
  EXPECT_EQ(FoundBy("email", "p1@example.com"), ids[0]);
  EXPECT_EQ(FoundBy("email", "p0@example.com"), ids[1]);
}

TEST_P(UpdateTest, RandomEditsKeepTheWorkspaceWhole) {
  std::mt19937_64 random(testing::Seed());
  std::vector<std::string> ids;
  const auto draw = [&](uint64_t below) { return random() % below; };
  for (int i = 0; i < 8; ++i) {
    const std::string address = "p" + std::to_string(i) + "@example.com";
    ids.push_back(world_.Created({{"full_name", "Person"}, {"email", address}}));
  }
  for (int i = 0; i < 300; ++i) {
    const std::string address = "p" + std::to_string(draw(12)) + "@example.com";
    const std::string count = std::to_string(draw(400));
    const std::string phone = "+141555501" + std::to_string(10 + draw(5));
    const std::string plan = count.substr(0, 1), name = "L" + count;  // Fields borrows texts
    const Fields choices = {{"email", address},
                            {"employee_count", count},
                            {"phone", phone},
                            {"plan", plan},
                            {"external_id", count},
                            {"last_name", name},
                            {"country", draw(2) == 0 ? "US" : "DE"}};
    Fields fields = {choices[draw(choices.size())]};
    const auto& other = choices[draw(choices.size())];
    if (other.first != fields[0].first) fields.push_back(other);
    const Reply reply = Update(ids[draw(ids.size())], fields);
    ASSERT_NE(reply.outcome, Outcome::kFailed) << reply.status;
  }
}

LEADCORE_ON_BOTH_STORES(UpdateTest);

}  // namespace
}  // namespace leadcore
