// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "leadcore/memory_store.h"
#include "store/order.h"
#include "store/seal.h"
#include "store/stamps.h"
#include "text.h"

namespace leadcore {
namespace {

// What a key held from a moment on; moments are numbers of commits. A snapshot sees the last one
// that is not younger than itself.
template <typename T>
struct Version {
  int64_t from = 0;
  std::optional<T> content;  // none: it does not exist
};
template <typename T>
using Versions = std::vector<Version<T>>;

template <typename T>
const T* Visible(const Versions<T>& versions, int64_t moment) {
  for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
    if (at->from <= moment) return at->content ? &*at->content : nullptr;
  }
  return nullptr;
}

struct Record {
  StoredRecord stored;
  std::vector<IndexEntry> index;
};

// Absent when the record has no entry.
IndexValue EntryOf(const Record& record, std::string_view index) {
  for (const IndexEntry& entry : record.index) {
    if (entry.name == index) return entry.value;
  }
  return std::monostate();
}

struct Place {
  IndexValue value;
  std::string id;
};
struct PlaceLess {
  bool operator()(const Place& a, const Place& b) const {
    const std::strong_ordering order = CompareIndexValues(a.value, b.value);
    return order != 0 ? order < 0 : a.id < b.id;
  }
};
using Index = std::set<Place, PlaceLess>;

struct Remembered {
  std::string fingerprint;
  std::vector<int64_t> positions;
  std::string reply;
  int64_t now = 0;
};

// Guarded by `mutex`.
struct Workspace {
  std::mutex mutex;
  int64_t moment = 0;
  std::multiset<int64_t> snapshots;  // moments that somebody looks at
  std::map<RecordKey, Versions<Record>> records;
  // Entries of all versions that are kept; what a snapshot cannot see is passed over.
  std::map<std::pair<RecordKind, std::string>, Index> indexes;
  std::map<std::string, Versions<std::string>, std::less<>> claims;
  std::map<std::string, Versions<int64_t>, std::less<>> counters;
  std::deque<std::pair<int64_t, RecordKey>> overwritten;  // versions to drop, and when they ended
  std::map<std::string, Remembered, std::less<>> requests;
  std::vector<Event> events;
  FeedHead head;

  // The oldest moment that still matters.
  int64_t Oldest() const { return snapshots.empty() ? moment : *snapshots.begin(); }

  // Drops what no snapshot can see any more.
  template <typename T>
  void Trim(Versions<T>* versions) const {
    const int64_t oldest = Oldest();
    size_t keep = 0;
    while (keep + 1 < versions->size() && (*versions)[keep + 1].from <= oldest) ++keep;
    versions->erase(versions->begin(), versions->begin() + static_cast<std::ptrdiff_t>(keep));
  }

  void DropOverwritten() {
    while (!overwritten.empty() && overwritten.front().first <= Oldest()) {
      const RecordKey key = std::move(overwritten.front().second);
      overwritten.pop_front();
      const auto at = records.find(key);
      if (at == records.end()) continue;
      Versions<Record> before = at->second;
      Trim(&at->second);
      before.resize(before.size() - at->second.size());
      for (const Version<Record>& gone : before) {
        if (gone.content) Unindex(key, *gone.content, at->second);
      }
      if (at->second.size() == 1 && !at->second[0].content) records.erase(at);
    }
  }

  void Unindex(const RecordKey& key, const Record& gone, const Versions<Record>& kept) {
    for (const IndexEntry& entry : gone.index) {
      const bool used = std::any_of(kept.begin(), kept.end(), [&](const Version<Record>& version) {
        return version.content &&
               CompareIndexValues(EntryOf(*version.content, entry.name), entry.value) == 0;
      });
      if (!used) indexes[{key.kind, entry.name}].erase({entry.value, key.id});
    }
  }

  void PutVersion(const RecordKey& key, std::optional<Record> record) {
    if (record) {
      for (const IndexEntry& entry : record->index) {
        indexes[{key.kind, entry.name}].insert({entry.value, key.id});
      }
    }
    Versions<Record>& versions = records[key];
    if (!versions.empty() || !record) overwritten.emplace_back(moment, key);
    versions.push_back({moment, std::move(record)});
  }

