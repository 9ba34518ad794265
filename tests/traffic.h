// SPDX-License-Identifier: Apache-2.0
//
// A process that works on a database until it is killed and tells each outcome that it was told,
// and the ledger that compares what was told with what the database holds.
#ifndef LEADCORE_TESTS_TRAFFIC_H_
#define LEADCORE_TESTS_TRAFFIC_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child_process.h"
#include "engine_util.h"
#include "leadcore/audit.h"
#include "workload.h"

namespace leadcore::testing {

inline constexpr const char* kWorkspace = "default";  // that of the command

// ---- What is done -------------------------------------------------------------------------------

// The commands of one seed. Each depends on its own number only, so that it can be made again.
class Traffic {
 public:
  Traffic(uint64_t seed, std::shared_ptr<const Model> model, size_t people)
      : seed_(seed), model_(std::move(model)), people_(people) {}

  static std::string NameOf(uint64_t cycle, uint64_t number) {
    return "c" + std::to_string(cycle) + "-" + std::to_string(number);
  }

  // Carries its name in its content, where a second execution under another request id shows it.
  Command At(uint64_t cycle, uint64_t number, bool heavy) const {
    const std::string name = NameOf(cycle, number);
    constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // seeds next to each other are far apart
    std::mt19937_64 random(seed_ * kOdd + (cycle << 32) + number);
    const std::string mark = "op:" + name + ";";
    if (random() % 100 < (heavy ? 90 : 45)) {
      LogActivity log;
      log.email = EmailOf(random() % people_);
      constexpr std::string_view kKinds[] = {"page_view", "call", "email_open", "note"};
      log.activity = MakeActivity("", kKinds[random() % 4]);
      log.activity.attributes = {{"op", mark}};
      if (heavy) log.activity.attributes.emplace_back("text", std::string(60'000, 'x'));
      return {name, std::move(log)};
    }
    Command command = Workload(random(), model_, people_).Next(name, {});
    std::get<Submit>(command.body).lead.SetText(field::kDescription, mark);
    return command;
  }

  static std::string EmailOf(uint64_t person) {
    return "person" + std::to_string(person) + "@people.example.com";
  }

 private:
  const uint64_t seed_;
  const std::shared_ptr<const Model> model_;
  const size_t people_;
};

// What one command was told, as a line.
inline std::string AckLine(const std::string& request_id, const Reply& reply) {
  return "ack " + request_id + " " + std::string(OutcomeName(reply.outcome)) + " " +
         (reply.lead_id.empty() ? "-" : reply.lead_id) + " " +
         std::to_string(reply.positions.empty() ? 0 : reply.positions[0]) +
         (reply.outcome == Outcome::kFailed ? " " + std::string(reply.status.message()) : "");
}

// A worker: opens the database, works, closes it, and again, until it is killed. Lines: "opening",
// "open", "ack …" for each outcome, "tick N", "closing", "closed".
//   db, seed, cycle, people    of the traffic
//   session                    commands from opening to closing; 0: no end
//   sessions                   then it exits; 0: no end
//   retry_cycle, from, to      commands of an earlier worker to be tried again first
//   rename                     1: these get new request ids (a canary)
//   heavy                      1: large activities, which fill the log
//   ticks                      1: ticks among the commands
class Worker {
 public:
  // What stands between the engine and the store, for canaries.
  using Wrap = std::function<std::unique_ptr<Store>(Store* store)>;

  explicit Worker(const Words& words, Wrap wrap = nullptr)
      : words_(words),
        wrap_(std::move(wrap)),
        model_(ParseModel(kWorkModel)),
        cycle_(words.Number("cycle")),
        random_(words.Number("seed") + cycle_),
        traffic_(words.Number("seed"), model_, words.Number("people")) {}

  int Run() {
    const uint64_t sessions = words_.Number("sessions");
    for (uint64_t i = 0; sessions == 0 || i < sessions; ++i) {
      if (!Session(i == 0)) return 1;
    }
    return 0;
  }

 private:
  bool Session(bool first) {
    Say("opening");
    absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore({words_.Text("db")});
    if (!store.ok()) return Refused(store.status());
    std::unique_ptr<Store> wrapped = wrap_ ? wrap_(store->get()) : nullptr;
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        Engine::Open({model_, kWorkspace, false}, wrapped ? wrapped.get() : store->get(), Now());
    if (!engine.ok()) return Refused(engine.status());
    Say("open");
    if (first) Retry(**engine);
    const uint64_t session = words_.Number("session");
    for (const uint64_t stop = next_ + session; session == 0 || next_ < stop;) Step(**engine);
    Say("closing");
    engine->reset();
    wrapped.reset();
    store->reset();
    Say("closed");
    return true;
  }

  static bool Refused(const absl::Status& status) {
    Say("refused " + std::string(status.message()));
    return false;
  }

  // Time goes on from one worker to the next, back and forth within one.
  Call Now() {
    const auto cycle = static_cast<int64_t>(cycle_);
    const auto back = static_cast<int64_t>(random_() % static_cast<uint64_t>(6 * kHour));
    return {FromMicros(kStart + cycle * 3 * kHour - back), "worker", "call", ""};
  }

  void Retry(Engine& engine) {
    const bool rename = words_.Number("rename") != 0;
    const bool heavy = words_.Number("retry_heavy") != 0;
    for (uint64_t i = words_.Number("from"); i < words_.Number("to"); ++i) {
      Command command = traffic_.At(words_.Number("retry_cycle"), i, heavy);
      if (rename) command.request_id = "again-" + command.request_id;
      const std::string request_id = command.request_id;
      Say(AckLine(request_id, engine.Apply(Now(), std::move(command))));
    }
  }

  void Step(Engine& engine) {
    const uint64_t kind = random_() % 20;
    if (kind == 0 && words_.Number("ticks") != 0) {
      const absl::StatusOr<TickReply> reply = engine.Tick(Now(), 50);
      Say(reply.ok() ? "tick " + std::to_string(reply->due)
                     : "failed " + std::string(reply.status().message()));
      return;
    }
    const bool heavy = words_.Number("heavy") != 0;
    std::vector<Command> group;
    for (uint64_t size = kind < 4 || heavy ? 2 + random_() % kMostOfGroup : 1; size > 0; --size) {
      group.push_back(traffic_.At(cycle_, next_++, heavy));
    }
    const std::vector<Reply> replies = engine.ApplyMany(Now(), group);
    for (size_t i = 0; i < replies.size(); ++i) Say(AckLine(group[i].request_id, replies[i]));
  }

 public:
  static constexpr uint64_t kMostOfGroup = 30;

 private:
  const Words words_;
  const Wrap wrap_;
  const std::shared_ptr<const Model> model_;
  const uint64_t cycle_;
  std::mt19937_64 random_;
  const Traffic traffic_;
  uint64_t next_ = 0;
};

// ---- What must hold -----------------------------------------------------------------------------

// What workers were told about one database, and what its feed has told so far.
class Ledger {
 public:
  // A line of a worker; others than outcomes are passed over.
  void Told(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "ack") {
      Ack ack;
      words >> ack.request_id >> ack.outcome >> ack.lead >> ack.position;
      if (ack.outcome == "failed") Fault("refused by the engine: " + line);
      acks_.push_back(std::move(ack));
    } else if (what == "tick") {
      int64_t due = 0;
      words >> due;
      rescored_told_ += due;
    } else if (what == "failed") {
      Fault("refused by the engine: " + line);
    }
  }
  size_t acks() const { return acks_.size(); }
  int64_t events() const { return position_; }
  size_t leads() const { return leads_.size(); }

  // Compares what is new since the last call; faults in words, at most a few of a kind.
  std::vector<std::string> Check(const Store& store) {
    CheckHistory(store);
    ReadFeed(store);
    for (; checked_ < acks_.size(); ++checked_) CheckAck(store, acks_[checked_]);
    if (rescored_ < rescored_told_) {
      Fault("lost: " + std::to_string(rescored_told_ - rescored_) + " scores of ticks");
    }
    CheckCounters(store);
    kinds_.clear();
    return std::exchange(faults_, {});
  }

  // Compares all of it again, with nothing taken from earlier looks.
  std::vector<std::string> CheckWhole(const Store& store) {
    Ledger again;
    again.acks_ = acks_;
    again.rescored_told_ = rescored_told_;
    std::vector<std::string> faults = again.Check(store);
    if (again.chain_ != chain_) faults.push_back("the feed read again is another one");
    const auto tell = [&](std::string_view what) { faults.emplace_back(what); };
    const absl::Status storage = store.Verify(tell);
    if (!storage.ok()) faults.emplace_back(storage.message());
    const auto verified = VerifyWorkspace(store, kWorkspace, tell);
    if (!verified.ok()) {
      faults.emplace_back(verified.status().message());
    } else if (verified->leads != static_cast<int64_t>(leads_.size())) {
      faults.push_back(std::to_string(verified->leads) + " leads, the feed made " +
                       std::to_string(leads_.size()));
    }
    return faults;
  }

 private:
  struct Ack {
    std::string request_id, outcome, lead;
    int64_t position = 0;
  };

  void Fault(std::string what) {
    constexpr size_t kMost = 5;
    if (++kinds_[what.substr(0, what.find(':'))] <= kMost) faults_.push_back(std::move(what));
  }

  // What was read before is still there, the same.
  void CheckHistory(const Store& store) {
    if (position_ == 0) return;
    FeedRequest request;
    request.after = position_ - 1;
    request.limit = 1;
    std::string chain;
    const absl::Status status = store.Feed(kWorkspace, request, [&](const Event& event) {
      chain = event.chain;
      return true;
    });
    if (!status.ok()) Fault(std::string(status.message()));
    if (chain != chain_) {
      Fault("lost: event " + std::to_string(position_) + " is gone or is another one");
    }
  }

  void ReadFeed(const Store& store) {
    FeedRequest request;
    request.after = position_;
    for (bool more = true; more;) {
      more = false;
      const absl::Status status = store.Feed(kWorkspace, request, [&](const Event& event) {
        more = true;
        request.after = event.position;
        Count(event);
        return true;
      });
      if (!status.ok()) Fault(std::string(status.message()));
    }
  }

  void Count(const Event& event) {
    if (event.position != position_ + 1) Fault("a hole before " + std::to_string(event.position));
    position_ = event.position;
    chain_ = event.chain;
    if (event.type == "scored" || event.type == "band_changed") {
      ++rescored_;
      return;
    }
    if (event.leads.empty()) return;  // about the workspace
    if (!requests_.insert(event.request_id).second) Fault("doubled: request " + event.request_id);
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    if (!payload.ok()) return Fault(std::string(payload.status().message()));
    for (const ClaimImage& claim : payload->claims) {
      const std::string& holder = holders_.emplace(claim.key, claim.holder).first->second;
      if (holder != claim.holder) Fault("doubled: " + claim.key);
    }
    const bool created = event.type == "created" || event.type == "imported";
    if (created && !leads_.insert(event.leads[0]).second) Fault("doubled: " + event.leads[0]);
    if (created && payload->assignment && payload->assignment->ticket > 0) {
      const int64_t last = tickets_[payload->assignment->pool]++;
      if (payload->assignment->ticket != last + 1) {
        Fault("ticket " + std::to_string(payload->assignment->ticket) + " after " +
              std::to_string(last));
      }
    }
    if (event.type != "filled") CountMark(event);
  }

  // A command is done once, whatever it was called.
  void CountMark(const Event& event) {
    const size_t start = event.payload.find("op:");
    if (start == std::string::npos) return;
    const size_t end = event.payload.find(';', start);
    const std::string mark = event.payload.substr(start, end - start);
    if (!marks_.insert(mark).second) Fault("doubled: " + mark + " by " + event.request_id);
  }

  void CheckAck(const Store& store, const Ack& ack) {
    if (ack.outcome == "rejected") return;  // nothing was written, nothing is remembered
    const auto outcome = store.FindOutcome(kWorkspace, ack.request_id);
    if (!outcome.ok()) return Fault(std::string(outcome.status().message()));
    if (!*outcome) return Fault("lost: " + ack.request_id + " was told " + ack.outcome);
    const absl::StatusOr<CommandOutcome> reply = DecodeCommandOutcome((*outcome)->reply);
    const bool same = reply.ok() && reply->code == ack.outcome && !reply->ids.empty() &&
                      reply->ids[0] == ack.lead && !(*outcome)->positions.empty() &&
                      (*outcome)->positions[0] == ack.position;
    if (!same) Fault("another outcome than was told: " + ack.request_id);
    if (requests_.count(ack.request_id) == 0) Fault("not in the feed: " + ack.request_id);
    if (leads_.count(ack.lead) == 0) Fault("no lead " + ack.lead);
  }

  void CheckCounters(const Store& store) {
    const auto snapshot = store.Read(kWorkspace);
    if (!snapshot.ok()) return Fault(std::string(snapshot.status().message()));
    for (const auto& [pool, tickets] : tickets_) {
      const auto counter = (*snapshot)->Counter("ticket/" + pool);
      if (!counter.ok() || *counter != tickets) Fault("the counter of pool " + pool);
    }
    for (const auto& [key, holder] : holders_) {
      const auto now = (*snapshot)->Lookup(key);
      if (!now.ok() || *now != holder) Fault("lost: the claim " + key);
    }
  }

  std::vector<Ack> acks_;
  size_t checked_ = 0;  // of them
  int64_t rescored_told_ = 0;
  int64_t position_ = 0, rescored_ = 0;
  std::string chain_;
  std::set<std::string> requests_, marks_, leads_;
  std::map<std::string, std::string> holders_;
  std::map<std::string, int64_t> tickets_;  // given, by pool
  std::vector<std::string> faults_;
  std::map<std::string, size_t> kinds_;  // of faults
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_TRAFFIC_H_
