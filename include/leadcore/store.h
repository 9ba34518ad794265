// SPDX-License-Identifier: Apache-2.0
//
// Store: typed records with snapshot reads and one-shot conditional batches. Implement this class
// to keep leads elsewhere; everything that a lead means is decided above it, in pure code.
//
// The outside can interfere when a snapshot is taken and when a batch is committed. Races are
// settled in Commit alone: checks, claims, counters are tested, locked, written in one transaction.
//
// A Store is safe to use from any number of threads. A Snapshot belongs to one thread, lives for at
// most a second or 10,000 rows (verify: longer), and is given up before its thread commits. Times
// come with batches: no clock is read. Calls throw std::bad_alloc only (Commit: UNAVAILABLE); the
// store works on.
#ifndef LEADCORE_STORE_H_
#define LEADCORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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
  // What a store keeps beside its records, to be scanned by id only, never put:
  kClaim = 7,    // id: the key, body: its holder
  kCounter = 8,  // id: the name, body: the value in digits
  kRequest = 9,  // id: the request id, empty body (FindOutcome tells the rest)
};

struct RecordKey {
  // No aggregate: g++ 12 destroys one that stands in another's braces twice when memory runs out.
  RecordKey() = default;
  RecordKey(RecordKind its_kind, std::string its_id) : kind(its_kind), id(std::move(its_id)) {}
  RecordKind kind = RecordKind::kLead;
  std::string id;
  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

// An index entry or bound. The order is absent < numbers < text (by code point).
using IndexValue = std::variant<std::monostate, int64_t, double, std::string>;

struct IndexEntry {
  std::string name;  // a field's, or a search form: "search.company"; new ones may appear any time
  IndexValue value;
  bool shown_only = false;  // a column for people who look, no index; with a name always or never
};

struct StoredRecord {
  RecordKey key;
  int64_t version = 0;  // 1 when first put, one more with each put
  std::string body;
};

// One page of records of one kind in the order of an index, in which each record without an entry
// counts as absent.
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
  // A record, and the holder of a claim; nullopt when there is none.
  virtual absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const = 0;
  virtual absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const = 0;
  // Tells each record and its value in the scanned index until `sink` says false or the page ends.
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
// A header without personal data, and a payload (leadcore.v1.EventPayload). The header is chained
// to the event before, with the payload's salted hash: the payload can be erased and the chain
// still holds. Hashes are BLAKE2b, 32 bytes.
struct Event {
  int64_t position = 0;  // dense from 1 in commit order, per workspace
  std::string type;      // "created", "imported", "activity", "scored" …
  int64_t time = 0;      // the call's now, microseconds
  std::string actor;
  std::string request_id;
  std::string model;               // content hash
  std::vector<std::string> leads;  // ids; the first is the one it is about
  // With the batch's first event: how many it has, what it changed beside records and claims.
  int64_t batch_events = 0;
  std::vector<CounterWrite> counters = {};
  std::string reply = {};                                        // Writes::reply
  std::optional<int64_t> forgot_requests_before = std::nullopt;  // Batch::forget_requests_before
  // Story and after-images; "" once erased. `finish` gives the story; the store adds what the batch
  // wrote, to its first event.
  std::string payload = {};
  std::string salt = {};          // 16 bytes; "" once erased
  std::string payload_hash = {};  // keyed by the salt, of the payload
  std::string chain = {};         // of the chain before (at first: nothing) and this header
};
struct Writes {
  std::vector<Put> puts = {};
  std::vector<RecordKey> deletes = {};
  std::vector<CounterWrite> counters = {};
  // The store fills in positions, counters, reply, salts, hashes and the rest of the payload; where
  // an event has a payload hash already, it is replayed: its payload, salt and hash stand.
  std::vector<Event> events = {};
  // Kept with the request id: outcome code and ids, no personal data. Without one the feed does
  // not tell that the request is remembered.
  std::string reply = {};
  // Positions of events whose payload and salt go, and with them the fingerprints of their
  // requests. What such a batch deletes and releases is in no payload.
  std::vector<int64_t> erase = {};
};
// What `finish` is given inside the transaction.
struct Given {
  std::span<const int64_t> counters;  // values of Batch::counters
  std::string_view random;  // 32 bytes, new for each batch: for secrets, never for decisions
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
  // Places in its call of earlier batches that have to be committed by that call (not replayed, not
  // refused); else this one is stale.
  std::vector<size_t> after = {};
  // Called at most once, in the transaction, after checks and claims held. Pure: no I/O, no store
  // access, no exception but std::bad_alloc. May be empty for a batch that only checks, claims or
  // releases.
  std::function<Writes(const Given& given)> finish;
  std::optional<int64_t> forget_requests_before;  // drops request ids whose `now` is earlier
};

struct CommitResult {
  enum class Code : uint8_t {
    kCommitted,
    kReplayed,   // the request id was known with this fingerprint, or an erased one: positions and
                 // reply are the first ones; nothing was written
    kReused,     // the request id was known with another fingerprint; nothing was written
    kStale,      // a check failed: `key` says which; or `after` did; nothing was written
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
  int64_t now = 0;  // Batch::now
};

struct FeedRequest {
  int64_t after = 0;          // position; 0 from the start
  std::string lead = {};      // only events about or touching this lead; "" for all
  size_t limit = 1000;        // at most 10,000
  bool headers_only = false;  // payloads and salts stay where they are
};

// Fills the span with bytes that nobody can guess; called by one thread at a time.
using RandomSource = std::function<void(std::span<unsigned char>)>;
RandomSource SystemRandom();  // the operating system's generator

class Store {
 public:
  virtual ~Store() = default;

  // A consistent view of one workspace as of now.
  virtual absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const = 0;

  // Commits each batch atomically, in order, each seeing the ones before; the whole call becomes
  // durable at once, before it returns. Callers that wait at the same time are committed together
  // (one fsync), in the order in which they came. results.size() == batches.size(), at most 10,000.
  // A non-OK status is about the storage itself: nothing of this call was committed
  // (RESOURCE_EXHAUSTED: disk full, out of memory, or too many callers wait, the message says
  // which; FAILED_PRECONDITION: opened for reading), except UNAVAILABLE: not known, ask FindOutcome
  // with the same request ids, or retry with them.
  virtual absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                              std::span<CommitResult> results) = 0;

  // What became of a request id; nullopt when it never committed.
  virtual absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const = 0;

  // Events after a position, oldest first, until `sink` returns false or the page ends.
  virtual absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                            absl::FunctionRef<bool(const Event&)> sink) const = 0;

  // Given a workspace and the name of a lead or match key: a number that is another one once a
  // write of it can be seen; 0: it cannot be told now. What a snapshot shows that was taken after
  // asking is how things stand as long as the number is the same. For caches above the store.
  virtual uint64_t Stamp(std::string_view, std::string_view) const { return 0; }

  // Looks for damage in the storage itself, of all workspaces, and tells it; DATA_LOSS if any.
  virtual absl::Status Verify(absl::FunctionRef<void(std::string_view what)> damage) const = 0;
};

}  // namespace leadcore

#endif  // LEADCORE_STORE_H_
