// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <utility>

#include "context.h"
#include "json_out.h"
#include "progress.h"
#include "rows.h"
#include "text.h"

namespace leadcore::cli {
namespace {

constexpr size_t kGroup = 1000;
constexpr size_t kMostReasons = 5;

class Importer {
 public:
  Importer(const Options& options, Engine& engine, Call call, InputFile& input, RowReader& rows)
      : options_(options),
        engine_(engine),
        call_(std::move(call)),
        input_(input),
        rows_(rows),
        unmapped_(rows.Unmapped()),
        progress_(Cat("importing ", options.file), input.size()) {
    call_.request_id = Cat("import/", input.hash(), "/", HashText(rows.Resolved()));
  }

  int Run() {
    if (!OpenRejects()) return kFailed;
    NameColumns();
    CsvRow row;
    absl::StatusOr<bool> more = true;
    while (failure_.ok() && !Interrupted()) {
      more = rows_.Next(&row);
      if (!more.ok() || !*more) break;
      ++rows_read_;
      if (row.refused()) {
        Reject(row, row.refusal);
      } else {
        Keep(row);
      }
      if (commands_.size() == kGroup) Flush();
      progress_.Update(input_.position(), rows_read_);
    }
    if (failure_.ok()) Flush();
    return Finish(more.ok() ? absl::OkStatus() : more.status());
  }

 private:
  // A row on its way through the engine, with what is written back when it is refused.
  struct Pending {
    int64_t row = 0;
    std::vector<std::string> cells;
  };

  // Whether a file holds rejected rows of an earlier run.
  static bool HoldsRejects(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string header;
    std::getline(file, header);
    return header.find(kRejectColumn) != std::string::npos;
  }

  bool RefuseRejects(std::string_view why) const {
    Complain(Cat("--rejects: ", options_.rejects, " ", why));
    return false;
  }

  // Rejected rows of an earlier run, perhaps half mended, are kept under another name; any other
  // file stays as it is.
  bool OpenRejects() {
    const std::string& path = options_.rejects;
    if (path.empty()) return true;
    std::error_code error;
    if (IsFileOf(options_.db, path)) return RefuseRejects("is the database's own; name a new file");
    if (std::filesystem::equivalent(path, options_.file, error)) {
      return RefuseRejects("is the file that is imported; name a new file");
    }
    const bool used = std::filesystem::is_regular_file(path, error) &&
                      std::filesystem::file_size(path, error) > 0;
    if (used && !HoldsRejects(path)) {
      return RefuseRejects("is there already and holds no rejected rows; name a new file");
    }
    const bool link = std::filesystem::is_symlink(path, error);
    const std::string file = link ? std::filesystem::canonical(path, error).string() : path;
    if (used) {
      int number = 1;
      do {
        earlier_ = Cat(file, ".", number++);
      } while (std::filesystem::exists(earlier_, error));
      std::filesystem::rename(file, earlier_, error);
      if (error) return RefuseRejects("is there already and cannot be renamed; name a new file");
    }
    rejects_.open(path, std::ios::binary | std::ios::trunc);
    if (rejects_) return true;
    if (used) std::filesystem::rename(earlier_, file, error);
    return RefuseRejects("cannot be written");
  }

  static bool SameContent(const std::string& one, const std::string& other) {
    std::ifstream files[] = {std::ifstream(one, std::ios::binary),
                             std::ifstream(other, std::ios::binary)};
    return std::equal(std::istreambuf_iterator<char>(files[0]), {},
                      std::istreambuf_iterator<char>(files[1]), {});
  }

  // The same rows again need no second file.
  void TellEarlierRejects() const {
    if (earlier_.empty()) return;
    std::error_code error;
    if (SameContent(earlier_, options_.rejects)) {
      std::filesystem::remove(earlier_, error);
    } else {
      Complain(Cat("--rejects: what ", options_.rejects, " held before is in ", earlier_));
    }
  }

  void NameColumns() {
    for (const CsvColumn& column : rows_.map().columns) {
      if (column.field || column.header == kRejectColumn) continue;
      Complain(Cat("column '", column.header, "' is not imported",
                   column.reason.empty() ? "" : Cat(": ", column.reason)));
    }
    for (const std::string& header : rows_.map().unused) {
      if (!options_.map.empty()) Complain(Cat("the file has no column '", header, "'"));
    }
  }

