// SPDX-License-Identifier: Apache-2.0
//
// Threads that start together, and what must hold of leads however they raced: the checker of the
// engine's tests and of the canaries that prove that it can find something.
#ifndef LEADCORE_TESTS_ENGINE_CONCURRENT_UTIL_H_
#define LEADCORE_TESTS_ENGINE_CONCURRENT_UTIL_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <latch>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "engine_util.h"

namespace leadcore::testing {

inline constexpr size_t kThreads = 8;

// Runs `work` with 0 … threads-1, each in a thread of its own, none before all are there.
inline void RunTogether(size_t threads, const std::function<void(size_t)>& work) {
  std::latch start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; ++i) {
    running.emplace_back([&work, &start, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
  for (std::thread& thread : running) thread.join();
}

// One e-mail is one person; four members take equal turns.
inline constexpr std::string_view kTurnsModel = R"({
  "required": [{"any_of": ["email"]}],
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "reject"}],
  "routing": {
    "pools": [{"name": "sales", "strategy": "round_robin", "members": [
      {"id": "ann"}, {"id": "bob"}, {"id": "cleo"}, {"id": "dan"}]}],
    "fallback_pool": "sales"
  }})";
inline constexpr std::string_view kMembers[] = {"ann", "bob", "cleo", "dan"};

inline std::string EmailOf(size_t person) {
  return "person" + std::to_string(person) + "@people.example.com";
}

// A lead as the feed tells of its creation.
struct Creation {
  std::string lead;
  std::string email;
  std::string owner;
  int64_t ticket = 0;
};

// Every creation of a workspace in the order of commits; positions have to be dense.
inline std::vector<Creation> ReadCreations(const Store& store, const Model& model) {
  std::vector<Creation> creations;
  FeedRequest request;
  bool more = true;
  while (more) {
    more = false;
    const absl::Status status = store.Feed("test", request, [&](const Event& event) {
      more = true;
      EXPECT_EQ(event.position, request.after + 1);
      request.after = event.position;
      if (event.type != "created") return true;
      const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
      EXPECT_TRUE(payload.ok() && payload->assignment.has_value());
      if (!payload.ok() || !payload->assignment) return true;
      const absl::StatusOr<Lead> lead = DecodeLead(payload->lead(), model.schema());
      EXPECT_TRUE(lead.ok()) << lead.status();
      if (!lead.ok()) return true;
      // The local part is kept as it was written; the key is not.
      creations.push_back({event.leads.front(),
                           absl::AsciiStrToLower(std::string(lead->text(field::kEmail))),
                           payload->assignment->owner, payload->assignment->ticket});
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
  }
  return creations;
}

// What is wrong with creations over `people` persons: somebody is there twice or never, a ticket
// was given twice or never, or the turns were uneven at some moment. At most one line of each sort.
inline std::vector<std::string> FindFaults(const std::vector<Creation>& creations, size_t people) {
  std::vector<std::string> faults;
  std::map<std::string, size_t> leads;
  std::map<int64_t, size_t> tickets;
  std::map<std::string_view, size_t> turns;
  for (const std::string_view member : kMembers) turns[member] = 0;
  bool uneven = false;
  for (const Creation& creation : creations) {
    ++leads[creation.email];
    ++tickets[creation.ticket];
    ++turns[creation.owner];
    const auto [least, most] =
        std::minmax_element(turns.begin(), turns.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    if (!uneven && most->second - least->second > 1) {
      uneven = true;
      faults.push_back("uneven turns at lead " + creation.lead);
    }
  }
  const auto fault_if_not_once = [&](size_t count, const std::string& what) {
    if (count != 1) faults.push_back(what + " " + std::to_string(count) + " times");
    return count == 1;
  };
  for (size_t i = 0; i < people; ++i) {
    if (!fault_if_not_once(leads[EmailOf(i)], "lead of " + EmailOf(i))) break;
  }
  for (size_t i = 1; i <= people; ++i) {
    const auto ticket = static_cast<int64_t>(i);
    if (!fault_if_not_once(tickets[ticket], "ticket " + std::to_string(i))) break;
  }
  if (leads.size() > people) faults.push_back("leads of nobody");
  if (tickets.size() > people) faults.push_back("tickets of nobody");
  return faults;
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_ENGINE_CONCURRENT_UTIL_H_
