// SPDX-License-Identifier: Apache-2.0
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/migrate.h"
#include "engine/parts.h"
#include "leadcore/audit.h"
#include "leadcore/codec.h"
#include "store/seal.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kPage = 1000;
constexpr int kMostTries = 1000;  // to see the end of the feed while others write
constexpr RecordKind kRecordKinds[] = {RecordKind::kLead,     RecordKind::kLeadState,
                                       RecordKind::kActivity, RecordKind::kMatchKey,
                                       RecordKind::kModel,    RecordKind::kMeta};

std::string_view KindName(RecordKind kind) {
  constexpr std::string_view kNames[] = {"",      "lead", "state", "activity", "match key",
                                         "model", "meta", "claim", "counter",  "request"};
  return kNames[static_cast<size_t>(kind)];
}

// A match key names its lead behind a sign that nobody can read.
std::string NameOf(const RecordKey& key) {
  const size_t separator = key.id.rfind(kKeySeparator);
  if (key.kind != RecordKind::kMatchKey || separator == std::string::npos) return key.id;
  return Cat(key.id.substr(0, separator), " of lead ", key.id.substr(separator + 1));
}

uint64_t HashOf(std::string_view bytes, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}
// One place for records, claims and requests.
uint64_t KeyHash(RecordKind kind, std::string_view id) {
  return HashOf(id, static_cast<uint64_t>(kind));
}
uint64_t EntryHash(std::string_view id, const IndexValue& value) {
  std::string text(1, static_cast<char>(value.index()));
  if (const auto* whole = std::get_if<int64_t>(&value)) text += std::to_string(*whole);
  if (const auto* word = std::get_if<std::string>(&value)) text += *word;
  if (const auto* real = std::get_if<double>(&value)) {
    text.append(reinterpret_cast<const char*>(real), sizeof(*real));
  }
  return HashOf(text, HashOf(id));
}

// What the feed says that must be there.
struct Expected {
  uint64_t content = 0;
  int64_t version = 0;  // 0: not there
  bool seen = false;
  bool named = false;  // a match key of a lead
};

class Verifier {
 public:
  Verifier(const Store& store, std::string_view workspace,
           absl::FunctionRef<void(std::string_view)> fault)
      : store_(store), workspace_(workspace), fault_(fault) {}

  absl::StatusOr<VerifyReply> Run() {
    absl::Status status = ReadFeed();
    if (status.ok()) status = ReadModel();
    for (const RecordKind kind : kRecordKinds) {
      if (status.ok()) status = ReadRecords(kind);
    }
    if (status.ok()) status = CheckIndexes();
    if (status.ok()) status = ReadClaims();
    if (status.ok()) status = ReadCounters();
    if (status.ok()) status = ReadRequests();
    if (status.ok()) status = NameMissing();
    if (!status.ok()) return status;
    return reply_;
  }

 private:
  template <typename... Pieces>
  void Fault(const Pieces&... pieces) {
    ++reply_.faults;
    fault_(Cat(pieces...));
  }

  // ---- The feed

  // Reads the feed to its end, and takes the snapshot to compare it with: of one moment, for
  // between both ends that were seen there was no commit.
  absl::Status ReadFeed() {
    for (int tries = 0;; ++tries) {
      if (tries == kMostTries) {
        return absl::UnavailableError("others commit faster than it reads; verify again later");
      }
      const int64_t before = position_;
      const auto read = [this](const Event& event) { ReadEvent(event); };
      const absl::Status status = EachEvent(position_, read);
      if (!status.ok()) return status;
      if (snapshot_ != nullptr && position_ == before) break;
      snapshot_.reset();  // what it holds in the store's log may go
      auto snapshot = store_.Read(workspace_);
      if (!snapshot.ok()) return snapshot.status();
      snapshot_ = *std::move(snapshot);
    }
    for (const auto& [lead, position] : without_payload_) {
      if (erased_.count(lead) == 0) {
        Fault("event ", position, " has lost its payload, and lead ", lead, " was never erased");
      }
    }
    return absl::OkStatus();
  }

