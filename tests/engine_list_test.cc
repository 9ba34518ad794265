// SPDX-License-Identifier: Apache-2.0
//
// Lists: whatever index serves them, they are what a look at every lead would find, in pages of any
// size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/parts.h"
#include "engine_util.h"
#include "leadcore/normalize.h"
#include "normalize_random.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kModel = R"json({
  "fields": [{"name": "fleet", "type": "integer", "indexed": true}],
  "keys": [{"name": "phone", "fields": ["phone"], "on_hit": "flag"}],
  "required": [{"any_of": ["full_name", "email", "external_id"]}],
  "routing": {"pools": [{"name": "p", "members": [{"id": "ann"}, {"id": "bob"}]}],
              "fallback_pool": "p"}})json";

std::vector<std::string> Ids(const std::vector<LeadRecord>& records) {
  std::vector<std::string> ids;
  for (const LeadRecord& record : records) ids.emplace_back(record.lead.id());
  return ids;
}

class EngineListTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineListTest() : world_(kModel, GetParam()) {}

  void Fill(size_t count) {
    const std::vector<std::string_view> countries = {"US", "DE", "FR", ""};
    const std::vector<std::string_view> names = {"Ada", "Ádám",   "Bob",   "bobby",
                                                 "Zoë", "O'Neil", "Bob Mü"};
    const std::vector<std::string_view> jobs = {"CTO", "CEO", "Student", ""};
    for (size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      const std::string email =
          Pick(3) == 0 ? "" : "p" + number + "@site" + std::to_string(Pick(5)) + ".example.com";
      const std::string name = std::string(names[Pick(names.size())]) + " X" + number;
      const std::string fleet = Pick(4) == 0 ? "" : std::to_string(Pick(20));
      const std::string staff = Pick(3) == 0 ? "" : std::to_string(Pick(3000));
      Fields fields = {{"full_name", name}};
      const auto add = [&fields](std::string_view field, std::string_view text) {
        if (!text.empty()) fields.emplace_back(field, text);
      };
      add("email", email);
      add("fleet", fleet);
      add("employee_count", staff);
      add("country", countries[Pick(countries.size())]);
      add("job_title", jobs[Pick(jobs.size())]);
      add("company", Pick(2) == 0 ? "Acme Tools" : "Bolt GmbH");
      world_.now = kStart + static_cast<int64_t>(Pick(1000)) * kHour;
      world_.Created(fields);
    }
    world_.now = kStart + 2000 * kHour;
  }

  size_t Pick(size_t limit) { return random_() % limit; }

  // All pages of `size`, one after another.
  std::vector<LeadRecord> Pages(ListRequest request, size_t size, std::string* plan = nullptr) {
    std::vector<LeadRecord> all;
    request.limit = size;
    do {
      absl::StatusOr<ListReply> reply = world_.engine().List(world_.At("read"), request);
      EXPECT_TRUE(reply.ok()) << reply.status();
      if (!reply.ok()) return all;
      EXPECT_LE(reply->leads.size(), size);
      if (plan != nullptr) *plan = reply->plan;
      for (LeadRecord& record : reply->leads) all.push_back(std::move(record));
      request.cursor = reply->cursor;
    } while (!request.cursor.empty());
    return all;
  }

  std::set<std::string> Naive(const std::string& filter) {
    Faults faults;
    const auto condition = world_.model().CompileFilter(filter, &faults);
    EXPECT_NE(condition, nullptr) << FormatFaults(faults);
    std::set<std::string> ids;
    for (const LeadRecord& record : world_.All()) {
      if (condition->Test(record.lead.view(), FromMicros(world_.now)).truth == Truth::kTrue) {
        ids.emplace(record.lead.id());
      }
    }
    return ids;
  }

  World world_;
  const uint64_t seed_ = Seed();
  std::mt19937_64 random_{seed_};
};
LEADCORE_ON_BOTH_STORES(EngineListTest);

