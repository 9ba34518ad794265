// SPDX-License-Identifier: Apache-2.0
//
// match: which rows of a file are one person. Needs no database.
#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <utility>

#include "context.h"
#include "json_out.h"
#include "leadcore/csv.h"
#include "leadcore/matching.h"
#include "model/json.h"
#include "model_file.h"
#include "progress.h"
#include "rows.h"
#include "text.h"

namespace leadcore::cli {
namespace {

// What the columns of the file are, as --map says it: fields of the table, and columns of which
// only the kind is known, each a field of its own.
class MatchColumns {
 public:
  MatchColumns(const Model& model) : model_(model), config_(model.config().matching) {}

  absl::Status ReadMap(const std::string& path) {
    const absl::StatusOr<std::string> text = ReadFile(path);
    if (!text.ok()) return text.status();
    Faults faults;
    const std::optional<Json> json = ParseJson(*text, &faults);
    if (!json) return InvalidArgument(path, ":", FormatFaults(faults));
    if (json->kind != Json::Kind::kObject || json->keys.size() != 1 ||
        json->keys[0].first != "columns" || json->items[0].kind != Json::Kind::kObject) {
      return InvalidArgument(path, ": a map is {\"columns\": {\"column\": \"field or kind\", …}}");
    }
    const Json& columns = json->items[0];
    for (size_t i = 0; i < columns.keys.size(); ++i) {
      const std::string& header = columns.keys[i].first;
      if (columns.items[i].kind != Json::Kind::kString) {
        return InvalidArgument(path, ": column '", header, "': expected a string, found ",
                               JsonKindName(columns.items[i].kind));
      }
      const absl::Status status = Add(header, columns.items[i].text);
      if (!status.ok()) return InvalidArgument(path, ": ", Message(status));
    }
    return absl::OkStatus();
  }

  // Finds the columns in the file's header.
  absl::Status Settle(std::span<const std::string> header) {
    std::vector<CustomField> fields = model_.config().fields;
    fields.insert(fields.end(), own_.begin(), own_.end());
    Faults faults;
    schema_ = Schema::Create(fields, {}, &faults);
    if (schema_ == nullptr) return InvalidArgument(FormatFaults(faults));
    similarity_ = Similarity::Compile(config_, schema_.get(), model_.config().country, &faults);
    if (similarity_ == nullptr) return InvalidArgument(FormatFaults(faults));
    GivenColumns given = given_;
    const ImportConfig& import = model_.config().import;
    given.insert(given.end(), import.columns.begin(), import.columns.end());
    absl::StatusOr<ColumnMap> map = MapHeader(header, *schema_, given);
    if (!map.ok()) return map.status();
    map_ = *std::move(map);
    for (size_t i = 0; i < given_.size(); ++i) {
      const absl::Status status = CheckGiven(given_[i], header);
      if (!status.ok()) return status;
    }
    return own_.empty() ? CheckColumns(map_) : absl::OkStatus();
  }

  PreparedLead Prepare(const CsvRow& row) const {
    const ImportConfig& import = model_.config().import;
    const CellOptions options{{model_.config().currency, import.day_first, import.decimal_comma},
                              map_.canonical};
    Lead lead(schema_);
    for (size_t i = 0; i < row.cells.size() && i < map_.columns.size(); ++i) {
      // What a field cannot take is as good as missing here.
      ReadCell(map_.columns[i], row.cells[i], options, &lead).IgnoreError();
    }
    return similarity_->Prepare(lead.view(), model_.email_lists());
  }

  const Similarity& similarity() const { return *similarity_; }

 private:
  absl::Status Add(const std::string& header, const std::string& what) {
    const Field* field = model_.schema()->Find(what);
    const std::optional<SimilarityKind> kind = SimilarityKindFromName(what);
    if (what.empty() || (field != nullptr && IsImportable(*field))) {
      given_.emplace_back(header, what);
      return absl::OkStatus();
    }
    if (!kind) {
      const std::span<const std::string_view> kinds = SimilarityKindNames();
      std::vector<std::string_view> names(kinds.begin(), kinds.end());
      for (const Field& each : model_.schema()->fields()) names.push_back(each.name);
      const std::string_view closest = ClosestName(what, names.data(), names.size());
      return InvalidArgument("column '", header, "': '", what, "' is no field and no kind",
                             DidYouMean(closest));
    }
    CustomField own;
    own.name = NameFor(header);
    own_.push_back(std::move(own));
    config_.fields.push_back({own_.back().name, kind, {}, {}});
    given_.emplace_back(header, own_.back().name);
    return absl::OkStatus();
  }