  template <typename Read>
  absl::Status EachEvent(int64_t after, const Read& read) {
    FeedRequest request;
    request.after = after;
    request.limit = kPage;
    while (true) {
      size_t seen = 0;
      const absl::Status status = store_.Feed(workspace_, request, [&](const Event& event) {
        ++seen;
        request.after = event.position;
        read(event);
        return true;
      });
      if (!status.ok() || seen < request.limit) return status;
    }
  }

  void ReadEvent(const Event& event) {
    ++reply_.events;
    if (event.position != position_ + 1) {
      Fault("events ", position_ + 1, " to ", event.position - 1, " are missing");
    } else if (NextChain(chain_, EncodeEventHeader(event)) != event.chain) {
      Fault("event ", event.position, " is not the one that was chained");
    }
    position_ = event.position;
    chain_ = event.chain;
    if (event.type == kErasedType && !event.leads.empty()) erased_.insert(event.leads.front());
    if (event.salt.empty()) {
      without_payload_.emplace(event.leads.empty() ? "" : event.leads.front(), event.position);
    } else if (KeyedHash(event.salt, event.payload) != event.payload_hash) {
      Fault("the payload of event ", event.position, " is not the one that was hashed");
    }
    for (const CounterWrite& counter : event.counters) counters_[counter.name] = counter.value;
    if (!event.reply.empty()) {
      expected_[KeyHash(RecordKind::kRequest, event.request_id)] = {
          static_cast<uint64_t>(event.position), 1};
      requests_.emplace_back(event.time, KeyHash(RecordKind::kRequest, event.request_id));
    }
    if (event.forgot_requests_before) Forget(*event.forgot_requests_before);
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    if (!payload.ok()) {
      Fault("the payload of event ", event.position, ": ", Message(payload.status()));
      return;
    }
    ReadImages(*payload);
    if (payload->assignment && payload->assignment->ticket > 0) {
      ReadTicket(event.position, *payload->assignment);
    }
  }

  void Forget(int64_t before) {
    std::erase_if(requests_, [&](const std::pair<int64_t, uint64_t>& request) {
      if (request.first >= before) return false;
      expected_.erase(request.second);
      return true;
    });
  }

  void ReadImages(const EventPayload& payload) {
    for (const ClaimImage& claim : payload.releases) {
      expected_.erase(KeyHash(RecordKind::kClaim, claim.key));
    }
    for (const ClaimImage& claim : payload.claims) {
      expected_[KeyHash(RecordKind::kClaim, claim.key)] = {HashOf(claim.holder), 1};
    }
    for (const RecordImage& image : payload.images) {
      const uint64_t key = KeyHash(static_cast<RecordKind>(image.kind), image.id);
      if (image.deleted) {
        expected_.erase(key);
      } else {
        Expected& record = expected_[key];
        record.content = HashOf(image.body);
        ++record.version;
      }
    }
  }

  void ReadTicket(int64_t position, const Assignment& assignment) {
    const std::string name = Cat("ticket/", assignment.pool);
    if (!tickets_.insert(KeyHash(RecordKind::kCounter, Cat(name, "/", assignment.ticket))).second) {
      Fault("event ", position, ": ticket ", assignment.ticket, " of pool ", assignment.pool,
            " was given twice");
    }
    int64_t& highest = highest_tickets_[name];
    highest = std::max(highest, assignment.ticket);
  }

  // ---- Records

  absl::Status ReadModel() {
    const auto hash = snapshot_->Get({RecordKind::kMeta, "model"});
    if (!hash.ok()) return hash.status();
    if (!*hash) return absl::OkStatus();
    const auto text = snapshot_->Get({RecordKind::kModel, (*hash)->body});
    if (!text.ok()) return text.status();
    Faults faults;
    if (*text) model_ = Model::Parse((*text)->body, &faults);
    if (model_ == nullptr) Fault("the published model is not there, or does not compile");
    const auto cursor = snapshot_->Get(MetaEpoch());
    if (!cursor.ok()) return cursor.status();
    const auto migration = MigrationCursor::Decode(*cursor ? (*cursor)->body : std::string());
    migrating_ = migration.has_value();
    if (migrating_) {
      Fault("the change to model ", migration->model,
            " was not finished: keys may be missing until the workspace is opened for writing");
    }
    return absl::OkStatus();
  }

