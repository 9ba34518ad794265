// SPDX-License-Identifier: Apache-2.0
//
// Threads and processes that write and read one workspace, each of which notes what it did and saw
// and when by a logical clock; and the checker that looks afterwards whether one feed explains all
// of it: every operation happened at one place of the feed, between its begin and its end.
#ifndef LEADCORE_TESTS_HISTORY_H_
#define LEADCORE_TESTS_HISTORY_H_

#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "leadcore/audit.h"

namespace leadcore::testing {

// ---- What is done -------------------------------------------------------------------------------

// Known people get their empty fields filled; views count; the members take equal turns.
inline constexpr std::string_view kHistoryModel = R"({
  "required": [{"any_of": ["email"]}],
  "fields": [{"name": "era", "type": "text", "indexed": true}],
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "fill"}],
  "scoring": {"groups": [{"name": "views", "rules": [
    {"name": "many", "when": "count('page_view') >= 3", "points": 10}]}],
    "bands": [{"name": "cold", "from": 0}, {"name": "warm", "from": 10}]},
  "routing": {
    "pools": [{"name": "sales", "strategy": "round_robin", "members": [
      {"id": "ann"}, {"id": "bob"}, {"id": "cleo"}]}],
    "fallback_pool": "sales"}})";

inline constexpr uint64_t kHotPeople = 5;  // of an era, which all work on
inline constexpr uint64_t kOpsOfEra = 500;

inline Call HistoryCall(std::string request_id) {
  return {FromMicros(kStart), "actor", std::move(request_id), ""};
}
inline std::string HotRequest(uint64_t era, uint64_t person) {
  return "hot/" + std::to_string(era) + "/" + std::to_string(person);
}
inline std::string HotLead(uint64_t era, uint64_t person) {
  return MakeId(FromMicros(kStart), "test", HotRequest(era, person), 0);
}
inline std::string HotEmail(uint64_t era, uint64_t person) {
  return "hot" + std::to_string(person) + ".era" + std::to_string(era) + "@people.example.com";
}
inline uint64_t HashOf(std::string_view text) { return std::hash<std::string_view>()(text); }

// What all threads and processes share: the clock, and leave to go on for those who only read.
class Shared {
 public:
  static constexpr size_t kMostReaders = 16;

  // Of a file that all of them map; one of them makes it.
  Shared(const std::string& path, bool make) {
    if (make) std::ofstream(path, std::ios::binary) << std::string(sizeof(Content), '\0');
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    void* const at = mmap(nullptr, sizeof(Content), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || at == MAP_FAILED) std::abort();
    close(file);
    content_ = static_cast<Content*>(at);
    if (!make) return;
    new (&content_->clock) std::atomic<uint64_t>(1);
    for (sem_t& leave : content_->leave) sem_init(&leave, 1, 0);
  }
  ~Shared() { munmap(content_, sizeof(Content)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  uint64_t Tell() { return content_->clock.fetch_add(1); }
  void Give(size_t reader) { sem_post(&content_->leave[reader]); }
  void Take(size_t reader) {
    while (sem_wait(&content_->leave[reader]) != 0) continue;
  }

 private:
  struct Content {
    std::atomic<uint64_t> clock;
    sem_t leave[kMostReaders];
  };
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  Content* content_ = nullptr;
};

// ---- What is noted ------------------------------------------------------------------------------

enum class Did : uint64_t {
  kWrite,  // request (hash), position, ticket
  kGet,    // lead (hash), versions of lead and state
  kWhole,  // the same, hashes of both bodies, number and hash of the activities
  kList,   // era, then lead and both versions of each
  kFollow  // position before and after, hash of the events between, whether more may follow
};
struct Op {
  uint64_t actor = 0;
  Did did = Did::kWrite;
  uint64_t begin = 0, end = 0;
  std::span<const uint64_t> saw;
};

// The operations of one actor, as numbers.
class Notes {
 public:
  void Add(Did did, uint64_t begin, uint64_t end, std::span<const uint64_t> saw) {
    numbers_.insert(numbers_.end(), {static_cast<uint64_t>(did), begin, end, saw.size()});
    numbers_.insert(numbers_.end(), saw.begin(), saw.end());
  }
  void Fault(std::string what) { faults_.push_back(std::move(what)); }
  const std::vector<std::string>& faults() const { return faults_; }

  template <typename Use>
  void Each(uint64_t actor, const Use& use) const {
    for (size_t at = 0; at < numbers_.size();) {
      const size_t size = numbers_[at + 3];
      use(Op{actor, static_cast<Did>(numbers_[at]), numbers_[at + 1], numbers_[at + 2],
             std::span(numbers_).subspan(at + 4, size)});
      at += 4 + size;
    }
  }

  void Save(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(numbers_.data()),
               static_cast<std::streamsize>(numbers_.size() * sizeof(uint64_t)));
  }
  static Notes Load(const std::string& path) {
    Notes notes;
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    notes.numbers_.resize(static_cast<size_t>(file.tellg()) / sizeof(uint64_t));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(notes.numbers_.data()),
              static_cast<std::streamsize>(notes.numbers_.size() * sizeof(uint64_t)));
    return notes;
  }

