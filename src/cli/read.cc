// SPDX-License-Identifier: Apache-2.0
//
// show, list, export, report.
#include <algorithm>
#include <iostream>
#include <utility>

#include "context.h"
#include "json_out.h"
#include "lead_writer.h"
#include "leadcore/codec.h"
#include "leadcore/report.h"
#include "text.h"

namespace leadcore::cli {
namespace {

constexpr size_t kPage = 1000;

std::string Points(leadcore::Points points) {
  const std::string text =
      FormatValue(Value::Real(static_cast<double>(points) / static_cast<double>(kOnePoint)));
  return points > 0 ? Cat("+", text) : text;
}

void PrintShowJson(const LeadRecord& record, const std::vector<Event>& history,
                   const std::shared_ptr<const Schema>& schema) {
  JsonWriter json;
  json.StartObject();
  WriteFields(record.lead, &json);
  json.Key("ledger");
  WriteLedger(record.state.score, &json);
  json.Key("history");
  json.StartArray();
  for (const Event& event : history) WriteEvent(event, schema, false, &json);
  json.EndArray();
  json.EndObject();
  std::cout << json.Take() << "\n";
}

void PrintFields(const Lead& lead) {
  for (const Field& field : lead.schema().fields()) {
    const Value& value = lead[field.id];
    if (value.absent() || field.derived() || field.id == field::kDataIssues) continue;
    const std::optional<std::string> cell = WriteCell(field, value, CsvForm::kData);
    std::cout << "  " << field.name << ": " << cell.value_or("") << "\n";
  }
  if (!lead.has(field::kDataIssues)) return;
  std::cout << "to look at\n";
  for (const Record& issue : lead[field::kDataIssues].records()) {
    std::cout << "  " << issue[0].value_or("") << " '" << issue[1].value_or("")
              << "': " << issue[2].value_or("") << "\n";
  }
}

void PrintScore(const Score& score, const std::vector<RuleTrace>& trace) {
  std::cout << "score " << ShownPoints(score.total) << ", " << score.band << "\n";
  for (const LedgerEntry& entry : score.ledger) {
    std::cout << "  " << Points(entry.points) << "  " << entry.rule
              << (entry.group.empty() ? "" : Cat(" (", entry.group, ")")) << "\n";
  }
  for (const RuleTrace& rule : trace) {
    if (rule.truth != Truth::kUndetermined) continue;
    std::string missing;
    for (const std::string& name : rule.missing) missing += Cat(missing.empty() ? "" : ", ", name);
    std::cout << "  not matched: " << rule.rule << " (" << rule.group << ")"
              << (missing.empty() ? "" : Cat("; missing: ", missing)) << "\n";
  }
  if (score.valid_until) std::cout << "  valid until " << FormatTime(*score.valid_until) << "\n";
}

void PrintHistory(const std::vector<Event>& history) {
  std::cout << "history\n";
  for (const Event& event : history) {
    std::cout << "  " << event.position << "  " << FormatTime(event.time) << "  " << event.type
              << "  by " << event.actor;
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    if (!payload.ok()) {
      std::cout << "\n";
      continue;
    }
    for (const auto& [name, text] : payload->details) std::cout << "  " << name << ": " << text;
    const absl::StatusOr<Activity> activity = DecodeActivity(payload->activity());
    if (!payload->activity().empty() && activity.ok()) std::cout << "  " << activity->kind;
    std::cout << "\n";
    if (!payload->assignment) continue;
    const Assignment& assignment = *payload->assignment;
    std::cout << "    assigned to " << (assignment.owner.empty() ? "nobody" : assignment.owner)
              << " (" << AssignmentHowName(assignment.how) << ")\n";
    for (const Assignment::Step& step : assignment.steps) {
      std::cout << "      " << step.what << ": " << step.answer << "\n";
    }
  }
}

// Calls `sink` with every lead, page by page.
template <typename Sink>
absl::Status EachLead(const Engine& engine, const Call& call, ListRequest request, Sink&& sink) {
  request.limit = kPage;
  do {
    absl::StatusOr<ListReply> reply = engine.List(call, request);
    if (!reply.ok()) return reply.status();
    for (const LeadRecord& record : reply->leads) {
      if (!std::cout || Interrupted()) return absl::OkStatus();
      sink(record);
    }
    request.cursor = reply->cursor;
  } while (!request.cursor.empty());
  return absl::OkStatus();
}

void WriteCellJson(const ReportCell& cell, JsonWriter* json) {
  if (const auto* text = std::get_if<std::string>(&cell)) return json->Text(*text);
  if (const auto* whole = std::get_if<int64_t>(&cell)) return json->Integer(*whole);
  if (const auto* real = std::get_if<double>(&cell)) return json->Real(*real);
  json->Null();
}

}  // namespace

int Show(const Options& options) {
  const Reading reading = OpenForReading(options);
  if (reading.session == nullptr) return reading.code;
  const Engine& engine = *reading.session->engine;
  const absl::StatusOr<LeadRecord> record = engine.Get(reading.call, options.id);
  if (!record.ok()) return Fail(record.status());
  const absl::StatusOr<std::vector<Event>> history = engine.History(reading.call, options.id);
  if (!history.ok()) return Fail(history.status());
  if (options.json) {
    PrintShowJson(*record, *history, engine.model().schema());
    return Finished(absl::OkStatus());
  }
  const absl::StatusOr<std::vector<RuleTrace>> trace = engine.Explain(reading.call, options.id);
  if (!trace.ok()) return Fail(trace.status());
  std::cout << "lead " << record->lead.id() << ", version " << record->lead.version() << "\n";
  PrintFields(record->lead);
  PrintScore(record->state.score, *trace);
  PrintHistory(*history);
  return Finished(absl::OkStatus());
}

int List(const Options& options) {
  const Reading reading = OpenForReading(options);
  if (reading.session == nullptr) return reading.code;
  ListRequest request;
  request.filter = options.filter;
  request.search = options.search;
  request.sort = options.sort;
  request.descending = options.descending;
  request.cursor = options.cursor;
  int64_t left = options.limit;
  while (left != 0) {
    request.limit = left < 0 ? kPage : static_cast<size_t>(std::min<int64_t>(left, kPage));
    const absl::StatusOr<ListReply> reply = reading.session->engine->List(reading.call, request);
    if (absl::IsInvalidArgument(reply.status())) {
      Complain(Message(reply.status()));
      return kWrong;
    }
    if (!reply.ok()) return Fail(reply.status());
    if (options.explain && request.cursor == options.cursor) Complain(reply->plan);
    for (const LeadRecord& record : reply->leads) PrintLead(record.lead);
    request.cursor = reply->cursor;
    if (left > 0) left -= static_cast<int64_t>(reply->leads.size());
    if (request.cursor.empty() || Interrupted() || !std::cout) break;
  }
  if (!request.cursor.empty() && options.limit > 0) {
    Complain(Cat("more: --cursor ", request.cursor));
  }
  return Finished(absl::OkStatus());
}

int Export(const Options& options) {
  if (options.skip_damaged) return ExportRest(options);
  const Reading reading = OpenForReading(options);
  if (reading.session == nullptr) return reading.code;
  const Engine& engine = *reading.session->engine;
  LeadWriter writer(*engine.model().schema(), options.format);
  return Finished(EachLead(engine, reading.call, {},
                           [&](const LeadRecord& record) { writer.Write(record.lead); }));
}

int MakeReport(const Options& options) {
  const Reading reading = OpenForReading(options);
  if (reading.session == nullptr) return reading.code;
  const Engine& engine = *reading.session->engine;
  std::vector<ReportState> states;
  for (const StateConfig& state : engine.model().lifecycle().states()) {
    states.push_back({state.name, state.type == StateType::kWon, state.type == StateType::kOpen});
  }
  const absl::StatusOr<std::unique_ptr<Report>> report =
      Report::Make(options.report, states, reading.call.now);
  if (!report.ok()) {
    Complain(Message(report.status()));
    return kWrong;
  }
  const absl::Status status = EachLead(engine, reading.call, {}, [&](const LeadRecord& record) {
    (*report)->Add(record.lead.view(&record.state.activities));
  });
  if (!status.ok() || Interrupted()) return Finished(status);
  JsonWriter json;
  json.StartObject();
  json.Member("report", options.report);
  json.Key("rows");
  json.StartArray();
  for (const ReportRow& row : (*report)->Rows()) {
    json.StartObject();
    for (size_t i = 0; i < row.size(); ++i) {
      json.Key((*report)->columns()[i]);
      WriteCellJson(row[i], &json);
    }
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  std::cout << json.Take() << "\n";
  return Finished(absl::OkStatus());
}

}  // namespace leadcore::cli