  // The column's name as that of a field, if that can be.
  std::string NameFor(const std::string& header) const {
    std::string name;
    for (const char c : header) {
      const bool upper = c >= 'A' && c <= 'Z';
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      name.push_back(upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '_');
    }
    const auto taken = [&](const CustomField& field) { return field.name == name; };
    const bool good = !name.empty() && name.size() <= 40 && name.front() >= 'a' &&
                      name.front() <= 'z' && model_.schema()->Find(name) == nullptr &&
                      std::none_of(own_.begin(), own_.end(), taken);
    return good ? name : Cat("column_", own_.size() + 1);
  }

  // A column of the map is in the file, and nobody else has its field.
  absl::Status CheckGiven(const std::pair<std::string, std::string>& given,
                          std::span<const std::string> header) const {
    const auto& [name, what] = given;
    if (std::ranges::find(map_.unused, name) != map_.unused.end()) {
      const std::vector<std::string_view> names(header.begin(), header.end());
      const std::string_view closest = ClosestName(name, names.data(), names.size());
      return InvalidArgument("there is no column '", name, "'", DidYouMean(closest));
    }
    for (const CsvColumn& column : map_.columns) {
      if (column.header == name && !what.empty() && !column.field) {
        return InvalidArgument("column '", name, "': ", column.reason);
      }
    }
    return absl::OkStatus();
  }

  const Model& model_;
  SimilarityConfig config_;
  std::vector<CustomField> own_;
  GivenColumns given_;
  std::shared_ptr<const Schema> schema_;
  std::shared_ptr<const Similarity> similarity_;
  ColumnMap map_;
};

struct MatchRows {
  std::vector<PreparedLead> leads;
  std::vector<int64_t> numbers;  // of the rows, in the file
  size_t unread = 0;             // rows
};

absl::StatusOr<MatchRows> ReadRows(const Options& options, const MatchColumns& columns,
                                   CsvReader* csv, const InputFile& input) {
  MatchRows rows;
  Progress progress(Cat("reading ", options.file), input.size());
  CsvRow row;
  while (!Interrupted()) {
    const absl::StatusOr<bool> more = csv->Next(&row);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (row.refused()) {
      Complain(Cat(options.file, ":", row.line, ": ", row.refusal));
      ++rows.unread;
      continue;
    }
    rows.leads.push_back(columns.Prepare(row));
    rows.numbers.push_back(row.number);
    progress.Update(input.position(), row.number);
  }
  return rows;
}

void WriteEvidence(const PairScore& score, JsonWriter* json) {
  json->Key("evidence");
  json->StartArray();
  for (const Evidence& evidence : score.evidence) {
    json->StartObject();
    json->Member("field", evidence.field);
    json->Member("agreement", AgreementName(evidence.agreement));
    json->Key("points");
    json->Real(static_cast<double>(evidence.points) / kOnePoint);
    json->Member("reason", evidence.reason);
    json->EndObject();
  }
  json->EndArray();
}

// One object a row: its cluster, the row there that it is most like, and rows elsewhere that may be
// the same person.
class MatchJson {
 public:
  MatchJson(const MatchRows& rows, const Clusters& clusters, const Similarity& similarity)
      : rows_(rows),
        clusters_(clusters),
        similarity_(similarity),
        frequencies_(similarity.Count(rows.leads)) {
    for (size_t i = 0; i < rows.leads.size(); ++i) members_[clusters.cluster[i]].push_back(i);
    for (const ScoredPair& pair : clusters.possible) {
      possible_[pair.a].push_back(pair.b);
      possible_[pair.b].push_back(pair.a);
    }
  }