  template <typename T>
  void PutContent(Versions<T>* versions, std::optional<T> content) {
    versions->push_back({moment, std::move(content)});
    Trim(versions);
  }
};

class MemorySnapshot : public Snapshot {
 public:
  explicit MemorySnapshot(std::shared_ptr<Workspace> workspace) : workspace_(std::move(workspace)) {
    const std::lock_guard lock(workspace_->mutex);
    moment_ = workspace_->moment;
    workspace_->snapshots.insert(moment_);
  }
  ~MemorySnapshot() override {
    const std::lock_guard lock(workspace_->mutex);
    workspace_->snapshots.erase(workspace_->snapshots.find(moment_));
  }

  absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const override {
    const std::lock_guard lock(workspace_->mutex);
    const auto at = workspace_->records.find(key);
    if (at == workspace_->records.end()) return std::nullopt;
    const Record* record = Visible(at->second, moment_);
    if (record == nullptr) return std::nullopt;
    return record->stored;
  }

  absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const override {
    const std::lock_guard lock(workspace_->mutex);
    const auto at = workspace_->claims.find(claim);
    if (at == workspace_->claims.end()) return std::nullopt;
    const std::string* holder = Visible(at->second, moment_);
    if (holder == nullptr) return std::nullopt;
    return *holder;
  }

  absl::StatusOr<int64_t> Counter(std::string_view name) const override {
    const std::lock_guard lock(workspace_->mutex);
    const auto at = workspace_->counters.find(name);
    if (at == workspace_->counters.end()) return 0;
    const int64_t* value = Visible(at->second, moment_);
    return value == nullptr ? 0 : *value;
  }

  absl::Status Scan(
      const ScanRequest& request,
      absl::FunctionRef<bool(const StoredRecord&, const IndexValue&)> sink) const override {
    // The page is copied out first: `sink` may read this store.
    std::vector<std::pair<StoredRecord, IndexValue>> page;
    {
      const std::lock_guard lock(workspace_->mutex);
      Collect(request, &page);
    }
    for (const auto& [record, value] : page) {
      if (!sink(record, value)) break;
    }
    return absl::OkStatus();
  }

 private:
  using Page = std::vector<std::pair<StoredRecord, IndexValue>>;

  static bool Within(const ScanRequest& request, const IndexValue& value) {
    if (request.low && CompareIndexValues(value, *request.low) < 0) return false;
    if (!request.high || CompareIndexValues(value, *request.high) <= 0) return true;
    const auto* text = std::get_if<std::string>(&value);
    const auto* prefix = std::get_if<std::string>(&*request.high);
    return request.high_is_prefix && text != nullptr && prefix != nullptr &&
           text->starts_with(*prefix);
  }

  static bool Past(const ScanRequest& request, const Place& place) {
    if (!request.after) return true;
    const Place last = {request.after->first, request.after->second};
    return request.descending ? PlaceLess()(place, last) : PlaceLess()(last, place);
  }

  // Takes the record at `place` if the snapshot sees it there; false when the page is full.
  bool Take(const ScanRequest& request, const Place& place, Page* page) const {
    if (!Within(request, place.value) || !Past(request, place)) return true;
    const auto at = workspace_->records.find({request.kind, place.id});
    if (at == workspace_->records.end()) return true;
    const Record* record = Visible(at->second, moment_);
    if (record == nullptr) return true;
    if (!request.index.empty() &&
        CompareIndexValues(EntryOf(*record, request.index), place.value) != 0) {
      return true;
    }
    page->emplace_back(record->stored, place.value);
    return page->size() < request.limit;
  }

