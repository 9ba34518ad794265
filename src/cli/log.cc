// SPDX-License-Identifier: Apache-2.0
//
// log and tick.
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <map>
#include <utility>

#include "context.h"
#include "json_out.h"
#include "model/json.h"
#include "model_file.h"
#include "progress.h"
#include "rows.h"
#include "text.h"

namespace leadcore::cli {
namespace {

constexpr size_t kGroup = 1000;
constexpr size_t kTickPage = 10'000;
constexpr int64_t kMostComplaints = 20;

absl::StatusOr<int64_t> TimeOf(std::string_view name, std::string_view text) {
  const absl::StatusOr<Value> value = ParseValue(Type::kTime, text, {});
  if (!value.ok()) return InvalidArgument(name, ": ", Message(value.status()));
  return value->micros();
}

absl::StatusOr<Attribute> AttributeOf(const Json& json) {
  const char* end = json.text.data() + json.text.size();
  int64_t whole = 0;
  double real = 0;
  switch (json.kind) {
    case Json::Kind::kString:
      return Attribute(json.text);
    case Json::Kind::kBoolean:
      return Attribute(json.boolean);
    case Json::Kind::kNumber:
      if (std::from_chars(json.text.data(), end, whole).ptr == end) return Attribute(whole);
      std::from_chars(json.text.data(), end, real);
      return Attribute(real);
    default:
      return InvalidArgument("attributes are text, numbers and booleans");
  }
}

// One line of a file of activities.
class LineReader {
 public:
  absl::StatusOr<LogActivity> Read(const Json& json, std::string* request_id) {
    if (json.kind != Json::Kind::kObject) return InvalidArgument("a line is one JSON object");
    for (size_t i = 0; i < json.keys.size(); ++i) {
      const absl::Status status = Member(json.keys[i].first, json.items[i], request_id);
      if (!status.ok()) return status;
    }
    if (log_.activity.kind.empty()) return InvalidArgument("kind is missing");
    return std::move(log_);
  }

 private:
  absl::Status Member(const std::string& name, const Json& value, std::string* request_id) {
    if (value.kind == Json::Kind::kNull) return absl::OkStatus();
    if (name == "attributes") return Attributes(value);
    if (name == "tags") return Tags(value);
    if (value.kind != Json::Kind::kString) return InvalidArgument(name, ": expected text");
    Activity& activity = log_.activity;
    const std::map<std::string_view, std::string*> texts = {
        {"lead", &activity.lead_id}, {"lead_id", &activity.lead_id},
        {"kind", &activity.kind},    {"actor", &activity.actor},
        {"email", &log_.email},      {"external_id", &log_.external_id},
        {"request_id", request_id}};
    const auto at = texts.find(name);
    if (at != texts.end()) {
      *at->second = value.text;
    } else if (name == "outcome") {
      activity.outcome = value.text;
    } else if (name == "next_step") {
      activity.next_step = value.text;
    } else if (name == "time" || name == "due") {
      const absl::StatusOr<int64_t> time = TimeOf(name, value.text);
      if (!time.ok()) return time.status();
      name == "time" ? void(activity.time = *time) : void(activity.due = *time);
    } else {
      return InvalidArgument("unknown member '", name,
                             "' (members: lead, external_id, email, kind, actor, time, outcome, ",
                             "next_step, due, tags, attributes, request_id)");
    }
    return absl::OkStatus();
  }

  absl::Status Attributes(const Json& json) {
    if (json.kind != Json::Kind::kObject) return InvalidArgument("attributes is an object");
    for (size_t i = 0; i < json.keys.size(); ++i) {
      absl::StatusOr<Attribute> attribute = AttributeOf(json.items[i]);
      if (!attribute.ok()) return attribute.status();
      log_.activity.attributes.emplace_back(json.keys[i].first, *std::move(attribute));
    }
    return absl::OkStatus();
  }

  absl::Status Tags(const Json& json) {
    if (json.kind != Json::Kind::kArray) return InvalidArgument("tags is an array of texts");
    for (const Json& item : json.items) {
      if (item.kind != Json::Kind::kString) return InvalidArgument("tags is an array of texts");
      log_.activity.tags.push_back(item.text);
    }
    return absl::OkStatus();
  }