TEST_P(EngineListTest, AFilterFindsWhatALookAtEveryLeadFinds) {
  Fill(Scaled(120) + 30);
  const std::vector<std::pair<std::string, std::string>> filters = {
      {"lead.country == 'US'", "index country"},
      {"lead.country == 'DE' && lead.fleet > 5", "index country"},
      {"lead.fleet >= 5 && lead.fleet < 9", "index fleet"},
      {"lead.fleet > 5 || lead.country == 'US'", "order of ids"},
      {"lead.full_name.startsWith('Bob')", "index search.name from \"bob\" (prefix)"},
      {"lead.full_name.startsWith('Bob Mü')", "index search.name from \"bob m\" (prefix)"},
      {"lead.full_name == 'Bob X7'", "index search.name from \"bob x7\" to \"bob x7\""},
      {"lead.full_name > 'C'", "order of ids"},
      {"lead.full_name == '!'", "order of ids"},
      {"lead.full_name.startsWith('Ö')", "order of ids"},
      {"lead.email.startsWith('P1')", "index search.email"},
      {"lead.score > 10", "index score"},
      {"lead.band == 'cold'", "index band"},
      {"lead.owner == 'ann' && lead.job_title == 'CTO'", "index owner"},
      {"lead.create_time > timestamp('2026-01-20T00:00:00Z')", "index create_time"},
      {"!has(lead.email)", "order of ids"},
      {"lead.domain in ['site1.example.com', 'example.com']", ""},
      {"lead.employee_count > 1000", "order of ids"},
      {"lead.country == 'XX'", "index country"},
      {"false", ""}};
  for (const auto& [filter, index] : filters) {
    ListRequest request;
    request.filter = filter;
    std::string plan;
    const std::vector<std::string> listed = Ids(Pages(request, 1 + Pick(40), &plan));
    const std::set<std::string> once(listed.begin(), listed.end());
    EXPECT_EQ(once.size(), listed.size()) << filter << ", seed " << seed_;
    EXPECT_EQ(once, Naive(filter)) << filter << ", seed " << seed_;
    EXPECT_THAT(plan, StartsWith(index)) << filter;
  }
}