  // Records of the kind by id; with an index, those without an entry in it.
  bool ById(const ScanRequest& request, Page* page) const {
    const bool absent = !request.index.empty();
    const auto place = [&](const std::string& id) {
      return Place{absent ? IndexValue() : IndexValue(id), id};
    };
    // Where the page can start without looking at what comes before.
    std::string from;
    if (!request.descending && !absent && request.low) {
      if (const auto* low = std::get_if<std::string>(&*request.low)) from = *low;
    }
    const bool after_here =
        request.after && (!absent || std::holds_alternative<std::monostate>(request.after->first));
    if (!request.descending && after_here) from = std::max(from, request.after->second);
    auto begin = workspace_->records.lower_bound({request.kind, from});
    auto end = workspace_->records.lower_bound(
        {static_cast<RecordKind>(static_cast<int>(request.kind) + 1), ""});
    if (request.descending) {
      if (after_here) end = workspace_->records.lower_bound({request.kind, request.after->second});
      while (end != begin) {
        --end;
        if (!Take(request, place(end->first.id), page)) return false;
      }
      return true;
    }
    for (; begin != end; ++begin) {
      const Place here = place(begin->first.id);
      if (!absent && request.high && !Within(request, here.value)) break;
      if (!Take(request, here, page)) return false;
    }
    return true;
  }

  bool ByIndex(const ScanRequest& request, Page* page) const {
    const auto found = workspace_->indexes.find({request.kind, request.index});
    if (found == workspace_->indexes.end()) return true;
    const Index& index = found->second;
    if (request.descending) {
      auto at = request.after ? index.lower_bound({request.after->first, request.after->second})
                              : index.end();
      if (!request.after && request.high && !request.high_is_prefix) {
        at = index.upper_bound({*request.high, std::string(64, '\xff')});
      }
      while (at != index.begin()) {
        --at;
        if (request.low && CompareIndexValues(at->value, *request.low) < 0) break;
        if (!Take(request, *at, page)) return false;
      }
      return true;
    }
    Place from;
    if (request.low) from.value = *request.low;
    if (request.after) {
      const Place last = {request.after->first, request.after->second};
      if (PlaceLess()(from, last)) from = last;
    }
    for (auto at = index.lower_bound(from); at != index.end(); ++at) {
      if (!Within(request, at->value)) break;
      if (!Take(request, *at, page)) return false;
    }
    return true;
  }

  // Claims, counters or requests, by id; `body` gives what a snapshot sees of one.
  template <typename Map, typename Body>
  void Beside(const ScanRequest& request, const Map& map, const Body& body, Page* page) const {
    const auto take = [&](const auto& entry) {
      const IndexValue place = entry.first;
      if (!Within(request, place) || !Past(request, {place, entry.first})) return true;
      std::optional<std::string> seen = body(entry.second);
      if (seen) page->push_back({{{request.kind, entry.first}, 1, *std::move(seen)}, place});
      return page->size() < request.limit;
    };
    if (request.descending) {
      for (auto at = map.rbegin(); at != map.rend() && take(*at); ++at) {
      }
      return;
    }
    std::string from = request.after ? request.after->second : std::string();
    if (request.low) {
      if (const auto* low = std::get_if<std::string>(&*request.low)) from = std::max(from, *low);
    }
    for (auto at = map.lower_bound(from); at != map.end() && take(*at); ++at) {
    }
  }

  // False when it is a kind of records.
  bool CollectBeside(const ScanRequest& request, Page* page) const {
    using Text = std::optional<std::string>;
    if (request.kind == RecordKind::kClaim) {
      Beside(
          request, workspace_->claims,
          [this](const auto& versions) {
            const std::string* holder = Visible(versions, moment_);
            return holder == nullptr ? Text() : Text(*holder);
          },
          page);
    } else if (request.kind == RecordKind::kCounter) {
      Beside(
          request, workspace_->counters,
          [this](const auto& versions) {
            const int64_t* value = Visible(versions, moment_);
            return value == nullptr ? Text() : Text(std::to_string(*value));
          },
          page);
    } else if (request.kind == RecordKind::kRequest) {
      Beside(
          request, workspace_->requests, [](const auto&) { return Text(""); }, page);
    } else {
      return false;
    }
    return true;
  }

  void Collect(const ScanRequest& request, Page* page) const {
    if (request.limit == 0 || CollectBeside(request, page)) return;
    if (request.index.empty()) {
      ById(request, page);
      return;
    }
    const bool absent = !request.low || std::holds_alternative<std::monostate>(*request.low);
    if (request.descending) {
      if (ByIndex(request, page) && absent) ById(request, page);
    } else if (!absent ||
               (request.after && !std::holds_alternative<std::monostate>(request.after->first)) ||
               ById(request, page)) {
      ByIndex(request, page);
    }
  }

