// SPDX-License-Identifier: Apache-2.0
//
// Brings the leads of a workspace up to another model or normaliser, page by page, so that who
// comes after a crash goes on where it ended.
//
// The record "publishing" says how far a migration is; its body is empty while there is none. Its
// version is the epoch: every command checks it, so an engine of an older model writes nothing from
// the moment at which a migration begins. Only so does an exclusive key never have two holders.
#ifndef LEADCORE_SRC_ENGINE_MIGRATE_H_
#define LEADCORE_SRC_ENGINE_MIGRATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/parts.h"
#include "leadcore/commands.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore {

RecordKey MetaEpoch();

// The body of "publishing".
struct MigrationCursor {
  enum Phase : int { kClaims = 0, kMatchKeys = 1, kLeads = 2, kDone = 3 };

  std::string model;  // hash
  std::string normalizer, aggregates;
  bool rebuild = false;      // activity summaries
  bool renormalize = false;  // fields
  bool reindex = false;      // index entries of leads
  Phase phase = kClaims;
  std::string last;  // id of the last record of the phase that is done

  std::string Encode() const;
  // nullopt when no migration is under way.
  static std::optional<MigrationCursor> Decode(std::string_view body);
};

class Migration {
 public:
  // `epoch`: version of the record that says what `cursor` says.
  Migration(const Model& model, Store* store, std::string_view workspace, const Call& call,
            MigrationCursor cursor, int64_t epoch)
      : model_(model),
        store_(store),
        workspace_(workspace),
        call_(call),
        cursor_(std::move(cursor)),
        epoch_(epoch) {}

  // Stops all other writers, and commits `first` with that. False: somebody else was faster.
  absl::StatusOr<bool> Begin(std::vector<Batch> first);
  // Does what is left, in pages of 500 records; what a page wrote is committed together with the
  // cursor. False: somebody else goes on from here.
  absl::StatusOr<bool> Run();
  // Gives the place back to `body`, which was there before.
  absl::Status End(std::string body);

  int64_t epoch() const { return epoch_; }

 private:
  absl::StatusOr<bool> Step();
  absl::StatusOr<bool> Commit(std::vector<Batch> batches, const MigrationCursor& next);
  absl::Status ReadPage(const Snapshot& snapshot, std::vector<StoredRecord>* page) const;
  Batch CursorBatch(std::string body) const;
  absl::Status Sweep(const Snapshot& snapshot, const StoredRecord& stored,
                     std::vector<Batch>* batches) const;
  absl::Status Bring(const Snapshot& snapshot, const std::string& id, std::vector<Batch>* batches);
  absl::StatusOr<bool> Rebuild(const Snapshot& snapshot, const std::string& id,
                               LeadState* state) const;
  absl::Status AddKeys(const Snapshot& snapshot, const std::string& id,
                       const std::vector<MatchKey>& keys, Batch* batch, std::vector<Put>* puts);

  const Model& model_;
  Store* const store_;
  const std::string_view workspace_;
  const Call& call_;
  MigrationCursor cursor_;
  int64_t epoch_;
  int unwritten_ = 0;  // pages without changes since the cursor was written
  std::map<std::string, std::string> claimed_;  // in this page: key, holder
};

// Brings the fields into the form of this program's normaliser; false when they had it. What only
// the engine sets, and where the lead stands, stays.
bool Renormalize(const Model& model, Lead* lead);

}  // namespace leadcore

#endif  // LEADCORE_SRC_ENGINE_MIGRATE_H_