 private:
  std::vector<uint64_t> numbers_;
  std::vector<std::string> faults_;
};

// Somebody who works through one engine on one store, or only reads.
class Actor {
 public:
  Actor(uint64_t number, uint64_t seed, Shared* shared, Engine* engine, Store* store)
      : number_(number),
        random_(seed * 1000 + number),
        shared_(*shared),
        engine_(*engine),
        store_(*store) {}

  void Step(bool write) {
    const uint64_t era = done_ / kOpsOfEra;
    const uint64_t kind = random_() % 100;
    const uint64_t person = random_() % kHotPeople;
    ++done_;
    if (write && kind < 24) return Write(era, person, kind);
    if (kind < 70) return Get(HotLead(era, person));
    if (kind < 76) return Whole(HotLead(era, person));
    if (kind < 82) return List(era);
    Follow();
  }
  const Notes& notes() const { return notes_; }

 private:
  void Write(uint64_t era, uint64_t person, uint64_t kind) {
    Command command{"w/" + std::to_string(number_) + "/" + std::to_string(done_), LogActivity()};
    const std::string request_id = command.request_id;
    const std::string era_name = std::to_string(era);
    if (kind < 20) {
      LogActivity log{MakeActivity("", "page_view"), "", ""};
      (kind < 15 ? log.activity.lead_id : log.email) =
          kind < 15 ? HotLead(era, person) : HotEmail(era, person);
      command.body = std::move(log);
    } else {
      std::string email = HotEmail(era, person);
      if (kind >= 23)
        email =
            "new." + std::to_string(number_) + "." + std::to_string(done_) + "@people.example.com";
      command.body = Submit{MakeLead(engine_.model(), {{"email", email}, {"era", era_name}})};
    }
    const uint64_t begin = shared_.Tell();
    const Reply reply = engine_.Apply(HistoryCall("unused"), std::move(command));
    const uint64_t end = shared_.Tell();
    if (!reply.status.ok() || reply.positions.size() != 1) {
      return notes_.Fault(request_id + ": " + reply.status.ToString());
    }
    const auto ticket = static_cast<uint64_t>(reply.assignment.ticket);
    notes_.Add(Did::kWrite, begin, end,
               std::vector{HashOf(request_id), static_cast<uint64_t>(reply.positions[0]), ticket});
  }

  void Get(const std::string& id) {
    const uint64_t begin = shared_.Tell();
    const absl::StatusOr<LeadRecord> record = engine_.Get(HistoryCall(""), id);
    const uint64_t end = shared_.Tell();
    if (!record.ok()) return notes_.Fault(record.status().ToString());
    notes_.Add(Did::kGet, begin, end,
               std::vector{HashOf(id), static_cast<uint64_t>(record->lead.version()),
                           static_cast<uint64_t>(record->state.version)});
  }

