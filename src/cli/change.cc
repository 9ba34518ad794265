// SPDX-License-Identifier: Apache-2.0
//
// update, transition, assign: what people change of one lead.
#include <iostream>
#include <utility>

#include "context.h"
#include "json_out.h"
#include "text.h"

namespace leadcore::cli {
namespace {

// google.rpc.Code, as `code` of a refusal.
std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

// What became of one command, as one line; a refusal goes to stderr in words, or with --json to
// stdout as an object. The exit code.
int Tell(const Options& options, const Engine& engine, const Call& call, const Reply& reply) {
  JsonWriter json;
  json.StartObject();
  if (!reply.status.ok()) {
    if (!options.json) return Fail(reply.status);
    json.Member("code", CodeName(reply.status.code()));
    json.Member("message", Message(reply.status));
    json.Member("rule", reply.rule);
    json.Key("missing");
    json.StartArray();
    for (const std::string& field : reply.missing) json.Text(field);
    json.EndArray();
    json.EndObject();
    std::cout << json.Take() << std::endl;
    return kFailed;
  }
  const absl::StatusOr<LeadRecord> record = engine.Get(call, reply.lead_id);
  if (!record.ok()) return Fail(record.status());
  json.Member("lead", reply.lead_id);
  json.Member("outcome", OutcomeName(reply.outcome));
  json.Member("version", record->lead.version());
  if (reply.outcome == Outcome::kAssigned || !reply.assignment.steps.empty()) {
    json.Member("owner", record->lead.text(field::kOwner));
    json.Member("pool", record->lead.text(field::kPool));
    json.Key("steps");
    json.StartArray();
    for (const Assignment::Step& step : reply.assignment.steps) {
      json.Text(Cat(step.what, ": ", step.answer));
    }
    json.EndArray();
  }
  json.Member("score", ShownPoints(record->state.score.total));
  json.Member("band", record->state.score.band);
  if (reply.replayed) {
    json.Key("replayed");
    json.Boolean(true);
  }
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return kDone;
}

// FIELD=VALUE, a blank value clears; read as a cell of a file is.
absl::Status ReadEdit(const Model& model, const std::string& text, UpdateLead* update) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return InvalidArgument("'", text, "' is no FIELD=VALUE");
  }
  const std::string name = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  update->fields.push_back(name);
  const Field* const field = model.schema()->Find(name);
  if (field == nullptr || value.empty()) return absl::OkStatus();  // the engine tells
  const ImportConfig& import = model.config().import;
  const CellOptions cell{{model.config().currency, import.day_first, import.decimal_comma}, false};
  const absl::Status status = ReadCell({name, field->id, "", ""}, value, cell, &update->values);
  if (!status.ok()) return InvalidArgument(name, ": ", Message(status));
  return absl::OkStatus();
}

std::optional<int64_t> Version(const Options& options) {
  if (options.version < 0) return std::nullopt;
  return options.version;
}

// One command through the engine, and told.
template <typename Body>
int Apply(const Options& options, Session& session, std::string_view what, Body body) {
  const absl::StatusOr<Call> call = MakeCall(options, RequestId(options, what));
  if (!call.ok()) return Fail(call.status());
  return Tell(options, *session.engine, *call, session.engine->Apply(*call, {"", std::move(body)}));
}

}  // namespace

int Update(const Options& options) {
  int code = kDone;
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  const Model& model = session->engine->model();
  UpdateLead update{options.id, Lead(model.schema()), {}, Version(options)};
  for (const std::string& edit : options.edits) {
    const absl::Status status = ReadEdit(model, edit, &update);
    if (status.ok()) continue;
    Complain(Message(status));
    return kWrong;
  }
  return Apply(options, *session, "update", std::move(update));
}

int Transition(const Options& options) {
  int code = kDone;
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  return Apply(options, *session, "transition",
               TransitionLead{options.id, options.status, options.reason, options.override_reason,
                              Version(options)});
}

int Assign(const Options& options) {
  using To = AssignLead::To;
  AssignLead assign{options.id, To::kAuto, options.member, options.reason, Version(options)};
  if (!options.member.empty()) assign.to = To::kMember;
  if (!options.pool.empty()) {
    assign.to = To::kPool;
    assign.name = options.pool;
  }
  if (options.release) assign.to = To::kNobody;
  const int ways = int{!options.member.empty()} + int{!options.pool.empty()} +
                   int{options.release} + int{options.automatic};
  if (ways != 1) {
    Complain("assign takes one of --to MEMBER, --pool POOL, --auto and --release");
    return kWrong;
  }
  int code = kDone;
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  return Apply(options, *session, "assign", std::move(assign));
}

}  // namespace leadcore::cli