  template <typename Read>
  absl::Status EachRecord(RecordKind kind, std::string_view index, const Read& read) {
    ScanRequest scan;
    scan.kind = kind;
    scan.index = std::string(index);
    if (!index.empty()) scan.low = IndexValue(INT64_MIN);  // not those without an entry
    scan.limit = kPage;
    while (true) {
      size_t seen = 0;
      const absl::Status status =
          snapshot_->Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
            ++seen;
            scan.after = {value, record.key.id};
            read(record, value);
            return true;
          });
      if (!status.ok() || seen < scan.limit) return status;
    }
  }

  absl::Status ReadRecords(RecordKind kind) {
    absl::Status failed;
    const absl::Status status =
        EachRecord(kind, "", [&](const StoredRecord& record, const IndexValue&) {
          Compare(record);
          if (model_ == nullptr || !failed.ok()) return;
          AddEntries(record);
          if (kind == RecordKind::kLead) failed = CheckLead(record);
          if (kind == RecordKind::kLeadState) failed = CheckPart(record.key.id, record);
          if (kind == RecordKind::kActivity) {
            const absl::StatusOr<Activity> activity = DecodeActivity(record.body);
            if (activity.ok()) failed = CheckPart(activity->lead_id, record);
          }
        });
    return status.ok() ? failed : status;
  }

  void Compare(const StoredRecord& record) {
    const auto at = expected_.find(KeyHash(record.key.kind, record.key.id));
    const std::string name = Cat(KindName(record.key.kind), " ", NameOf(record.key));
    if (at == expected_.end()) {
      Fault(name, " is in no event");
      return;
    }
    at->second.seen = true;
    if (at->second.version != record.version) {
      Fault(name, " has version ", record.version, ", its events left ", at->second.version);
    } else if (at->second.content != HashOf(record.body)) {
      Fault(name, " is not as its last event left it");
    }
    if (record.key.kind != RecordKind::kMatchKey || model_ == nullptr || migrating_) return;
    // Leads were read before.
    const std::string lead = record.key.id.substr(record.key.id.rfind(kKeySeparator) + 1);
    if (at->second.named || unread_.count(lead) != 0) return;
    Fault(name, " is no key that this lead has");
  }

  void AddEntries(const StoredRecord& record) {
    const absl::StatusOr<Put> put = PutOfImage(*model_, record.key, record.body);
    if (!put.ok()) {
      Fault(KindName(record.key.kind), " ", record.key.id, ": ", Message(put.status()));
      return;
    }
    for (const IndexEntry& entry : put->index) {
      if (entry.shown_only) continue;
      entries_[{record.key.kind, entry.name}] += EntryHash(record.key.id, entry.value);
    }
  }

  absl::Status CheckLead(const StoredRecord& stored) {
    ++reply_.leads;
    const auto state = snapshot_->Get({RecordKind::kLeadState, stored.key.id});
    if (!state.ok()) return state.status();
    const absl::StatusOr<LeadRecord> record = DecodeRecord(*model_, stored, *state);
    if (!record.ok()) {  // told already
      unread_.insert(stored.key.id);
      return absl::OkStatus();
    }
    if (!*state) Fault("lead ", stored.key.id, " has no state");
    Points sum = 0;
    for (const LedgerEntry& entry : record->state.score.ledger) sum += entry.points;
    if (sum != record->state.score.total) {
      Fault("lead ", stored.key.id, ": the ledger adds up to ", sum, ", the score is ",
            record->state.score.total, " thousandths");
    }
    const Lead& lead = record->lead;
    const std::string load = LoadCounterOf(*model_, lead);
    if (!load.empty()) ++loads_[load];
    return CheckKeys(lead);
  }

  // Each key of a lead is its claim, or it is found by it.
  absl::Status CheckKeys(const Lead& lead) {
    if (migrating_) return absl::OkStatus();
    for (const MatchKey& key : model_->matching().Keys(lead.view(), model_->email_lists())) {
      const RecordKey record = MatchKeyPut(key.text, lead.id()).key;
      const auto expected = expected_.find(KeyHash(record.kind, record.id));
      if (expected != expected_.end()) expected->second.named = true;
      const auto holder = snapshot_->Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (key.exclusive && *holder && **holder == lead.id()) continue;
      const auto candidate = snapshot_->Get(record);
      if (!candidate.ok()) return candidate.status();
      if (!*candidate) Fault("lead ", lead.id(), " is not found by its key ", key.text);
    }
    return absl::OkStatus();
  }

  absl::Status CheckPart(const std::string& lead, const StoredRecord& part) {
    const auto record = snapshot_->Get({RecordKind::kLead, lead});
    if (!record.ok()) return record.status();
    if (!*record) Fault(KindName(part.key.kind), " ", part.key.id, " has no lead");
    return absl::OkStatus();
  }

  absl::Status CheckIndexes() {
    if (migrating_) return absl::OkStatus();
    for (const auto& [index, sum] : entries_) {
      uint64_t found = 0;
      const absl::Status status = EachRecord(
          index.first, index.second, [&](const StoredRecord& record, const IndexValue& value) {
            found += EntryHash(record.key.id, value);
          });
      if (!status.ok()) return status;
      if (found != sum) {
        Fault("the index ", index.second, " of the ", KindName(index.first),
              " records does not say what the records say");
      }
    }
    return absl::OkStatus();
  }

  // ---- What stands beside the records

  absl::Status ReadClaims() {
    absl::Status failed;
    const absl::Status status =
        EachRecord(RecordKind::kClaim, "", [&](const StoredRecord& claim, const IndexValue&) {
          Compare(claim);
          if (failed.ok() && model_ != nullptr) failed = CheckClaim(claim);
        });
    return status.ok() ? failed : status;
  }

  absl::Status CheckClaim(const StoredRecord& claim) {
    if (unread_.count(claim.body) != 0) return absl::OkStatus();
    const absl::StatusOr<LeadRecord> holder = ReadLead(*model_, *snapshot_, claim.body);
    if (absl::IsNotFound(holder.status())) {
      Fault("claim ", claim.key.id, " is held by lead ", claim.body, ", which is not there");
      return absl::OkStatus();
    }
    if (!holder.ok()) return holder.status();
    if (migrating_) return absl::OkStatus();
    const auto keys = model_->matching().Keys(holder->lead.view(), model_->email_lists());
    const bool has = std::any_of(keys.begin(), keys.end(), [&](const MatchKey& key) {
      return key.exclusive && key.text == claim.key.id;
    });
    if (!has) Fault("claim ", claim.key.id, " is held by lead ", claim.body, ", which lacks it");
    return absl::OkStatus();
  }

  absl::Status ReadCounters() {
    std::map<std::string, int64_t> left = counters_;
    const absl::Status status =
        EachRecord(RecordKind::kCounter, "", [&](const StoredRecord& counter, const IndexValue&) {
          const auto at = left.find(counter.key.id);
          const std::string told = at == left.end() ? "nothing" : std::to_string(at->second);
          if (told != counter.body) {
            Fault("counter ", counter.key.id, " is ", counter.body, ", the events left ", told);
          }
          if (at != left.end()) left.erase(at);
        });
    if (!status.ok()) return status;
    for (const auto& [name, value] : left) Fault("counter ", name, " is missing");
    for (const auto& [name, highest] : highest_tickets_) {
      const auto at = counters_.find(name);
      if (at == counters_.end() || at->second < highest) {
        Fault("counter ", name, " is behind the tickets that were given");
      }
    }
    for (const auto& [name, value] : counters_) {
      if (name.starts_with("load/") && value != loads_[name]) {
        Fault("counter ", name, " is ", value, ", the open leads are ", loads_[name]);
      }
    }
    for (const auto& [name, open] : loads_) {
      if (open != 0 && counters_.count(name) == 0) Fault("counter ", name, " is missing");
    }
    return absl::OkStatus();
  }

  absl::Status ReadRequests() {
    absl::Status failed;
    const absl::Status status =
        EachRecord(RecordKind::kRequest, "", [&](const StoredRecord& request, const IndexValue&) {
          if (failed.ok()) failed = CheckRequest(request.key.id);
        });
    return status.ok() ? failed : status;
  }

  absl::Status CheckRequest(const std::string& id) {
    const auto at = expected_.find(KeyHash(RecordKind::kRequest, id));
    const auto outcome = store_.FindOutcome(workspace_, id);
    if (!outcome.ok()) return outcome.status();
    if (at == expected_.end()) {
      Fault("request ", id, " is in no event");
      return absl::OkStatus();
    }
    at->second.seen = true;
    const std::vector<int64_t> positions =
        *outcome ? (*outcome)->positions : std::vector<int64_t>();
    if (!positions.empty() && static_cast<uint64_t>(positions[0]) == at->second.content) {
      return absl::OkStatus();
    }
    // The outcome is told as it is now: it may have been forgotten, and used again, meanwhile.
    const absl::StatusOr<bool> goes_on = FeedGoesOn();
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) Fault("request ", id, " does not name its event");
    return absl::OkStatus();
  }

  // Whether others have written since the snapshot.
  absl::StatusOr<bool> FeedGoesOn() const {
    FeedRequest request;
    request.after = position_;
    request.limit = 1;
    request.headers_only = true;
    bool more = false;
    const absl::Status status =
        store_.Feed(workspace_, request, [&more](const Event&) { return more = true; });
    if (!status.ok()) return status;
    return more;
  }

  // Only hashes are kept of what must be there; the feed has the names of what was not found.
  absl::Status NameMissing() {
    const bool missing = std::any_of(expected_.begin(), expected_.end(),
                                     [](const auto& each) { return !each.second.seen; });
    if (!missing) return absl::OkStatus();
    const auto name = [this](RecordKind kind, const std::string& id) {
      const auto at = expected_.find(KeyHash(kind, id));
      if (at == expected_.end() || at->second.seen) return;
      at->second.seen = true;
      Fault(KindName(kind), " ", id, " is missing");
    };
    return EachEvent(0, [&](const Event& event) {
      if (event.position > position_) return;  // since the snapshot
      name(RecordKind::kRequest, event.request_id);
      const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
      if (!payload.ok()) return;
      for (const RecordImage& image : payload->images) {
        name(static_cast<RecordKind>(image.kind), image.id);
      }
      for (const ClaimImage& claim : payload->claims) name(RecordKind::kClaim, claim.key);
    });
  }

  const Store& store_;
  const std::string_view workspace_;
  const absl::FunctionRef<void(std::string_view)> fault_;
  VerifyReply reply_;
  std::unique_ptr<Snapshot> snapshot_;  // all but the feed is read in it
  std::shared_ptr<const Model> model_;  // the published one; null: there is none
  bool migrating_ = false;              // on the way to another one, by which some leads are
  int64_t position_ = 0;
  std::string chain_;
  absl::flat_hash_map<uint64_t, Expected> expected_;           // by KeyHash
  std::vector<std::pair<int64_t, uint64_t>> requests_;         // time and KeyHash
  absl::flat_hash_set<std::string> unread_;                    // leads that cannot be decoded
  absl::flat_hash_map<std::string, int64_t> without_payload_;  // lead, first such event
  absl::flat_hash_set<std::string> erased_;
  std::map<std::string, int64_t> counters_;
  std::map<std::string, int64_t> loads_;
  std::map<std::string, int64_t> highest_tickets_;  // by counter
  absl::flat_hash_set<uint64_t> tickets_;
  std::map<std::pair<RecordKind, std::string>, uint64_t> entries_;  // sums, by index
};

}  // namespace

absl::StatusOr<VerifyReply> VerifyWorkspace(const Store& store, std::string_view workspace,
                                            absl::FunctionRef<void(std::string_view fault)> fault) {
  return Verifier(store, workspace, fault).Run();
}

}  // namespace leadcore