  // All that is kept of a lead, from one snapshot of the store.
  void Whole(const std::string& id) {
    const uint64_t begin = shared_.Tell();
    const auto snapshot = store_.Read("test");
    if (!snapshot.ok()) return notes_.Fault(snapshot.status().ToString());
    const auto lead = (*snapshot)->Get({RecordKind::kLead, id});
    const auto state = (*snapshot)->Get({RecordKind::kLeadState, id});
    uint64_t activities = 0, hash = 0;
    ScanRequest scan;
    scan.kind = RecordKind::kActivity;
    scan.index = "lead";
    scan.low = scan.high = IndexValue(id);
    scan.limit = 10'000;
    const absl::Status scanned =
        (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
          ++activities;
          hash ^= HashOf(record.key.id);
          return true;
        });
    const uint64_t end = shared_.Tell();
    if (!lead.ok() || !state.ok() || !*lead || !*state || !scanned.ok()) {
      return notes_.Fault("lead " + id + " cannot be read");
    }
    notes_.Add(Did::kWhole, begin, end,
               std::vector{HashOf(id), static_cast<uint64_t>((*lead)->version),
                           static_cast<uint64_t>((*state)->version), HashOf((*lead)->body),
                           HashOf((*state)->body), activities, hash});
  }

  void List(uint64_t era) {
    ListRequest request;
    request.filter = "lead.era == '" + std::to_string(era) + "'";
    request.limit = 900;  // one page, one snapshot
    const uint64_t begin = shared_.Tell();
    const absl::StatusOr<ListReply> list = engine_.List(HistoryCall(""), request);
    const uint64_t end = shared_.Tell();
    if (!list.ok()) return notes_.Fault(list.status().ToString());
    std::vector<uint64_t> saw = {era};
    for (const LeadRecord& record : list->leads) {
      saw.insert(saw.end(), {HashOf(record.lead.id()), static_cast<uint64_t>(record.lead.version()),
                             static_cast<uint64_t>(record.state.version)});
    }
    notes_.Add(Did::kList, begin, end, saw);
  }

  void Follow() {
    FeedRequest request;
    request.after = followed_;
    request.headers_only = true;
    uint64_t hash = 0;
    size_t seen = 0;
    const uint64_t begin = shared_.Tell();
    const absl::Status status = engine_.Feed(HistoryCall(""), request, [&](const Event& event) {
      ++seen;
      hash = hash * 31 + HashOf(event.chain);
      followed_ = event.position;
      return true;
    });
    const uint64_t end = shared_.Tell();
    if (!status.ok()) return notes_.Fault(status.ToString());
    notes_.Add(Did::kFollow, begin, end,
               std::vector{static_cast<uint64_t>(request.after), static_cast<uint64_t>(followed_),
                           hash, uint64_t{seen == request.limit}});
  }

  const uint64_t number_;
  std::mt19937_64 random_;
  Shared& shared_;
  Engine& engine_;
  Store& store_;
  Notes notes_;
  uint64_t done_ = 0;
  int64_t followed_ = 0;  // position
};

// ---- What must hold -----------------------------------------------------------------------------

class HistoryChecker {
 public:
  // Reads the feed of `store` to its end.
  explicit HistoryChecker(const Store& store) {
    FeedRequest request;
    for (bool more = true; more;) {
      more = false;
      const absl::Status status = store.Feed("test", request, [&](const Event& event) {
        more = true;
        request.after = event.position;
        Read(event);
        return true;
      });
      if (!status.ok()) Fault("unreadable: " + status.ToString());
    }
  }

  void Take(uint64_t actor, const Notes& notes) {
    for (const std::string& fault : notes.faults()) Fault("failed: " + fault);
    notes.Each(actor, [&](const Op& op) {
      ++ops_[op.did];
      const Interval when = Explain(op);
      if (when.low >= when.high) return Fault("not whole: " + NameOf(op));
      when_.push_back({op.begin, op.end, when, actor, op.did});
    });
  }

  // Everything that is wrong, at most a few of a kind; nothing can be added after it.
  std::vector<std::string> Faults() {
    for (const auto& [request, position] : requests_) {
      if (told_.count(request) == 0) {
        Fault("untold: event " + std::to_string(position) + " was told to nobody");
      }
    }
    CheckOrder();
    return faults_;
  }

