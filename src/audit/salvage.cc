// SPDX-License-Identifier: Apache-2.0
#include "audit/salvage.h"

#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

using Kind = RawPages::Kind;

constexpr size_t kRecordColumns = 4;   // workspace, id, version, body
constexpr size_t kPayloadColumns = 4;  // workspace, position, salt, payload
constexpr size_t kEventColumns = 14;
constexpr size_t kTypeColumn = 2, kLeadsColumn = 7;  // of an event
constexpr size_t kRequestColumns = 6;                // of which the fourth holds positions
constexpr size_t kSaltBytes = 16;
constexpr int64_t kMostPages = int64_t{1} << 28;

struct SavedTable {
  std::string_view name;
  RecordKind kind;
};
constexpr SavedTable kSavedTables[] = {{"lead_records", RecordKind::kLead},
                                       {"lead_state_records", RecordKind::kLeadState},
                                       {"model_records", RecordKind::kModel},
                                       {"meta_records", RecordKind::kMeta}};
// Indexes of which each row names a lead.
constexpr std::string_view kLeadIndexes[] = {"sqlite_autoindex_lead_records_1",
                                             "sqlite_autoindex_lead_state_records_1"};
constexpr std::string_view kEventTable = "events", kPayloadTable = "event_payloads";
constexpr std::string_view kFeedTables[] = {kEventTable, kPayloadTable, "requests"};

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsSaved(RecordKind kind) {
  return std::any_of(std::begin(kSavedTables), std::end(kSavedTables),
                     [&](const SavedTable& table) { return table.kind == kind; });
}

const std::string* Text(const RawCell& cell, size_t column) {
  return column < cell.row.size() ? std::get_if<std::string>(&cell.row[column]) : nullptr;
}
const int64_t* Integer(const RawCell& cell, size_t column) {
  return column < cell.row.size() ? std::get_if<int64_t>(&cell.row[column]) : nullptr;
}

bool IsRecord(const RawCell& cell) {
  return cell.row.size() == kRecordColumns && Text(cell, 0) != nullptr &&
         Text(cell, 1) != nullptr && Integer(cell, 2) != nullptr && Text(cell, 3) != nullptr;
}
bool IsPayload(const RawCell& cell) {
  return cell.row.size() == kPayloadColumns && Integer(cell, 1) != nullptr &&
         Text(cell, 2) != nullptr && Text(cell, 2)->size() == kSaltBytes &&
         Text(cell, 3) != nullptr;
}
bool IsEvent(const RawCell& cell) {
  return cell.row.size() == kEventColumns && Integer(cell, 1) != nullptr &&
         Text(cell, kTypeColumn) != nullptr && Text(cell, kLeadsColumn) != nullptr;
}

// Of the events of a request: eight bytes each, least first.
int64_t LastPosition(std::string_view positions) {
  uint64_t last = 0;
  for (size_t i = 1; i <= 8 && i <= positions.size(); ++i) {
    last = last << 8 | static_cast<unsigned char>(positions[positions.size() - i]);
  }
  return static_cast<int64_t>(last);
}

