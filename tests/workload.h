// SPDX-License-Identifier: Apache-2.0
//
// A seeded mixture of everything that the engine can be told, and the whole content of a workspace
// as text, to compare two of them.
#ifndef LEADCORE_TESTS_WORKLOAD_H_
#define LEADCORE_TESTS_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "leadcore/commands.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore::testing {

// Keys of both kinds and all but one way to answer a hit, windows, members with caps.
inline constexpr std::string_view kWorkModel = R"({
  "name": "work",
  "required": [{"any_of": ["email", "external_id", "phone"]}],
  "fields": [{"name": "plan", "type": "text", "indexed": true}],
  "keys": [
    {"name": "external_id", "exclusive": true, "fields": ["external_id"], "on_hit": "fill"},
    {"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "attach"},
    {"name": "phone", "exclusive": false, "fields": ["phone"], "on_hit": "flag"}],
  "scoring": {"bands": [{"name": "cold", "from": 0}, {"name": "warm", "from": 31},
      {"name": "hot", "from": 70}], "groups": [{"name": "fit", "cap": 60, "rules": [
      {"name": "us", "points": 20, "when": "lead.country == 'US'"},
      {"name": "big", "points": 30, "when": "lead.employee_count >= 200"}]},
    {"name": "interest", "rules": [
      {"name": "views", "points": 35, "when": "count('page_view', days(2)) >= 2"},
      {"name": "calls", "points": 15, "when": "count('call', days(5)) >= 1"}]}]},
  "routing": {
    "pools": [{"name": "sales", "strategy": "round_robin", "members": [
        {"id": "ann"}, {"id": "bob"}, {"id": "cleo"}]},
      {"name": "big", "strategy": "least_loaded", "members": [{"id": "dan"}, {"id": "eve"}]}],
    "rules": [{"name": "big", "when": "lead.employee_count >= 200", "pool": "big"}],
    "fallback_pool": "sales"
  }})";

class Workload {
 public:
  Workload(uint64_t seed, std::shared_ptr<const Model> model, size_t people = 12)
      : random_(seed), model_(std::move(model)), people_(people) {}

  // Moves time on, now and then back.
  int64_t NextNow(int64_t now) {
    const uint64_t kind = Draw(20);
    if (kind == 0) return now - static_cast<int64_t>(Draw(static_cast<uint64_t>(kDay)));
    if (kind == 1) return now + static_cast<int64_t>(Draw(static_cast<uint64_t>(2 * kDay)));
    return now + static_cast<int64_t>(Draw(static_cast<uint64_t>(kHour)));
  }

  // `known`: ids of leads that were told, to be logged on and erased.
  Command Next(std::string request_id, const std::vector<std::string>& known) {
    const uint64_t kind = Draw(100);
    if (known.empty() || kind < 45) return {std::move(request_id), NextSubmit()};
    const std::string& lead = known[Draw(known.size())];
    if (kind < 96) {
      constexpr std::string_view kKinds[] = {"page_view", "call", "email_open", "note"};
      LogActivity log;
      log.activity = MakeActivity(lead, kKinds[Draw(4)]);
      if (Draw(4) == 0) {
        log.activity.lead_id.clear();
        log.email = Email(Draw(people_));
      }
      return {std::move(request_id), std::move(log)};
    }
    return {std::move(request_id), EraseLead{lead}};
  }

  uint64_t Draw(uint64_t below) { return random_() % below; }

 private:
  static std::string Email(uint64_t person) {
    return "person" + std::to_string(person) + "@people.example.com";
  }

  Submit NextSubmit() {
    const uint64_t person = Draw(people_);
    const std::string number = std::to_string(person);
    const std::string email = Email(person);
    const std::string external = "crm-" + number;
    const std::string phone = "+1415555" + std::to_string(1000 + person / 2);
    const std::string name = "Person No" + number;
    Fields fields = {{"full_name", name}};
    if (Draw(8) != 0) fields.emplace_back("email", email);
    if (Draw(3) == 0) fields.emplace_back("external_id", external);
    if (Draw(3) == 0) fields.emplace_back("phone", phone);
    if (Draw(2) == 0) fields.emplace_back("country", Draw(2) == 0 ? "US" : "DE");
    if (Draw(3) == 0) fields.emplace_back("employee_count", Draw(2) == 0 ? "20" : "900");
    if (Draw(4) == 0) fields.emplace_back("plan", "gold");
    return {MakeLead(*model_, fields), Draw(4) == 0};
  }

  std::mt19937_64 random_;
  const std::shared_ptr<const Model> model_;
  const size_t people_;
};

// Everything that a workspace holds, one line for each piece, in a fixed order.
inline std::vector<std::string> DumpOf(const Store& store, std::string_view workspace) {
  std::vector<std::string> lines;
  const auto snapshot = store.Read(workspace);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  if (!snapshot.ok()) return lines;
  for (int kind = 1; kind <= static_cast<int>(RecordKind::kRequest); ++kind) {
    ScanRequest scan;
    scan.kind = static_cast<RecordKind>(kind);
    scan.limit = 10'000;
    for (bool more = true; more;) {
      size_t seen = 0;
      const absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
            ++seen;
            scan.after = {value, record.key.id};
            lines.push_back(std::to_string(kind) + " " + record.key.id + " " +
                            std::to_string(record.version) + " " + record.body);
            if (scan.kind != RecordKind::kRequest) return true;
            const auto outcome = store.FindOutcome(workspace, record.key.id);
            EXPECT_TRUE(outcome.ok() && *outcome);
            if (!outcome.ok() || !*outcome) return true;
            lines.back() +=
                (*outcome)->fingerprint + (*outcome)->reply + " " + std::to_string((*outcome)->now);
            for (const int64_t at : (*outcome)->positions) lines.back() += "," + std::to_string(at);
            return true;
          });
      EXPECT_TRUE(status.ok()) << status;
      more = status.ok() && seen == scan.limit;
    }
  }
  FeedRequest request;
  for (bool more = true; more;) {
    more = false;
    const absl::Status status = store.Feed(workspace, request, [&](const Event& event) {
      more = true;
      request.after = event.position;
      lines.push_back(std::to_string(event.position) + " " + event.type + " " + event.request_id +
                      " " + event.chain + " " + event.salt + " " + event.payload);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
  }
  return lines;
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_WORKLOAD_H_