  const std::shared_ptr<Workspace> workspace_;
  int64_t moment_ = 0;
};

// One batch against the newest state; the caller holds the lock.
class Committer {
 public:
  // `written` gets what is written, for Store::Stamp.
  Committer(std::string_view name, Workspace* workspace, const Batch& batch,
            const RandomSource& random, Stamps::Set* written)
      : name_(name), workspace_(*workspace), batch_(batch), random_(random), written_(*written) {}

  // `before`: what became of the earlier batches of the call.
  CommitResult Run(std::span<const CommitResult> before) {
    CommitResult result;
    if (Known(&result) || !Hold(before, &result)) return result;
    std::vector<int64_t> values;
    for (const std::string& name : batch_.counters) values.push_back(Value(name));
    ++workspace_.moment;
    const std::string random = DrawRandom(random_);
    Writes writes;
    if (batch_.finish) writes = batch_.finish({values, random});
    SealEvents(batch_, random, &workspace_.head, &writes);
    Apply(&writes, &result);
    workspace_.DropOverwritten();
    return result;
  }

 private:
  bool Known(CommitResult* result) const {
    const auto known = workspace_.requests.find(batch_.request_id);
    if (batch_.request_id.empty() || known == workspace_.requests.end()) return false;
    const std::string& fingerprint = known->second.fingerprint;
    const bool same = fingerprint.empty() || fingerprint == batch_.fingerprint;
    result->code = same ? CommitResult::Code::kReplayed : CommitResult::Code::kReused;
    if (!same) return true;
    result->positions = known->second.positions;
    result->reply = known->second.reply;
    return true;
  }

  int64_t VersionOf(const RecordKey& key) const {
    const auto at = workspace_.records.find(key);
    if (at == workspace_.records.end()) return 0;
    const Record* record = Visible(at->second, workspace_.moment);
    return record == nullptr ? 0 : record->stored.version;
  }

  const std::string* HolderOf(const std::string& claim) const {
    const auto at = workspace_.claims.find(claim);
    return at == workspace_.claims.end() ? nullptr : Visible(at->second, workspace_.moment);
  }

  int64_t Value(const std::string& counter) const {
    const auto at = workspace_.counters.find(counter);
    const int64_t* value =
        at == workspace_.counters.end() ? nullptr : Visible(at->second, workspace_.moment);
    return value == nullptr ? 0 : *value;
  }

  // Checks and claims; false when one of them refuses the batch.
  bool Hold(std::span<const CommitResult> before, CommitResult* result) const {
    if (!AllCommitted(before, batch_.after)) {
      result->code = CommitResult::Code::kStale;
      return false;
    }
    for (const Check& check : batch_.checks) {
      if (VersionOf(check.key) == check.version) continue;
      result->code = CommitResult::Code::kStale;
      result->key = check.key;
      return false;
    }
    for (const Claim& claim : batch_.claims) {
      const std::string* holder = HolderOf(claim.key);
      const bool free =
          holder == nullptr || *holder == claim.holder ||
          std::any_of(batch_.releases.begin(), batch_.releases.end(), [&](const Claim& release) {
            return release.key == claim.key && release.holder == *holder;
          });
      if (free) continue;
      result->code = CommitResult::Code::kClaimHeld;
      result->key = {RecordKind::kMatchKey, claim.key};
      result->holder = *holder;
      return false;
    }
    return true;
  }