  void Keep(const CsvRow& row) {
    Pending pending;
    pending.row = row.number;
    if (rejects_.is_open()) {
      for (const std::string_view cell : row.cells) pending.cells.emplace_back(cell);
    }
    pending_.push_back(std::move(pending));
    commands_.push_back({Cat(call_.request_id, "/", row.number), Submit{rows_.ToLead(row), true}});
  }

  void Flush() {
    // Each group has the time at which it came in, so that ids rise from group to group and their
    // index entries come to lie together.
    const absl::StatusOr<absl::Time> now = Now(options_);
    if (now.ok()) call_.now = *now;
    const std::vector<Reply> replies = engine_.ApplyMany(call_, commands_);
    for (size_t i = 0; i < replies.size(); ++i) Count(replies[i], pending_[i]);
    commands_.clear();
    pending_.clear();
  }

  void Count(const Reply& reply, const Pending& pending) {
    if (reply.replayed) {
      ++skipped_;
      return;
    }
    switch (reply.outcome) {
      case Outcome::kFailed:
        failure_ = reply.status;
        --rows_read_;
        return;
      case Outcome::kRejected:
        ++counts_[reply.outcome];
        WriteReject(pending.cells, Message(reply.status), DetailsOf(reply));
        return;
      case Outcome::kDuplicate:
        if (first_duplicate_.empty()) {
          first_duplicate_ = Cat("row ", pending.row, ", is lead ", reply.lead_id);
        }
        ++counts_[reply.outcome];
        return;
      default:
        ++counts_[reply.outcome];
        if (reply.outcome == Outcome::kCreated && !reply.hits.empty()) ++flagged_;
        if (!reply.issues.empty()) ++with_issues_;
    }
  }

  void Reject(const CsvRow& row, std::string_view reason) {
    ++counts_[Outcome::kRejected];
    WriteReject({row.text}, Cat("line ", row.line, ": ", reason));
  }

  // What of the row could not be read: "; email 'x@@y': …".
  static std::string DetailsOf(const Reply& reply) {
    std::string details;
    for (const Record& issue : reply.issues) {
      details += Cat("; ", issue[0].value_or(""), " '", issue[1].value_or(""),
                     "': ", issue[2].value_or(""));
    }
    return details;
  }

  // Rejects are counted by `reason`; `details` are the row's own.
  void WriteReject(const std::vector<std::string>& cells, std::string_view reason,
                   std::string_view details = "") {
    ++reasons_[std::string(reason)];
    if (!rejects_.is_open()) return;
    CsvWriter csv;
    if (!rejects_header_) {
      for (const CsvColumn& column : rows_.map().columns) {
        if (column.header != kRejectColumn) csv.Add(column.header);
      }
      csv.Add(kRejectColumn);
      csv.EndRow();
      rejects_header_ = true;
    }
    for (size_t i = 0; i < rows_.map().columns.size(); ++i) {
      if (rows_.map().columns[i].header == kRejectColumn) continue;
      csv.Add(i < cells.size() ? cells[i] : std::string());
    }
    csv.Add(Cat(reason, details));
    csv.EndRow();
    rejects_ << csv.text();
  }

  int64_t CountOf(Outcome outcome) const {
    const auto at = counts_.find(outcome);
    return at == counts_.end() ? 0 : at->second;
  }

  void TellReasons() const {
    std::vector<std::pair<int64_t, std::string>> most;
    for (const auto& [reason, count] : reasons_) most.emplace_back(-count, reason);
    std::sort(most.begin(), most.end());
    for (size_t i = 0; i < most.size() && i < kMostReasons; ++i) {
      Complain(Cat(-most[i].first, " rejected: ", most[i].second));
    }
    if (most.size() > kMostReasons) {
      Complain(Cat("and ", most.size() - kMostReasons, " more reasons"));
    }
    const int64_t duplicates = CountOf(Outcome::kDuplicate);
    if (duplicates > 0) {
      Complain(Cat(duplicates, " duplicate: of such rows nothing is taken; the first, ",
                   first_duplicate_));
    }
    if (flagged_ > 0) {
      Complain(Cat(flagged_, " created may be duplicates: data_issues names who has the same key"));
    }
    if (with_issues_ > 0) {
      Complain(Cat(with_issues_, " have values that cannot be read: data_issues keeps them"));
    }
    if (!reasons_.empty() && options_.rejects.empty()) {
      Complain(
          "--rejects FILE writes the rejected rows with their reasons, to be mended and "
          "imported again");
    }
  }

