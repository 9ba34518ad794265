// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "csv/header_table.h"
#include "leadcore/csv.h"
#include "text.h"

namespace leadcore {

using csv_internal::FindKnownHeader;
using csv_internal::FoldHeader;
using csv_internal::KnownHeader;
using csv_internal::System;

namespace {

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// "Industry (Sample)" without what stands in parentheses.
std::string WithoutRemarks(std::string_view header) {
  std::string out;
  int depth = 0;
  for (const char c : header) {
    if (c == '(') ++depth;
    if (depth == 0) out.push_back(c);
    if (c == ')' && depth > 0) --depth;
  }
  return out;
}

bool HoldsPeople(FieldId field) {
  switch (field) {
    case field::kExternalId:
    case field::kFirstName:
    case field::kLastName:
    case field::kFullName:
    case field::kCompany:
    case field::kEmail:
    case field::kOtherEmails:
    case field::kPhone:
    case field::kMobilePhone:
    case field::kOtherPhones:
      return true;
    default:
      return false;
  }
}

// Fills a ColumnMap pass by pass, strongest claim first.
class Mapper {
 public:
  Mapper(std::span<const std::string> header, const Schema& schema) : schema_(schema) {
    for (const std::string& name : header) {
      map_.columns.push_back({name, std::nullopt, {}, {}});
      names_.push_back(Trimmed(name));
      folded_.push_back(FoldHeader(name));
    }
    settled_.resize(header.size());
    system_ = csv_internal::DetectSystem(folded_);
    map_.canonical = IsCanonical();
  }

  absl::Status Given(const GivenColumns& given) {
    for (const auto& [header, name] : given) {
      std::optional<FieldId> field;
      if (const std::string_view wanted = Trimmed(name); !wanted.empty()) {
        absl::StatusOr<FieldId> found = FindGiven(header, wanted);
        if (!found.ok()) return found.status();
        field = *found;
      }
      if (!Apply(header, field)) map_.unused.push_back(header);
    }
    return absl::OkStatus();
  }

