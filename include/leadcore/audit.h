// SPDX-License-Identifier: Apache-2.0
//
// Audit: the feed proves what a workspace holds. Verify compares the two; Replay makes a workspace
// from the feed alone.
#ifndef LEADCORE_AUDIT_H_
#define LEADCORE_AUDIT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore {

struct VerifyReply {
  int64_t leads = 0;
  int64_t events = 0;
  int64_t faults = 0;
};

// Checks that what must hold in a workspace does: the feed is dense and its chain whole; records,
// claims, counters and requests are what its events left; every index entry is the record's; each
// claim is held by a lead that has the key; members' loads are the open leads they own; the ledger
// of each lead adds up to its score. Tells each fault in words; stops at nothing but a store that
// cannot be read, which is its status. Takes some 100 bytes of memory per record. Others may write
// meanwhile: all is looked at as it was at one moment, for which a snapshot is held; UNAVAILABLE
// when they commit so fast that no such moment was found.
absl::StatusOr<VerifyReply> VerifyWorkspace(const Store& store, std::string_view workspace,
                                            absl::FunctionRef<void(std::string_view fault)> fault);

// Applies events to a workspace in the order of their positions. Nothing is decided again: the
// result equals the workspace in which they happened, and so does its feed; what was erased there
// stays away. One object at a time writes to a workspace, and no engine beside it.
class Replay {
 public:
  // `store` is borrowed. A workspace that has the first events already is gone on with.
  static absl::StatusOr<std::unique_ptr<Replay>> Start(Store* store, std::string workspace);

  // Events are kept until their batch, and 1,000 others, are there, or until Flush. An event that
  // is in already is passed over. INVALID_ARGUMENT: another position is due; FAILED_PRECONDITION:
  // the workspace has another event there; DATA_LOSS: the event is not the one that was chained, or
  // its payload is damaged; then all before it is good and nothing was changed. Any other error
  // ends the object's use, and each call returns it: start another one, which asks the store what
  // is in.
  absl::Status Apply(Event event);
  absl::Status Flush();

  int64_t position() const { return position_; }  // of the last event given

 private:
  Replay(Store* store, std::string workspace) : store_(store), workspace_(std::move(workspace)) {}

  absl::Status Check(const Event& event);
  absl::Status CheckKnown(const Event& event);
  absl::Status ReadKnown(int64_t from);
  absl::Status Take(Event event);
  absl::Status Commit();
  absl::Status Decode(std::vector<Event> events, Batch* batch);
  absl::StatusOr<std::shared_ptr<const Model>> ModelOf(const std::string& hash);
  absl::Status Erase(const Event& event, const Model& model, Batch* batch, Writes* writes);

  Store* const store_;
  const std::string workspace_;
  int64_t position_ = 0;
  std::string chain_;
  int64_t known_from_ = 0;          // position of the first of
  std::vector<std::string> known_;  // chains of events that were there before
  std::vector<Event> pending_;      // of one batch
  size_t missing_ = 0;              // events of it that have not come
  std::vector<Batch> batches_;
  absl::Status failed_;                           // of what changed this object
  std::map<std::string, std::string> documents_;  // of models, by hash
  std::map<std::string, std::shared_ptr<const Model>> models_;
};

}  // namespace leadcore

#endif  // LEADCORE_AUDIT_H_