// The lead that an event is about; "": the workspace.
std::string SubjectOf(const RawCell& event) {
  const std::string& leads = *Text(event, kLeadsColumn);
  return leads.substr(0, leads.find(' '));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Salvage>> Salvage::Open(const std::string& path,
                                                       std::string workspace) {
  absl::StatusOr<std::unique_ptr<RawPages>> pages = RawPages::Open(path);
  if (!pages.ok()) return pages.status();
  std::unique_ptr<Salvage> salvage(new Salvage(*std::move(pages), std::move(workspace)));
  salvage->ReadTree();
  salvage->ReadContents();
  salvage->ReadHeaders();
  salvage->ReadOrphans();
  salvage->end_known_ = salvage->EndIsKnown();
  return salvage;
}

// ---- Pages and whose they are

void Salvage::ReadTree() {
  parents_.assign(static_cast<size_t>(pages_->count()) + 1, 0);
  const auto adopt = [this](int64_t child, int64_t parent) {
    if (child < 1 || child > kMostPages) return;
    if (child > pages_->count()) {
      damaged_.push_back(child);  // the file was cut off
      parents_.resize(std::max(parents_.size(), static_cast<size_t>(child) + 1));
    }
    parents_[static_cast<size_t>(child)] = static_cast<uint32_t>(parent);
  };
  for (int64_t page = 1; page <= pages_->count(); ++page) {
    const Kind kind = pages_->KindOf(page);
    if (kind == Kind::kDamaged) damaged_.push_back(page);
    if (kind == Kind::kLeafTable) ReadSchemaRow(page);
    if (kind != Kind::kInnerIndex && kind != Kind::kInnerTable) continue;
    for (size_t i = 0; i < pages_->Cells(page); ++i) adopt(pages_->Cell(page, i, 0).child, page);
    adopt(pages_->LastChild(page), page);
  }
  std::sort(damaged_.begin(), damaged_.end());
}

// A page of the schema tells where tables and indexes begin. Other rows have another form.
void Salvage::ReadSchemaRow(int64_t page) {
  constexpr std::string_view kTypes[] = {"table", "index", "view"};
  for (size_t i = 0; i < pages_->Cells(page); ++i) {
    const RawCell cell = pages_->Cell(page, i, 4);
    if (cell.row.empty()) continue;
    const std::string* const type = Text(cell, 0);
    const std::string* const name = Text(cell, 1);
    const int64_t* const root = Integer(cell, 3);
    if (type == nullptr || name == nullptr || root == nullptr || !Contains(kTypes, *type)) return;
    if (*root > 0) roots_[*root] = *name;
  }
}

int64_t Salvage::Top(int64_t page) const {
  // A tree of damaged parents cannot be deeper than it has pages.
  for (int64_t steps = pages_->count(); steps > 0; --steps) {
    const uint32_t parent = parents_[static_cast<size_t>(page)];
    if (parent == 0) break;
    page = parent;
  }
  return page;
}

std::string Salvage::NameOf(int64_t page) const {
  const int64_t top = Top(page);
  if (top == 1) return "sqlite_schema";
  const auto root = roots_.find(top);
  return root == roots_.end() ? std::string() : root->second;
}

std::string Salvage::Describe(int64_t page) {
  const uint32_t parent = parents_[static_cast<size_t>(page)];
  std::string name = NameOf(page);
  const auto tail = tails_.find(page);
  if (tail != tails_.end()) {
    return Cat("the end of a long row of ", tail->second.empty() ? "a table" : tail->second);
  }
  if (name.empty()) return parent == 0 ? "nobody points to it" : "part of an unknown table";
  if (parent == 0 || pages_->KindOf(parent) != Kind::kInnerTable) return name;
  int64_t first = 0;
  for (size_t i = 0; i < pages_->Cells(parent); ++i) {
    const RawCell cell = pages_->Cell(parent, i, 0);
    if (cell.child == page) return Cat(name, ", rows ", first + 1, " to ", cell.rowid);
    first = cell.rowid;
  }
  return Cat(name, ", rows from ", first + 1, " on");
}

void Salvage::TellPages(Tell tell) {
  for (const int64_t page : damaged_) tell(Cat("page ", page, " is damaged: ", Describe(page)));
  if (blind_ > 0) tell(Cat("of some events up to ", blind_, " nothing can be read"));
  if (!end_known_) tell("whether the last events can be read is not known");
}

// ---- What stands in them

RawCell Salvage::CellAt(Place place, size_t columns) {
  return pages_->Cell(place.page, place.cell, columns);
}

void Salvage::ReadContents() {
  for (int64_t page = 1; page <= pages_->count(); ++page) {
    const Kind kind = pages_->KindOf(page);
    if (kind == Kind::kDamaged || kind == Kind::kOther || kind == Kind::kInnerTable) continue;
    const std::string name = NameOf(page);
    if (kind == Kind::kLeafTable) {
      for (const SavedTable& table : kSavedTables) {
        if (name == table.name) AddRows(page, table.kind);
      }
      if (name.empty()) orphans_.push_back(page);
      if (!name.empty() && name != kPayloadTable) continue;
    } else if (!name.empty() && !Contains(kFeedTables, name) && !Contains(kLeadIndexes, name)) {
      continue;
    }
    const auto cells = static_cast<uint32_t>(pages_->Cells(page));
    for (uint32_t cell = 0; cell < cells; ++cell) ReadCell(page, cell, name);
  }
}

void Salvage::AddRows(int64_t page, RecordKind kind) {
  const auto cells = static_cast<uint32_t>(pages_->Cells(page));
  for (uint32_t i = 0; i < cells; ++i) {
    const Place place{static_cast<uint32_t>(page), i};
    const RawCell cell = CellAt(place, kRecordColumns);
    if (cell.damaged != 0) tails_[cell.damaged] = NameOf(page);
    if (!IsRecord(cell) || *Text(cell, 0) != workspace_) continue;
    records_[{kind, *Text(cell, 1)}].row = place;
  }
}

// The rows of the feed's tables have forms that no other row has.
void Salvage::ReadCell(int64_t page, uint32_t cell, const std::string& name) {
  const Place place{static_cast<uint32_t>(page), cell};
  const RawCell row = CellAt(place, kEventColumns);
  if (row.damaged != 0) tails_[row.damaged] = name;
  if (Text(row, 0) == nullptr || *Text(row, 0) != workspace_) return;
  // No more events than bytes: what says otherwise is no event.
  const auto room = [this](int64_t position) {
    if (position < 1 || position > pages_->count() * pages_->page_size()) return false;
    const size_t size = std::max(headers_.size(), static_cast<size_t>(position) + 1);
    headers_.resize(size);
    payloads_.resize(size);
    return true;
  };
  if (IsEvent(row) && room(*Integer(row, 1))) {
    headers_[static_cast<size_t>(*Integer(row, 1))] = place;
    if (*Text(row, kTypeColumn) == kErasedType) erased_.insert(SubjectOf(row));
  } else if (IsPayload(row) && room(*Integer(row, 1))) {
    ReadPayload(row, place);
  } else if (row.row.size() == kRequestColumns && Text(row, 3) != nullptr) {
    room(LastPosition(*Text(row, 3)));
  } else if (Contains(kLeadIndexes, name) && Text(row, 1) != nullptr) {
    ids_.insert(*Text(row, 1));
  }
}

void Salvage::ReadPayload(const RawCell& payload, Place place) {
  const int64_t position = *Integer(payload, 1);
  const absl::StatusOr<EventPayload> decoded = DecodeEventPayload(*Text(payload, 3));
  if (!decoded.ok()) return;
  payloads_[static_cast<size_t>(position)] = true;
  for (const RecordImage& image : decoded->images) {
    const auto kind = static_cast<RecordKind>(image.kind);
    if (!IsSaved(kind)) continue;
    Source& source = records_[{kind, image.id}];
    ++source.images;
    if (position < source.position) continue;
    source.position = position;
    source.image = place;
    source.deleted = image.deleted;
  }
}

// Whether a payload that is not there was erased, and is on no damaged page.
bool Salvage::PayloadsAreWhole() const {
  return std::all_of(damaged_.begin(), damaged_.end(), [this](int64_t page) {
    const auto tail = tails_.find(page);
    const std::string name = tail == tails_.end() ? NameOf(page) : tail->second;
    return !name.empty() && name != kPayloadTable;
  });
}

// Of whom do events tell whose payload cannot be read?
void Salvage::ReadHeaders() {
  if (PayloadsAreWhole()) return;
  for (size_t at = 1; at < headers_.size(); ++at) {
    if (payloads_[at]) continue;
    const auto position = static_cast<int64_t>(at);
    const RawCell header = CellAt(headers_[at], kEventColumns);
    if (!IsEvent(header)) {
      blind_ = position;
      continue;
    }
    const std::string subject = SubjectOf(header);
    last_unread_[subject] = position;
    if (!subject.empty()) ids_.insert(subject);
  }
}

// Tables of which the page that names them is damaged, or one on the way to their rows: a row that
// is what an event left tells whose it is.
void Salvage::ReadOrphans() {
  std::map<int64_t, std::vector<int64_t>> trees;
  for (const int64_t page : orphans_) trees[Top(page)].push_back(page);
  for (const auto& [top, pages] : trees) {
    const std::optional<RecordKind> kind = KindByImages(pages);
    for (size_t i = 0; kind && i < pages.size(); ++i) AddRows(pages[i], *kind);
  }
}

std::optional<RecordKind> Salvage::KindByImages(const std::vector<int64_t>& pages) {
  for (const int64_t page : pages) {
    for (size_t i = 0; i < pages_->Cells(page); ++i) {
      const RawCell row = pages_->Cell(page, i, kRecordColumns);
      if (!IsRecord(row) || *Text(row, 0) != workspace_ || Text(row, 3)->empty()) continue;
      for (const SavedTable& table : kSavedTables) {
        const RecordKey key{table.kind, *Text(row, 1)};
        const auto source = records_.find(key);
        if (source != records_.end() && ImageAt(source->second.image, key) == *Text(row, 3)) {
          return table.kind;
        }
      }
    }
  }
  return std::nullopt;
}

// A single damaged page cannot hold the end of both tables of the feed.
bool Salvage::EndIsKnown() {
  if (damaged_.size() <= 1) return true;
  return std::any_of(roots_.begin(), roots_.end(), [this](const auto& root) {
    return (root.second == kEventTable || root.second == kPayloadTable) &&
           LastPathIsWhole(root.first);
  });
}

bool Salvage::LastPathIsWhole(int64_t page) {
  for (int64_t steps = pages_->count(); steps > 0; --steps) {
    const int64_t next = pages_->LastChild(page);
    if (next == 0) return pages_->KindOf(page) != Kind::kDamaged;
    page = next;
  }
  return false;
}

// ---- Records

std::optional<std::string> Salvage::ImageAt(Place place, const RecordKey& key) {
  if (place.page == 0) return std::nullopt;
  const RawCell cell = CellAt(place, kPayloadColumns);
  if (!IsPayload(cell)) return std::nullopt;
  const absl::StatusOr<EventPayload> payload = DecodeEventPayload(*Text(cell, 3));
  if (!payload.ok()) return std::nullopt;
  for (const RecordImage& image : payload->images) {
    if (static_cast<RecordKind>(image.kind) == key.kind && image.id == key.id) return image.body;
  }
  return std::nullopt;
}

// `subject`: the lead that the events about it name first. An image counts when it is certain that
// no later event wrote the record again; a model's document never changes.
std::optional<Salvage::Found> Salvage::Find(const RecordKey& key, std::string_view subject) {
  const auto at = records_.find(key);
  if (at == records_.end()) return std::nullopt;
  const Source& source = at->second;
  if (source.row.page != 0) {
    const RawCell cell = CellAt(source.row, kRecordColumns);
    return Found{{key, *Integer(cell, 2), *Text(cell, 3)}, 0, true};
  }
  const auto unread = last_unread_.find(std::string(subject));
  const int64_t last = std::max(blind_, unread == last_unread_.end() ? 0 : unread->second);
  const bool certain = end_known_ && last < source.position;
  if (source.deleted || (!certain && key.kind != RecordKind::kModel)) return std::nullopt;
  std::optional<std::string> body = ImageAt(source.image, key);
  if (!body) return std::nullopt;
  return Found{{key, source.images, *std::move(body)}, source.position, last == 0};
}

std::shared_ptr<const Model> Salvage::PublishedModel() {
  const std::optional<Found> hash = Find({RecordKind::kMeta, "model"}, "");
  if (!hash) return nullptr;
  const std::optional<Found> document = Find({RecordKind::kModel, hash->record.body}, "");
  Faults faults;
  return document ? Model::Parse(document->record.body, &faults) : nullptr;
}

SalvageReply Salvage::Run(const Model& model, absl::Time now,
                          absl::FunctionRef<bool(const LeadRecord&)> sink, Tell tell) {
  reply_ = SalvageReply();
  reply_.damaged_pages = static_cast<int64_t>(damaged_.size());
  reply_.more = blind_ > 0 || !end_known_;
  TellPages(tell);
  for (const auto& [key, source] : records_) {
    if (key.kind == RecordKind::kLead || key.kind == RecordKind::kLeadState) ids_.insert(key.id);
  }
  for (const std::string& id : ids_) {
    if (!TellLead(id, model, now, sink, tell)) break;
  }
  return reply_;
}

bool Salvage::TellLead(const std::string& id, const Model& model, absl::Time now,
                       absl::FunctionRef<bool(const LeadRecord&)> sink, Tell tell) {
  const std::optional<Found> lead = Find({RecordKind::kLead, id}, id);
  if (!lead) {
    if (erased_.count(id) != 0) return true;
    ++reply_.lost;
    const auto source = records_.find({RecordKind::kLead, id});
    const bool older = source != records_.end() && source->second.position > 0;
    // Of who was erased only headers are left, if they are.
    const bool named = older || records_.count({RecordKind::kLeadState, id}) != 0;
    tell(Cat("lead ", id, " is lost", named ? "" : ", or was erased",
             older ? Cat("; as it was once is in event ", source->second.position) : ""));
    return true;
  }
  const std::optional<Found> state = Find({RecordKind::kLeadState, id}, id);
  absl::StatusOr<LeadRecord> record = DecodeRecord(
      model, lead->record, state ? std::optional(state->record) : std::optional<StoredRecord>());
  if (!record.ok()) {
    ++reply_.lost;
    tell(Cat("lead ", id, " is lost: ", Message(record.status())));
    return true;
  }
  ++reply_.leads;
  if (lead->event != 0 || (state && state->event != 0)) ++reply_.rebuilt;
  if (lead->event != 0) tell(Cat("lead ", id, " was rebuilt from event ", lead->event));
  if (state && state->event != 0) {
    tell(Cat("lead ", id, ": its score was rebuilt from event ", state->event));
  }
  if (!state || !lead->version_known) ++reply_.lost;
  if (!state) tell(Cat("lead ", id, ": its score and its last activity are lost, left empty"));
  if (!lead->version_known) {
    record->lead.Clear(field::kVersion);
    tell(Cat("lead ", id, ": its version is lost, left empty"));
  }
  BringUpToDate(model, now, &*record);
  return sink(*record);
}

}  // namespace leadcore
