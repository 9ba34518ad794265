// SPDX-License-Identifier: Apache-2.0
//
// check, template, score: what needs a model and no database.
#include <iostream>

#include "context.h"
#include "json_out.h"
#include "leadcore/csv.h"
#include "leadcore/engine.h"
#include "model/json.h"
#include "model_file.h"
#include "progress.h"
#include "rows.h"
#include "text.h"

namespace leadcore::cli {
namespace {

// Faults of the model's own tests, with their places in the file.
bool RunTests(const std::string& path, const std::shared_ptr<const Model>& model) {
  Faults faults = RunModelTests(model);
  if (faults.empty()) return true;
  Faults ignored;
  const std::optional<Json> json = ParseJson(model->text(), &ignored);
  if (json) LocateFaults(model->text(), *json, 0, &faults);
  ComplainOfFaults(path, faults);
  return false;
}

void WriteScoreJson(int64_t row, const Score* score, std::string_view refusal) {
  JsonWriter json;
  json.StartObject();
  json.Member("row", row);
  json.Key("score");
  score == nullptr ? json.Null() : json.Integer(ShownPoints(score->total));
  json.Key("band");
  score == nullptr ? json.Null() : json.Text(score->band);
  if (score != nullptr) {
    for (const GroupScore& group : score->groups) {
      json.Member(group.group, ShownPoints(group.points));
    }
    json.Key("ledger");
    WriteLedger(*score, &json);
  } else {
    json.Member("reason", refusal);
  }
  json.EndObject();
  std::cout << json.Take() << "\n";
}

}  // namespace

int Check(const Options& options) {
  int code = kDone;
  for (const std::string& path : options.files) {
    const std::shared_ptr<const Model> model = LoadModelFile(path);
    if (model == nullptr || !RunTests(path, model)) {
      code = kWrong;
      continue;
    }
    const size_t tests = model->config().tests.size();
    if (options.json) {
      JsonWriter json;
      json.StartObject();
      json.Member("model", path);
      json.Member("hash", model->hash());
      json.Member("tests", static_cast<int64_t>(tests));
      json.EndObject();
      std::cout << json.Take() << "\n";
    } else {
      std::cout << path << ": good, " << tests << (tests == 1 ? " test" : " tests") << " passed\n";
    }
  }
  return code;
}

int Template(const Options& options) {
  const std::shared_ptr<const Model> model = ModelOrDefault(options);
  if (model == nullptr) return kWrong;
  const Schema& schema = *model->schema();
  CsvWriter csv;
  std::vector<FieldId> fields;
  for (const FieldId id : ExportFields(schema, false)) {
    const Field& field = schema.at(id);
    const bool state = field.group == FieldGroup::kState && id != field::kStatus &&
                       id != field::kOwner && id != field::kCreateTime;
    if (IsImportable(field) && !state && field.type != Type::kRecord) fields.push_back(id);
  }
  WriteHeader(schema, fields, &csv);
  std::cout << csv.Take();
  return kDone;
}

int ScoreFile(const Options& options) {
  const std::shared_ptr<const Model> model = ModelOrDefault(options);
  if (model == nullptr) return kWrong;
  absl::StatusOr<InputFile> input = InputFile::Open(options.file);
  if (!input.ok()) return Fail(input.status());
  const absl::StatusOr<std::unique_ptr<RowReader>> rows = RowReader::Open(options, *model, &*input);
  if (!rows.ok()) return Fail(InvalidArgument(options.file, ": ", Message(rows.status())));
  const absl::StatusOr<absl::Time> now = Now(options);
  if (!now.ok()) {
    Complain(Message(now.status()));
    return kWrong;
  }
  CatchInterrupts();
  CsvWriter csv;
  if (!options.json) {
    for (const std::string_view name : {"row", "score", "band"}) csv.Add(name);
    for (const ScoreGroupConfig& group : model->config().scoring.groups) csv.Add(group.name);
    csv.EndRow();
  }
  Progress progress(Cat("scoring ", options.file), input->size());
  CsvRow row;
  while (!Interrupted()) {
    const absl::StatusOr<bool> more = (*rows)->Next(&row);
    if (!more.ok()) return Fail(more.status());
    if (!*more) break;
    if (row.refused()) Complain(Cat(options.file, ":", row.line, ": ", row.refusal));
    Score score;
    if (!row.refused()) score = ScoreLead(*model, (*rows)->ToLead(row), *now);
    if (options.json) {
      WriteScoreJson(row.number, row.refused() ? nullptr : &score, row.refusal);
      continue;
    }
    csv.Add(std::to_string(row.number));
    csv.Add(row.refused() ? std::string() : std::to_string(ShownPoints(score.total)));
    csv.Add(score.band);
    for (size_t i = 0; i < model->config().scoring.groups.size(); ++i) {
      csv.Add(row.refused() ? std::string() : std::to_string(ShownPoints(score.groups[i].points)));
    }
    csv.EndRow();
    std::cout << csv.Take();
    progress.Update(input->position(), row.number);
  }
  std::cout << csv.Take();
  std::cout.flush();
  return Interrupted() ? kInterrupted : kDone;
}

}  // namespace leadcore::cli