  LogActivity log_;
};

// The lines of a file, through the engine in groups.
class Logger {
 public:
  Logger(const Options& options, Engine& engine, Call call, InputFile& input)
      : options_(options),
        engine_(engine),
        call_(std::move(call)),
        input_(input),
        progress_(Cat("logging ", options.file), input.size()) {
    call_.request_id = Cat("log/", input.hash());
  }

  int Run() {
    CsvReader::Source source = input_.Source();
    std::vector<char> chunk(size_t{1} << 18);
    std::string rest;
    bool end = false;
    while (!end && failure_.ok() && !Interrupted()) {
      const absl::StatusOr<size_t> read = source(chunk);
      if (!read.ok()) return Fail(read.status());
      end = *read == 0;
      rest.append(chunk.data(), *read);
      size_t start = 0;
      while (failure_.ok() && !Interrupted()) {
        const size_t newline = rest.find('\n', start);
        if (newline == std::string::npos) break;
        Line(std::string_view(rest).substr(start, newline - start));
        start = newline + 1;
      }
      rest.erase(0, start);
      if (end && !rest.empty() && !Interrupted()) Line(rest);
    }
    if (failure_.ok()) Flush();
    return Finish();
  }

 private:
  void Line(std::string_view line) {
    ++line_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    ++rows_;
    Faults faults;
    const std::optional<Json> json = ParseJson(line, &faults);
    if (!json) return Reject(line_, FormatFaults(faults));
    std::string request_id = Cat(call_.request_id, "/", line_);
    absl::StatusOr<LogActivity> log = LineReader().Read(*json, &request_id);
    if (!log.ok()) return Reject(line_, Message(log.status()));
    commands_.push_back({std::move(request_id), *std::move(log)});
    lines_.push_back(line_);
    if (commands_.size() == kGroup) Flush();
    progress_.Update(input_.position(), rows_);
  }

  void Reject(int64_t line, std::string_view reason) {
    ++rejected_;
    if (rejected_ <= kMostComplaints) Complain(Cat(options_.file, ":", line, ": ", reason));
  }

  void Flush() {
    const std::vector<Reply> replies = engine_.ApplyMany(call_, commands_);
    for (size_t i = 0; i < replies.size(); ++i) {
      if (replies[i].replayed) {
        ++skipped_;
      } else if (replies[i].status.ok()) {
        ++logged_;
      } else if (replies[i].outcome == Outcome::kFailed) {
        failure_ = replies[i].status;
      } else {
        Reject(lines_[i], Message(replies[i].status));
      }
    }
    commands_.clear();
    lines_.clear();
  }

  int Finish() {
    if (rejected_ > kMostComplaints) {
      Complain(Cat("and ", rejected_ - kMostComplaints, " more rejected"));
    }
    if (!failure_.ok()) return Fail(failure_);
    JsonWriter json;
    json.StartObject();
    json.Member("file", options_.file);
    json.Member("rows", rows_);
    json.Member("logged", logged_);
    json.Member("rejected", rejected_);
    json.Member("skipped", skipped_);
    json.Key("seconds");
    json.Real(static_cast<double>(static_cast<int64_t>(progress_.Seconds() * 1000)) / 1000);
    json.EndObject();
    std::cout << json.Take() << std::endl;
    if (!Interrupted()) return kDone;
    Complain("interrupted; run the same command again to go on, what is in will be skipped");
    return kInterrupted;
  }

