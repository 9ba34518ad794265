// SPDX-License-Identifier: Apache-2.0
//
// Store: typed records with snapshot reads and one-shot conditional batches. Implement this class
// to keep leads elsewhere; everything that a lead means is decided above it, in pure code.
//
// There are two moments at which the outside can interfere: taking a snapshot and committing a
// batch. Races are settled in Commit and nowhere else: checks, claims and counters are tested,
// locked and written in one transaction.
//
// A Store is safe to use from any number of threads. A Snapshot belongs to one thread, lives for at
// most a second or 10,000 rows, and is given up before its thread commits. The library reads no
// clock: times come with the batches.
#ifndef LEADCORE_STORE_H_
#define LEADCORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace leadcore {

// Numbers are stored: never change them.
enum class RecordKind : uint8_t {
  kLead = 1,
  kLeadState = 2,  // same id as its lead
  kActivity = 3,
  kMatchKey = 4,  // id: candidate key, U+001F, lead id; empty body
  kModel = 5,     // id: content hash
  kMeta = 6,      // what the engine keeps for itself: current model, normaliser version …
};

struct RecordKey {
  RecordKind kind = RecordKind::kLead;
  std::string id;
  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

// An index entry or bound: absent, number or text. The order is absent < numbers < text (by code
// point).
using IndexValue = std::variant<std::monostate, int64_t, double, std::string>;

struct IndexEntry {
  std::string name;  // a field's name, or a search form such as "search.company"; new names may
                     // appear at any time
  IndexValue value;
};

struct StoredRecord {
  RecordKey key;
  int64_t version = 0;  // 1 when first put, one more with each put
  std::string body;
};

// One page of records of one kind in the order of an index. Every record of the kind is in every
// index; one without an entry counts as absent.
struct ScanRequest {
  RecordKind kind = RecordKind::kLead;
  std::string index = {};  // "" for the order of ids
  // Inclusive; nullopt is open. With index "" they bound the id (text).
  std::optional<IndexValue> low = {}, high = {};
  bool high_is_prefix = false;  // `high` admits every text that starts with it
  bool descending = false;      // order by (value, id), both reversed
  // (value, id) of the last record of the page before.
  std::optional<std::pair<IndexValue, std::string>> after = {};
  size_t limit = 1000;  // at most 10,000
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // nullopt when there is none.
  virtual absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const = 0;
  // The holder of a claim, or nullopt.
  virtual absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const = 0;
  // Calls `sink` with each record and its value in the scanned index until it returns false or the
  // page ends.
  virtual absl::Status Scan(
      const ScanRequest& request,
      absl::FunctionRef<bool(const StoredRecord&, const IndexValue&)> sink) const = 0;
  // Value of a counter; 0 when it was never written.
  virtual absl::StatusOr<int64_t> Counter(std::string_view name) const = 0;
};

// What a batch writes. Made by Batch::finish inside the store's transaction.
struct Put {
  RecordKey key;
  std::string body;
  std::vector<IndexEntry> index;  // replaces the record's entries
};
struct CounterWrite {
  std::string name;
  int64_t value = 0;
};
// The header carries no personal data; `payload` is leadcore.v1.EventPayload.
struct Event {
  int64_t position = 0;  // given by Commit: dense from 1 in commit order, per workspace
  std::string type;      // "created", "imported", "activity", "scored" …
  int64_t time = 0;      // the call's now, microseconds
  std::string actor;
  std::string request_id;
  std::string model;               // content hash
  std::vector<std::string> leads;  // ids; the first is the one it is about
  std::string payload;
};
struct Writes {
  std::vector<Put> puts = {};
  std::vector<RecordKey> deletes = {};
  std::vector<CounterWrite> counters = {};
  std::vector<Event> events = {};  // positions are filled in by the store
  std::string reply = {};  // kept with the request id: outcome code and ids, no personal data
};

struct Check {  // the record has exactly this version; 0: it does not exist
  RecordKey key;
  int64_t version = 0;
};
struct Claim {  // `key` is free or already held by `holder`; held by `holder` afterwards
  std::string key;
  std::string holder;
};

// All or nothing, in one workspace.
struct Batch {
  std::string request_id;   // "" : not remembered
  std::string fingerprint;  // of the request's content; at most 64 bytes
  int64_t now = 0;          // the call's now, microseconds: age of the request id
  std::vector<Check> checks;
  std::vector<Claim> claims;
  std::vector<Claim> releases;        // given up if `holder` holds it
  std::vector<std::string> counters;  // to lock and read, in this order
  // Called once, in the transaction, after checks and claims held, with the values of `counters`.
  // Pure: no I/O, no store access, no exception. May be empty for a batch that only checks, claims
  // or releases.
  std::function<Writes(std::span<const int64_t> counters)> finish;
  std::optional<int64_t>
      forget_requests_before;  // drops remembered request ids whose `now` is earlier
};

struct CommitResult {
  enum class Code : uint8_t {
    kCommitted,
    kReplayed,  // the request id was known with this fingerprint: positions and reply are the first
                // ones; nothing was written
    kReused,    // the request id was known with another fingerprint; nothing was written
    kStale,     // a check failed: `key` says which; nothing was written
    kClaimHeld,  // a claim is held by `holder`: `key.id` is the claim; nothing was written
  };
  Code code = Code::kCommitted;
  std::vector<int64_t> positions;  // of the events, in order
  std::string reply;
  RecordKey key;
  std::string holder;
};

struct StoredOutcome {
  std::string fingerprint;
  std::vector<int64_t> positions;
  std::string reply;
};

struct FeedRequest {
  int64_t after = 0;      // position; 0 from the start
  std::string lead = {};  // only events about or touching this lead; "" for all
  size_t limit = 1000;    // at most 10,000
};

class Store {
 public:
  virtual ~Store() = default;

  // A consistent view of one workspace as of now.
  virtual absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const = 0;

  // Commits each batch atomically, in order, each seeing the ones before; the whole call becomes
  // durable at once (one fsync) before it returns. results.size() == batches.size(). A non-OK
  // status is about the storage itself: nothing of this call was committed (RESOURCE_EXHAUSTED:
  // disk full; FAILED_PRECONDITION: opened for reading), except UNAVAILABLE: not known, ask
  // FindOutcome with the same request ids.
  virtual absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                              std::span<CommitResult> results) = 0;

  // What became of a request id; nullopt when it never committed.
  virtual absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const = 0;

  // Events after a position, oldest first, until `sink` returns false or the page ends.
  virtual absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                            absl::FunctionRef<bool(const Event&)> sink) const = 0;

  // Looks for damage in the storage itself. DATA_LOSS says what and where.
  virtual absl::Status Verify() const = 0;
};

}  // namespace leadcore

#endif  // LEADCORE_STORE_H_
