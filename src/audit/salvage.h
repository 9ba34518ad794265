// SPDX-License-Identifier: Apache-2.0
//
// What can be saved of a damaged database file: records as they stand in the pages that are whole,
// and, where the page of a record is damaged, as the last event about it left them.
#ifndef LEADCORE_SRC_AUDIT_SALVAGE_H_
#define LEADCORE_SRC_AUDIT_SALVAGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "leadcore/commands.h"
#include "leadcore/model.h"
#include "leadcore/store.h"
#include "store/raw_pages.h"

namespace leadcore {

struct SalvageReply {
  int64_t leads = 0;    // told
  int64_t rebuilt = 0;  // of them: from their events
  int64_t lost = 0;     // known by their ids, and not told or not whole
  int64_t damaged_pages = 0;
  // Leads may be lost of whom not even the id is known.
  bool more = false;
};

// Nobody may write to the file meanwhile. Takes some 500 bytes of memory per lead.
class Salvage {
 public:
  using Tell = absl::FunctionRef<void(std::string_view what)>;

  static absl::StatusOr<std::unique_ptr<Salvage>> Open(const std::string& path,
                                                       std::string workspace);

  // The published model; nullptr when it is lost, or nothing was published.
  std::shared_ptr<const Model> PublishedModel();

  // Every lead that is certainly as it was, in the order of ids, scores as of `now`; until `sink`
  // returns false. `tell` hears in words which pages are damaged and what became of each lead whose
  // own record is on one.
  SalvageReply Run(const Model& model, absl::Time now,
                   absl::FunctionRef<bool(const LeadRecord&)> sink, Tell tell);

 private:
  struct Place {
    uint32_t page = 0;  // 0: nowhere
    uint32_t cell = 0;
  };
  // Where a record can be read.
  struct Source {
    Place row;
    Place image;  // the payload of the last event that wrote it
    int64_t position = 0;
    int64_t images = 0;  // how often it was written, as far as payloads tell
    bool deleted = false;
  };
  struct Found {
    StoredRecord record;
    int64_t event = 0;  // 0: it was read as it stands
    bool version_known = true;
  };

  Salvage(std::unique_ptr<RawPages> pages, std::string workspace)
      : pages_(std::move(pages)), workspace_(std::move(workspace)) {}

  void ReadTree();
  void ReadSchemaRow(int64_t page);
  void ReadContents();
  void ReadCell(int64_t page, uint32_t cell, const std::string& name);
  void ReadPayload(const RawCell& payload, Place place);
  bool PayloadsAreWhole() const;
  void ReadHeaders();
  void ReadOrphans();
  std::optional<RecordKind> KindByImages(const std::vector<int64_t>& pages);
  void AddRows(int64_t page, RecordKind kind);
  bool EndIsKnown();
  bool LastPathIsWhole(int64_t page);

  int64_t Top(int64_t page) const;
  std::string NameOf(int64_t page) const;
  RawCell CellAt(Place place, size_t columns);
  std::optional<std::string> ImageAt(Place place, const RecordKey& key);
  std::optional<Found> Find(const RecordKey& key, std::string_view subject);
  bool TellLead(const std::string& id, const Model& model, absl::Time now,
                absl::FunctionRef<bool(const LeadRecord&)> sink, Tell tell);
  void TellPages(Tell tell);
  std::string Describe(int64_t page);

  const std::unique_ptr<RawPages> pages_;
  const std::string workspace_;
  std::vector<uint32_t> parents_;         // by page; 0: none known
  std::vector<int64_t> damaged_;          // pages
  std::map<int64_t, std::string> roots_;  // names of tables and indexes
  std::map<int64_t, std::string> tails_;  // damaged rests of rows, and whose they are
  std::vector<int64_t> orphans_;          // pages of tables without a name
  std::map<RecordKey, Source> records_;
  std::set<std::string> ids_;  // of leads that indexes and events name
  std::set<std::string> erased_;
  std::vector<Place> headers_;                  // by position
  std::vector<bool> payloads_;                  // by position: whether it can be read
  std::map<std::string, int64_t> last_unread_;  // by lead: last event without a payload
  int64_t blind_ = 0;                           // last position of which nothing is known
  bool end_known_ = false;
  SalvageReply reply_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_AUDIT_SALVAGE_H_