  const Options& options_;
  Engine& engine_;
  Call call_;
  InputFile& input_;
  Progress progress_;
  std::vector<Command> commands_;
  std::vector<int64_t> lines_;
  int64_t line_ = 0, rows_ = 0, logged_ = 0, rejected_ = 0, skipped_ = 0;
  absl::Status failure_;
};

// What the options say of one activity.
absl::StatusOr<LogActivity> FromOptions(const Options& options) {
  LogActivity log;
  log.external_id = options.external_id;
  log.email = options.email;
  Activity& activity = log.activity;
  activity.lead_id = options.lead;
  activity.kind = options.kind;
  activity.tags = options.tags;
  if (!options.outcome.empty()) activity.outcome = options.outcome;
  if (!options.next_step.empty()) activity.next_step = options.next_step;
  if (!options.time.empty()) {
    const absl::StatusOr<int64_t> time = TimeOf("--time", options.time);
    if (!time.ok()) return time.status();
    activity.time = *time;
  }
  if (!options.due.empty()) {
    const absl::StatusOr<int64_t> due = TimeOf("--due", options.due);
    if (!due.ok()) return due.status();
    activity.due = *due;
  }
  for (const std::string& text : options.attributes) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return InvalidArgument("--attribute ", text, ": name=value");
    const std::string value = text.substr(equals + 1);
    Faults ignored;  // what is no JSON scalar is text
    const std::optional<Json> json = ParseJson(value, &ignored);
    absl::StatusOr<Attribute> attribute = Attribute(value);
    if (json && json->kind != Json::Kind::kString) attribute = AttributeOf(*json);
    activity.attributes.emplace_back(text.substr(0, equals),
                                     attribute.ok() ? *attribute : Attribute(value));
  }
  return log;
}

int LogOne(const Options& options, Engine& engine, const Call& call) {
  const absl::StatusOr<LogActivity> log = FromOptions(options);
  if (!log.ok()) {
    Complain(Message(log.status()));
    return kWrong;
  }
  const Reply reply = engine.Apply(call, {"", *log});
  if (!reply.status.ok()) return Fail(reply.status);
  Score score = reply.score;
  if (reply.replayed) {
    const absl::StatusOr<LeadRecord> record = engine.Get(call, reply.lead_id);
    if (!record.ok()) return Fail(record.status());
    score = record->state.score;
  }
  JsonWriter json;
  json.StartObject();
  json.Member("activity", reply.activity_id);
  json.Member("lead", reply.lead_id);
  json.Member("score", ShownPoints(score.total));
  json.Member("band", score.band);
  if (reply.replayed) {
    json.Key("replayed");
    json.Boolean(true);
  }
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return kDone;
}

}  // namespace

int LogActivities(const Options& options) {
  const bool one = !options.kind.empty();
  Options named = options;
  if (!one && named.file.empty() && isatty(STDIN_FILENO) == 0) named.file = "-";
  if (one != named.file.empty()) {
    Complain("log takes either --kind for one activity, or a FILE of them (- for stdin)");
    return kWrong;
  }
  int code = kFailed;
  std::optional<InputFile> input;
  if (!one) {
    absl::StatusOr<InputFile> opened = InputFile::Open(named.file);
    if (!opened.ok()) return Fail(opened.status());
    input.emplace(*std::move(opened));
  }
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  absl::StatusOr<Call> call = MakeCall(options, "log");
  if (!call.ok()) return Fail(call.status());
  if (one) {
    call->request_id = RequestId(options, "log");
    return LogOne(options, *session->engine, *call);
  }
  CatchInterrupts();
  return Logger(named, *session->engine, *std::move(call), *input).Run();
}

int TickAll(const Options& options) {
  int code = kFailed;
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  const absl::StatusOr<Call> call = MakeCall(options, "tick");
  if (!call.ok()) return Fail(call.status());
  CatchInterrupts();
  TickReply sum;
  do {
    const absl::StatusOr<TickReply> reply = session->engine->Tick(*call, kTickPage);
    if (!reply.ok()) return Fail(reply.status());
    sum.due += reply->due;
    sum.changed += reply->changed;
    sum.band_changed += reply->band_changed;
    sum.more = reply->more;
  } while (sum.more && !Interrupted());
  JsonWriter json;
  json.StartObject();
  json.Member("due", static_cast<int64_t>(sum.due));
  json.Member("changed", static_cast<int64_t>(sum.changed));
  json.Member("band_changed", static_cast<int64_t>(sum.band_changed));
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return Interrupted() ? kInterrupted : kDone;
}

}  // namespace leadcore::cli