  void PrintResult() const {
    JsonWriter json;
    json.StartObject();
    json.Member("file", options_.file);
    json.Member("rows", rows_read_);
    json.Member("created", CountOf(Outcome::kCreated));
    json.Member("merged", CountOf(Outcome::kFilled));
    json.Member("attached", CountOf(Outcome::kAttached));
    json.Member("duplicate", CountOf(Outcome::kDuplicate));
    json.Member("rejected", CountOf(Outcome::kRejected));
    json.Member("skipped", skipped_);
    json.Key("unmapped");
    json.StartArray();
    for (const std::string& header : unmapped_) json.Text(header);
    json.EndArray();
    json.Key("seconds");
    json.Real(static_cast<double>(static_cast<int64_t>(progress_.Seconds() * 1000)) / 1000);
    if (options_.dry_run) {
      json.Key("dry_run");
      json.Boolean(true);
    }
    json.EndObject();
    std::cout << json.Take() << std::endl;
  }

  int Finish(const absl::Status& reading) {
    rejects_.close();
    if (!options_.rejects.empty() && !rejects_) {
      Complain(Cat("--rejects: writing ", options_.rejects, " failed; rejected rows are missing"));
      if (failure_.ok()) failure_ = absl::DataLossError("the file of rejected rows is incomplete");
    }
    if (failure_.ok() && !reading.ok()) failure_ = reading;
    TellReasons();
    TellEarlierRejects();
    if (!failure_.ok()) {
      Complain(Message(failure_));
      Complain(
          "what is in stays in; run the same command again to go on, rows that are in are "
          "skipped");
      return kFailed;
    }
    PrintResult();
    if (!Interrupted()) return kDone;
    Complain(Cat("interrupted after ", rows_read_,
                 " rows, which are in; run the same command again to go on, they will be skipped"));
    return kInterrupted;
  }

  const Options& options_;
  Engine& engine_;
  Call call_;
  InputFile& input_;
  RowReader& rows_;
  const std::vector<std::string> unmapped_;
  Progress progress_;
  std::vector<Command> commands_;
  std::vector<Pending> pending_;
  std::ofstream rejects_;
  std::string earlier_;  // where rejected rows of an earlier run went
  bool rejects_header_ = false;
  int64_t rows_read_ = 0;
  int64_t skipped_ = 0;
  int64_t flagged_ = 0, with_issues_ = 0;
  std::map<Outcome, int64_t> counts_;
  std::map<std::string, int64_t> reasons_;
  std::string first_duplicate_;  // which row, of which lead
  absl::Status failure_;
};

// A file that holds no leads leaves no empty database behind.
int CheckFirst(const Options& options, InputFile* input) {
  const std::shared_ptr<const Model> model = ModelOrDefault(options);
  if (model == nullptr) return kWrong;
  const absl::Status status = RowReader::Open(options, *model, input).status();
  if (!status.ok()) return Fail(InvalidArgument(options.file, ": ", Message(status)));
  input->Rewind();
  return kDone;
}

}  // namespace

int Import(const Options& options) {
  absl::StatusOr<InputFile> input = InputFile::Open(options.file);
  if (!input.ok()) return Fail(input.status());
  int code = std::filesystem::exists(options.db) ? kDone : CheckFirst(options, &*input);
  if (code != kDone) return code;
  const std::unique_ptr<Session> session =
      Open(options, options.dry_run ? Access::kDryRun : Access::kCreate, &code);
  if (session == nullptr) return code;
  const absl::StatusOr<std::unique_ptr<RowReader>> rows =
      RowReader::Open(options, session->engine->model(), &*input);
  if (!rows.ok()) return Fail(InvalidArgument(options.file, ": ", Message(rows.status())));
  absl::StatusOr<Call> call = MakeCall(options, "import");
  if (!call.ok()) return Fail(call.status());
  CatchInterrupts();
  return Importer(options, *session->engine, *std::move(call), *input, **rows).Run();
}

}  // namespace leadcore::cli