TEST_P(EngineListTest, ASortOrdersEverythingAndPagesKeepTheOrder) {
  Fill(Scaled(100) + 30);
  for (const std::string sort : {"full_name", "company", "phone", "email", "fleet", "score",
                                 "create_time", "band", "country", "owner", "id", "update_time"}) {
    const FieldId id = world_.model().schema()->Find(sort)->id;
    for (const bool descending : {false, true}) {
      ListRequest request;
      request.sort = sort;
      request.descending = descending;
      const std::vector<LeadRecord> pages = Pages(request, 1 + Pick(30));
      ASSERT_EQ(pages.size(), world_.All().size()) << sort;
      EXPECT_EQ(Ids(pages), Ids(Pages(request, 10'000))) << sort << ", seed " << seed_;
      std::set<std::string> seen;
      // What is absent comes first; upper and lower case, accents and marks do not count in names.
      const auto compare = [&](const Value& one, const Value& other) {
        const bool folded = sort == "full_name" || sort == "company" || sort == "email";
        if (!folded || one.absent() || other.absent()) return CompareValues(one, other);
        const std::string a = FoldText(one.text()), b = FoldText(other.text());
        return CompareValues(Value::Text(a), Value::Text(b));
      };
      for (size_t i = 0; i < pages.size(); ++i) {
        EXPECT_TRUE(seen.insert(std::string(pages[i].lead.id())).second) << sort;
        if (i == 0) continue;
        const auto order = compare(pages[i - 1].lead[id], pages[i].lead[id]);
        EXPECT_TRUE(descending ? order >= 0 : order <= 0) << sort << " at " << i;
      }
    }
  }
}

// Else the index would hide leads that a filter by "starts with" asks for.
TEST(FoldableStart, FoldsToTheStartOfWhatIsFolded) {
  constexpr std::string_view kWords[] = {"O'Brien", "a.b.", "Ann", "U.S.A", "x-y", "\u0338", "1.5"};
  RandomText random(kWords);
  const size_t rounds = Scaled(20'000);
  size_t bytes = 0;
  for (size_t round = 0; round < rounds; ++round) {
    const std::string text = NormalizeText(random.Next());
    const std::string folded = FoldText(text);
    for (size_t length = 1; length <= text.size(); ++length) {
      const std::string_view start = FoldableStart(std::string_view(text).substr(0, length));
      bytes += start.size();
      EXPECT_TRUE(folded.starts_with(FoldText(start)))
          << '"' << text << "\", its first " << length << " bytes, seed " << Seed();
    }
  }
  EXPECT_GT(bytes, 20 * rounds);
  EXPECT_EQ(FoldableStart("O'Brien & S"), "O'Brien & S");
  EXPECT_EQ(FoldableStart("ann.lee@example.c"), "ann.lee@example");
  EXPECT_EQ(FoldableStart("a.b."), "a");
}

TEST_P(EngineListTest, AFilterAndASortGoTogether) {
  Fill(60);
  ListRequest request;
  request.filter = "lead.country == 'US'";
  request.sort = "fleet";
  const std::vector<std::string> listed = Ids(Pages(request, 7));
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), Naive(request.filter));
}

TEST_P(EngineListTest, SearchFindsTheStartOfANameCompanyEmailOrPhone) {
  const std::string ada = world_.Created({{"full_name", "Ádám Nagy"},
                                          {"email", "adam@example.com"},
                                          {"phone", "(415) 555-2671"},
                                          {"company", "Nagy & Sons Ltd"}});
  const std::string bob =
      world_.Created({{"full_name", "Bob Adams"}, {"email", "nagy@example.org"}});
  const auto search = [&](const char* text) {
    ListRequest request;
    request.search = text;
    return Ids(Pages(request, 1));
  };
  EXPECT_THAT(search("adam"), ElementsAre(ada)) << "once, though name and e-mail both match";
  EXPECT_THAT(search("ÁDÁM n"), ElementsAre(ada));
  EXPECT_THAT(search("nagy"), ElementsAre(ada, bob)) << "a company, then an address";
  EXPECT_THAT(search("415 555"), ElementsAre());
  EXPECT_THAT(search("+1 415 555"), ElementsAre(ada));
  EXPECT_THAT(search("(415) 555-2671"), ElementsAre(ada)) << "a whole number in national form";
  EXPECT_THAT(search("nobody"), ElementsAre());
}

TEST_P(EngineListTest, WhatCannotBeAskedIsRefusedWithAReason) {
  Fill(5);
  const auto refusal = [&](const ListRequest& request) {
    const absl::StatusOr<ListReply> reply = world_.engine().List(world_.At("read"), request);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(reply.status().message());
  };
  ListRequest request;
  request.filter = "lead.contry == 'US'";
  EXPECT_THAT(refusal(request), HasSubstr("1:6: unknown field 'contry'"));
  request = {};
  request.sort = "job_title";
  EXPECT_THAT(refusal(request), HasSubstr("no index on 'job_title'; one of: "));
  request = {};
  request.limit = 0;
  EXPECT_THAT(refusal(request), HasSubstr("limit"));
  request = {};
  request.limit = 2;
  request.sort = "email";
  request.cursor = world_.engine().List(world_.At("read"), request)->cursor;
  ASSERT_FALSE(request.cursor.empty());
  request.sort = "full_name";
  EXPECT_THAT(refusal(request), HasSubstr("does not belong to this list"));
  request.cursor = "rubbish";
  EXPECT_THAT(refusal(request), HasSubstr("does not belong to this list"));
}

TEST_P(EngineListTest, TheFeedGoesOnAfterAnyPosition) {
  Fill(12);
  const std::vector<Event> events = world_.Events();
  ASSERT_EQ(events.size(), 13u);  // the model first
  for (size_t after = 0; after <= events.size(); ++after) {
    FeedRequest request;
    request.after = static_cast<int64_t>(after);
    request.limit = 3;
    std::vector<int64_t> positions;
    const absl::Status status =
        world_.engine().Feed(world_.At("read"), request, [&](const Event& event) {
          positions.push_back(event.position);
          return true;
        });
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(positions.size(), std::min<size_t>(3, events.size() - after));
    for (size_t i = 0; i < positions.size(); ++i) {
      EXPECT_EQ(positions[i], static_cast<int64_t>(after + i + 1));
    }
  }
}

}  // namespace
}  // namespace leadcore::testing