  void Apply(Writes* writes, CommitResult* result) {
    for (const Claim& release : batch_.releases) {
      const std::string* holder = HolderOf(release.key);
      if (holder == nullptr || *holder != release.holder) continue;
      Stamps::Note(name_, release, &written_);
      workspace_.PutContent<std::string>(&workspace_.claims[release.key], std::nullopt);
    }
    for (const Claim& claim : batch_.claims) {
      Stamps::Note(name_, claim, &written_);
      workspace_.PutContent<std::string>(&workspace_.claims[claim.key], claim.holder);
    }
    for (const RecordKey& key : writes->deletes) {
      Stamps::Note(name_, key, &written_);
      if (VersionOf(key) != 0) workspace_.PutVersion(key, std::nullopt);
    }
    for (Put& put : writes->puts) {
      Stamps::Note(name_, put.key, &written_);
      std::erase_if(put.index, [](const IndexEntry& entry) { return entry.shown_only; });
      Record record{{put.key, VersionOf(put.key) + 1, std::move(put.body)}, std::move(put.index)};
      workspace_.PutVersion(put.key, std::move(record));
    }
    for (const CounterWrite& counter : writes->counters) {
      workspace_.PutContent<int64_t>(&workspace_.counters[counter.name], counter.value);
    }
    for (const int64_t position : writes->erase) Erase(position);
    for (Event& event : writes->events) {
      result->positions.push_back(event.position);
      workspace_.events.push_back(std::move(event));
    }
    result->reply = writes->reply;
    if (!batch_.request_id.empty()) {
      workspace_.requests[batch_.request_id] = {batch_.fingerprint, result->positions,
                                                writes->reply, batch_.now};
    }
    if (batch_.forget_requests_before) {
      std::erase_if(workspace_.requests, [&](const auto& request) {
        return request.second.now < *batch_.forget_requests_before;
      });
    }
  }

  void Erase(int64_t position) {
    if (position < 1 || position > static_cast<int64_t>(workspace_.events.size())) return;
    Event& event = workspace_.events[static_cast<size_t>(position) - 1];
    event.payload.clear();
    event.salt.clear();
    const auto request = workspace_.requests.find(event.request_id);
    if (request != workspace_.requests.end()) request->second.fingerprint.clear();
  }

  const std::string_view name_;
  Workspace& workspace_;
  const Batch& batch_;
  const RandomSource& random_;
  Stamps::Set& written_;
};

class MemoryStore : public Store {
 public:
  explicit MemoryStore(RandomSource random) : random_(std::move(random)) {}

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    return std::make_unique<MemorySnapshot>(Find(workspace));
  }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const std::shared_ptr<Workspace> found = Find(workspace);
    const std::lock_guard lock(found->mutex);
    Stamps::Set written;
    // Still under the lock: a snapshot that is taken with the new stamps sees all of it.
    const absl::Cleanup stamped = [&] { stamps_.Add(written, 2); };
    for (size_t i = 0; i < batches.size(); ++i) {
      Committer committer(workspace, found.get(), batches[i], random_, &written);
      results[i] = committer.Run(results.first(i));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    const std::shared_ptr<Workspace> found = Find(workspace);
    const std::lock_guard lock(found->mutex);
    const auto at = found->requests.find(request_id);
    if (at == found->requests.end()) return std::nullopt;
    return StoredOutcome{at->second.fingerprint, at->second.positions, at->second.reply,
                         at->second.now};
  }

  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    std::vector<Event> page;
    {
      const std::shared_ptr<Workspace> found = Find(workspace);
      const std::lock_guard lock(found->mutex);
      const auto start = static_cast<size_t>(std::max<int64_t>(request.after, 0));
      for (size_t i = start; i < found->events.size() && page.size() < request.limit; ++i) {
        const Event& event = found->events[i];
        const bool about = request.lead.empty() || std::find(event.leads.begin(), event.leads.end(),
                                                             request.lead) != event.leads.end();
        if (!about) continue;
        page.push_back(event);
        if (request.headers_only) {
          page.back().payload.clear();
          page.back().salt.clear();
        }
      }
    }
    for (const Event& event : page) {
      if (!sink(event)) break;
    }
    return absl::OkStatus();
  }

  uint64_t Stamp(std::string_view workspace, std::string_view name) const override {
    return stamps_.Of(workspace, name);
  }

  absl::Status Verify(absl::FunctionRef<void(std::string_view)>) const override {
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<Workspace> Find(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    auto at = workspaces_.find(name);
    if (at == workspaces_.end()) {
      at = workspaces_.emplace(std::string(name), std::make_shared<Workspace>()).first;
    }
    return at->second;
  }

  const RandomSource random_;
  Stamps stamps_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<Workspace>, std::less<>> workspaces_;
};

}  // namespace

std::unique_ptr<Store> NewMemoryStore(RandomSource random) {
  return std::make_unique<MemoryStore>(std::move(random));
}

}  // namespace leadcore