  std::string_view Line(size_t lead) {
    json_.Clear();
    json_.StartObject();
    json_.Member("row", rows_.numbers[lead]);
    json_.Member("cluster", rows_.numbers[clusters_.cluster[lead]]);
    Best(lead);
    if (const auto at = possible_.find(lead); at != possible_.end()) {
      json_.Key("possible");
      json_.StartArray();
      for (const size_t other : at->second) Pair(lead, other);
      json_.EndArray();
    }
    json_.EndObject();
    json_.EndLine();
    return json_.text();
  }

 private:
  void Pair(size_t lead, size_t other) {
    const PairScore score =
        similarity_.Compare(rows_.leads[lead], rows_.leads[other], frequencies_);
    json_.StartObject();
    json_.Member("row", rows_.numbers[other]);
    json_.Key("points");
    json_.Real(static_cast<double>(score.points) / kOnePoint);
    WriteEvidence(score, &json_);
    json_.EndObject();
  }

  void Best(size_t lead) {
    std::optional<std::pair<Points, size_t>> best;  // most points; of equals the first row
    for (const size_t other : members_[clusters_.cluster[lead]]) {
      if (other == lead) continue;
      const PairScore score =
          similarity_.Compare(rows_.leads[lead], rows_.leads[other], frequencies_);
      if (!best || score.points > best->first) best = {score.points, other};
    }
    if (!best) return;
    json_.Key("like");
    Pair(lead, best->second);
  }

  const MatchRows& rows_;
  const Clusters& clusters_;
  const Similarity& similarity_;
  const LeadFrequencies frequencies_;
  std::map<size_t, std::vector<size_t>> members_, possible_;
  JsonWriter json_;
};

void WriteClusters(const Options& options, const MatchRows& rows, const Clusters& clusters,
                   const Similarity& similarity) {
  if (options.json) {
    MatchJson json(rows, clusters, similarity);
    for (size_t i = 0; i < rows.leads.size(); ++i) std::cout << json.Line(i);
    return;
  }
  CsvWriter csv;
  csv.Add("row");
  csv.Add("cluster");
  csv.EndRow();
  for (size_t i = 0; i < rows.leads.size(); ++i) {
    csv.Add(std::to_string(rows.numbers[i]));
    csv.Add(std::to_string(rows.numbers[clusters.cluster[i]]));
    csv.EndRow();
  }
  std::cout << csv.Take();
}

std::string Counted(size_t count, std::string_view what) {
  return Cat(count, " ", what, count == 1 ? "" : "s");
}

}  // namespace

int MatchFile(const Options& options) {
  const std::shared_ptr<const Model> model = ModelOrDefault(options);
  if (model == nullptr) return kWrong;
  absl::StatusOr<InputFile> input = InputFile::Open(options.file);
  if (!input.ok()) return Fail(input.status());
  MatchColumns columns(*model);
  if (!options.map.empty()) {
    const absl::Status status = columns.ReadMap(options.map);
    if (!status.ok()) return Fail(status);
  }
  absl::StatusOr<CsvReader> csv = CsvReader::Open(input->Source(), options.csv);
  if (!csv.ok()) return Fail(InvalidArgument(options.file, ": ", Message(csv.status())));
  const absl::Status settled = columns.Settle(csv->header());
  if (!settled.ok()) return Fail(InvalidArgument(options.file, ": ", Message(settled)));
  CatchInterrupts();
  const absl::StatusOr<MatchRows> rows = ReadRows(options, columns, &*csv, *input);
  if (!rows.ok()) return Fail(InvalidArgument(options.file, ": ", Message(rows.status())));
  if (Interrupted()) return kInterrupted;
  const Clusters clusters = columns.similarity().Cluster(rows->leads);
  if (Interrupted()) return kInterrupted;
  WriteClusters(options, *rows, clusters, columns.similarity());
  size_t heads = 0;
  for (size_t i = 0; i < clusters.cluster.size(); ++i) heads += clusters.cluster[i] == i ? 1 : 0;
  const size_t duplicates = rows->leads.size() - heads;
  std::cout.flush();
  Complain(Cat(Counted(rows->leads.size(), "row"), ", ", Counted(heads, "cluster"), ", ",
               Counted(duplicates, "duplicate"), ", ",
               Counted(clusters.possible.size(), "possible pair"),
               rows->unread == 0 ? "" : Cat(", ", Counted(rows->unread, "row"), " not read")));
  return Finished(absl::OkStatus());
}

}  // namespace leadcore::cli