  size_t writes() const { return told_.size(); }
  std::string Counts() const {
    std::string text;
    constexpr std::string_view kNames[] = {"writes", "gets", "whole leads", "lists", "feed pages"};
    for (const auto& [did, count] : ops_) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " +
              std::string(kNames[static_cast<size_t>(did)]);
    }
    return text;
  }

 private:
  static constexpr int64_t kNever = INT64_MAX;
  // What an operation saw was so from position `low` on and before `high`.
  struct Interval {
    int64_t low = 0, high = kNever;
    void Meet(const Interval& other) {
      low = std::max(low, other.low);
      high = std::min(high, other.high);
    }
  };
  // A lead as an event left it.
  struct Version {
    int64_t position = 0;
    uint64_t lead = 0, lead_hash = 0, state_hash = 0, activities = 0, activities_hash = 0;
  };
  struct Timed {
    uint64_t begin = 0, end = 0;
    Interval when;
    uint64_t actor = 0;
    Did did = Did::kWrite;
  };

  void Fault(std::string what) {
    constexpr size_t kMost = 3;
    if (++kinds_[what.substr(0, what.find(':'))] <= kMost) faults_.push_back(std::move(what));
  }
  static std::string NameOf(const Op& op) {
    std::string text = "actor " + std::to_string(op.actor) + " at " + std::to_string(op.begin) +
                       ", kind " + std::to_string(static_cast<uint64_t>(op.did)) + ", saw";
    for (const uint64_t number : op.saw.first(std::min<size_t>(op.saw.size(), 8))) {
      text += " " + std::to_string(number);
    }
    return text;
  }

  // ---- The feed

  void Read(const Event& event) {
    if (event.position != static_cast<int64_t>(chains_.size()) + 1) Fault("hole: in the feed");
    chains_.push_back(HashOf(event.chain));
    if (event.leads.empty()) return;  // about the workspace
    if (!requests_.emplace(HashOf(event.request_id), event.position).second) {
      Fault("doubled: request " + event.request_id);
    }
    if (event.request_id.starts_with("hot/")) told_.insert(HashOf(event.request_id));
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    if (!payload.ok()) return Fault("unreadable: " + payload.status().ToString());
    std::vector<Version>& versions = leads_[HashOf(event.leads.front())];
    Version now = versions.empty() ? Version() : versions.back();
    now.position = event.position;
    now.state_hash = HashOf(payload->state());
    if (!payload->lead().empty()) {
      ++now.lead;
      now.lead_hash = HashOf(payload->lead());
    }
    for (const RecordImage& image : payload->images) {
      if (image.kind != static_cast<uint8_t>(RecordKind::kActivity)) continue;
      ++now.activities;
      now.activities_hash ^= HashOf(image.id);
    }
    const absl::StatusOr<LeadState> state = DecodeLeadState(payload->state());
    uint64_t counted = 0;
    if (state.ok() && !state->activities.series.empty()) {
      counted = static_cast<uint64_t>(state->activities.series[0].count);
    }
    // Each state is made of the one before.
    if (counted != now.activities) {
      Fault("lost update: event " + std::to_string(event.position) + " counts " +
            std::to_string(counted) + " of " + std::to_string(now.activities) + " views");
    }
    if (versions.empty()) Created(event, *payload);
    versions.push_back(now);
  }

  void Created(const Event& event, const EventPayload& payload) {
    const int64_t ticket = payload.assignment ? payload.assignment->ticket : 0;
    if (ticket != ++tickets_) Fault("ticket: " + std::to_string(ticket) + " is not the next");
    ticket_of_[event.position] = ticket;
    const absl::StatusOr<Lead> lead = DecodeLead(payload.lead(), schema_);
    if (!lead.ok()) return Fault("unreadable: " + lead.status().ToString());
    const Value& era = (*lead)[schema_->Find("era")->id];
    eras_[std::stoull(std::string(era.text()))].push_back(event.position);
  }

  // ---- Where in the feed an operation was

  Interval Explain(const Op& op) {
    switch (op.did) {
      case Did::kWrite:
        return Written(op.saw);
      case Did::kGet:
        return Seen(op.saw);
      case Did::kWhole:
        return SeenWhole(op.saw);
      case Did::kList:
        return Listed(op.saw);
      case Did::kFollow:
        return Followed(op.saw);
    }
    return {0, 0};
  }

  Interval Written(std::span<const uint64_t> saw) {
    const auto at = requests_.find(saw[0]);
    const auto position = static_cast<int64_t>(saw[1]);
    if (!told_.insert(saw[0]).second) Fault("doubled: a request was told twice");
    if (at == requests_.end() || at->second != position) {
      Fault("lost: position " + std::to_string(position) + " was told");
      return {0, kNever};
    }
    const auto ticket = ticket_of_.find(position);
    const int64_t given = ticket == ticket_of_.end() ? 0 : ticket->second;
    if (given != static_cast<int64_t>(saw[2])) Fault("ticket: another one was told");
    return {position, position + 1};
  }

  // A lead with the versions that were seen.
  Interval Seen(std::span<const uint64_t> saw) const {
    const auto at = leads_.find(saw[0]);
    const uint64_t state = saw[2];
    if (at == leads_.end() || state == 0 || state > at->second.size()) return {0, 0};
    const Version& version = at->second[state - 1];
    if (version.lead != saw[1]) return {0, 0};
    return {version.position, state == at->second.size() ? kNever : at->second[state].position};
  }

  Interval SeenWhole(std::span<const uint64_t> saw) const {
    const Interval when = Seen(saw.first(3));
    if (when.low >= when.high) return when;
    const Version& version = leads_.at(saw[0])[saw[2] - 1];
    const bool same = version.lead_hash == saw[3] && version.state_hash == saw[4] &&
                      version.activities == saw[5] && version.activities_hash == saw[6];
    return same ? when : Interval{0, 0};
  }

  // All leads of an era at one moment, none missing.
  Interval Listed(std::span<const uint64_t> saw) const {
    const auto at = eras_.find(saw[0]);
    const size_t count = (saw.size() - 1) / 3;
    if (at == eras_.end() || count == 0 || count > at->second.size()) return {0, 0};
    Interval when{at->second[count - 1], count < at->second.size() ? at->second[count] : kNever};
    for (size_t i = 1; i < saw.size(); i += 3) when.Meet(Seen(saw.subspan(i, 3)));
    return when;
  }

  Interval Followed(std::span<const uint64_t> saw) const {
    if (saw[1] < saw[0] || saw[1] > chains_.size()) return {0, 0};
    uint64_t hash = 0;
    for (uint64_t i = saw[0]; i < saw[1]; ++i) hash = hash * 31 + chains_[i];
    if (hash != saw[2]) return {0, 0};
    const auto last = static_cast<int64_t>(saw[1]);
    return {last, saw[3] != 0 ? kNever : last + 1};
  }

  // ---- Real time

  // Each operation gets the first place of the feed that is not before what had ended when it
  // began: if that is too late for what it saw, no order explains it.
  void CheckOrder() {
    std::vector<size_t> by_end(when_.size());
    for (size_t i = 0; i < by_end.size(); ++i) by_end[i] = i;
    std::sort(when_.begin(), when_.end(),
              [](const Timed& a, const Timed& b) { return a.begin < b.begin; });
    std::sort(by_end.begin(), by_end.end(),
              [this](size_t a, size_t b) { return when_[a].end < when_[b].end; });
    int64_t reached = 0;
    size_t ended = 0;
    for (Timed& op : when_) {
      // Whatever has ended before began before, and has its place already.
      for (; when_[by_end[ended]].end < op.begin; ++ended) {
        reached = std::max(reached, when_[by_end[ended]].when.low);
      }
      op.when.low = std::max(op.when.low, reached);
      if (op.when.low < op.when.high) continue;
      Fault("stale: actor " + std::to_string(op.actor) + " at " + std::to_string(op.begin) +
            ", kind " + std::to_string(static_cast<uint64_t>(op.did)) + ": what was before " +
            std::to_string(op.when.high) + ", when " + std::to_string(reached) + " was over");
      op.when.low = 0;
    }
  }

  const std::shared_ptr<const Schema> schema_ = ParseModel(kHistoryModel)->schema();
  std::vector<uint64_t> chains_;  // of events, by position
  std::map<uint64_t, int64_t> requests_, ticket_of_;
  std::map<uint64_t, std::vector<Version>> leads_;  // by the version of the state
  std::map<uint64_t, std::vector<int64_t>> eras_;   // positions where their leads were made
  int64_t tickets_ = 0;
  std::set<uint64_t> told_;
  std::vector<Timed> when_;
  std::map<Did, size_t> ops_;
  std::vector<std::string> faults_;
  std::map<std::string, size_t> kinds_;  // of faults
};

// The people of all eras.
inline void MakeHotPeople(Engine* engine, uint64_t eras) {
  std::vector<Command> commands;
  for (uint64_t era = 0; era < eras; ++era) {
    const std::string name = std::to_string(era);
    for (uint64_t person = 0; person < kHotPeople; ++person) {
      const std::string email = HotEmail(era, person);
      commands.push_back({HotRequest(era, person),
                          Submit{MakeLead(engine->model(), {{"email", email}, {"era", name}})}});
    }
  }
  for (const Reply& reply : engine->ApplyMany(HistoryCall("unused"), commands)) {
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  }
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_HISTORY_H_