  void Automatic() {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!settled_[i]) SettleByName(i);
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!settled_[i]) SettleByTable(i);
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!settled_[i]) SettleByLastResort(i);
    }
  }

  ColumnMap Take() { return std::move(map_); }

 private:
  bool IsCanonical() const {
    bool id = false;
    bool version = false;
    for (const std::string_view name : names_) {
      if (name != kRejectColumn && schema_.Find(name) == nullptr) return false;
      id = id || name == "id";
      version = version || name == "version";
    }
    return id && version;
  }

  absl::StatusOr<FieldId> FindGiven(std::string_view header, std::string_view name) const {
    const Field* field = schema_.Find(name);
    if (field == nullptr) {
      const std::string_view close = schema_.Suggest(name);
      return InvalidArgument("column '", header, "': there is no field '", name, "'",
                             close.empty() ? "" : "; did you mean '", close,
                             close.empty() ? "" : "'?");
    }
    if (!IsImportable(*field)) {
      return InvalidArgument("column '", header, "': no file can set '", name,
                             "', the engine does; the id of another system is 'external_id'");
    }
    return field->id;
  }

  // False when the file has no such column.
  bool Apply(std::string_view header, std::optional<FieldId> field) {
    const std::string folded = FoldHeader(header);
    const bool exact = std::find(names_.begin(), names_.end(), Trimmed(header)) != names_.end();
    bool found = false;
    for (size_t i = 0; i < names_.size(); ++i) {
      const bool same =
          exact ? names_[i] == Trimmed(header) : !folded.empty() && folded_[i] == folded;
      found = found || same;
      if (!same || settled_[i]) continue;
      if (field) {
        const KnownHeader* known = FindKnownHeader(folded_[i], System::kAny);
        const bool kind = known != nullptr && known->field == *field;
        Claim(i, *field, kind ? known->kind : std::string_view());
      } else {
        Drop(i, "ignored, as told");
      }
    }
    return found;
  }

  void Drop(size_t i, std::string reason) {
    map_.columns[i].reason = std::move(reason);
    settled_[i] = true;
  }

  const CsvColumn* Holder(FieldId field) const { return map_.Find(field); }

  void Claim(size_t i, FieldId field, std::string_view kind) {
    const Field& wanted = schema_.at(field);
    if (!IsImportable(wanted)) {
      return Drop(i, Cat("the engine sets ", wanted.name, " itself"));
    }
    const CsvColumn* holder = wanted.shape == Shape::kList ? nullptr : Holder(field);
    if (holder != nullptr) {
      if (field == field::kEmail) {
        field = field::kOtherEmails;
      } else if (field == field::kPhone || field == field::kMobilePhone) {
        field = field::kOtherPhones;
      } else {
        return Drop(i, Cat("column '", holder->header, "' gives ", wanted.name, " already"));
      }
    }
    map_.columns[i].field = field;
    map_.columns[i].kind = kind;
    settled_[i] = true;
  }

  // Blank columns, our own additions, and the names of fields to the letter.
  void SettleByName(size_t i) {
    if (folded_[i].empty() && names_[i].empty()) return Drop(i, "the column has no name");
    if (names_[i] == kRejectColumn) return Drop(i, "the note of an earlier import");
    if (!map_.canonical) {
      if (names_[i] == "id") return;  // of the system that wrote the file
      if (const KnownHeader* known = Special(folded_[i]); known != nullptr) {
        return Claim(i, known->field, known->kind);
      }
    }
    if (const Field* field = schema_.Find(names_[i]); field != nullptr) Claim(i, field->id, {});
  }

  const KnownHeader* Special(std::string_view folded) const {
    return system_ == System::kAny ? nullptr : FindKnownHeader(folded, system_);
  }

  void SettleByTable(size_t i) {
    for (const std::string& folded : {folded_[i], FoldHeader(WithoutRemarks(names_[i]))}) {
      if (folded.empty()) continue;
      if (const KnownHeader* known = Special(folded); known != nullptr) {
        return Claim(i, known->field, known->kind);
      }
      if (const Field* field = FindFolded(folded); field != nullptr) {
        return Claim(i, field->id, {});
      }
      if (const KnownHeader* known = FindKnownHeader(folded, System::kAny); known != nullptr) {
        return Claim(i, known->field, known->kind);
      }
    }
  }

  // A title is the job, or the form of address beside a column for the job. The id of a contact is
  // the lead's where the file is about contacts: it names people and gives no id of leads.
  void SettleByLastResort(size_t i) {
    const std::string& folded = folded_[i];
    if (folded == "title") {
      const bool job = Holder(field::kJobTitle) == nullptr;
      return Claim(i, job ? field::kJobTitle : field::kSalutation, {});
    }
    const bool contact = folded == "contactid" || folded == "personid" || folded == "customerid";
    if (contact && Holder(field::kExternalId) == nullptr && HasPeople()) {
      return Claim(i, field::kExternalId, {});
    }
    Drop(i, "no field goes by this name");
  }

  bool HasPeople() const {
    return std::any_of(map_.columns.begin(), map_.columns.end(), [](const CsvColumn& column) {
      return column.field && HoldsPeople(*column.field);
    });
  }

  // The field whose name folds to `folded`, `id` excepted.
  const Field* FindFolded(std::string_view folded) const {
    for (const Field& field : schema_.fields()) {
      if (field.id != field::kId && FoldHeader(field.name) == folded) return &field;
    }
    return nullptr;
  }

  const Schema& schema_;
  std::vector<std::string_view> names_;  // trimmed
  std::vector<std::string> folded_;
  std::vector<bool> settled_;
  System system_ = System::kAny;
  ColumnMap map_;
};

}  // namespace

const CsvColumn* ColumnMap::Find(FieldId field) const {
  for (const CsvColumn& column : columns) {
    if (column.field == field) return &column;
  }
  return nullptr;
}

absl::StatusOr<ColumnMap> MapHeader(std::span<const std::string> header, const Schema& schema,
                                    const GivenColumns& given) {
  Mapper mapper(header, schema);
  if (absl::Status status = mapper.Given(given); !status.ok()) return status;
  mapper.Automatic();
  return mapper.Take();
}

absl::Status CheckColumns(const ColumnMap& map) {
  constexpr size_t kShown = 20;
  std::string names;
  for (size_t i = 0; i < map.columns.size(); ++i) {
    const CsvColumn& column = map.columns[i];
    if (column.field && HoldsPeople(*column.field)) return absl::OkStatus();
    if (i < kShown) names += Cat(i == 0 ? "" : ", ", column.header);
  }
  if (map.columns.size() > kShown) names += Cat(" and ", map.columns.size() - kShown, " more");
  return InvalidArgument(
      "no column holds an external id, a name, a company, an e-mail address or a phone number, so "
      "these are no leads: the columns are ",
      names, "; where one of them does, say so in a column map");
}

absl::StatusOr<GivenColumns> ParseColumnFile(std::string_view text) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text), {});
  if (!reader.ok()) return reader.status();
  const std::vector<std::string>& header = reader->header();
  if (header.size() != 2 || FoldHeader(header[0]) != "header" || FoldHeader(header[1]) != "field") {
    return InvalidArgument(
        "a column map is CSV of two columns and begins with the line "
        "'header,field'");
  }
  GivenColumns given;
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    if (!more.ok()) return more.status();
    if (!*more) return given;
    if (row.refused()) return InvalidArgument("line ", row.line, ": ", row.refusal);
    given.emplace_back(row.cells[0], row.cells.size() > 1 ? row.cells[1] : std::string_view());
  }
}

}  // namespace leadcore
