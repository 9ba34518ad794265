// SPDX-License-Identifier: Apache-2.0
//
// The demo: leads through the whole engine, and what came of them.
//
//   lead_demo --output DIR [FILE.csv]
//
// Without a file it makes 20,000 leads of its own (examples/generator). It imports them into
// DIR/leads.db with the default model (examples/models/b2b.json), logs a week of what they did,
// lets a week more go by, and tells what happened. Everything but the seconds is the same every
// time.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generator/generator.h"
#include "leadcore/csv.h"
#include "leadcore/engine.h"
#include "leadcore/model.h"
#include "leadcore/report.h"
#include "leadcore/sqlite_store.h"

namespace {

using leadcore::Call;
using leadcore::Command;
using leadcore::Engine;
using leadcore::LeadRecord;
using leadcore::Outcome;
using leadcore::Reply;

constexpr size_t kLeads = 20'000;
constexpr uint64_t kSeed = 20'260'601;
constexpr size_t kGroup = 1000;
constexpr std::string_view kNow = "2026-06-01T09:00:00Z";

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// The demo stops at the first thing that should not happen.
void Need(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "demo: " << Message(status) << "\n";
  std::exit(1);
}

class Demo {
 public:
  explicit Demo(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    for (const char* name : {"leads.db", "leads.db-wal", "leads.db-shm"}) {
      std::filesystem::remove(folder_ / name);
    }
    now_ = leadcore::FromMicros(*leadcore::ParseTime(kNow));
    auto store = leadcore::OpenSqliteStore({Database(), true, true});
    Need(store.status());
    store_ = *std::move(store);
    auto engine = Engine::Open({leadcore::Model::Default()}, store_.get(), At(now_, "open"));
    Need(engine.status());
    engine_ = *std::move(engine);
  }

  void MakeLeads() {
    generator::Leads leads(kSeed);
    leadcore::CsvWriter rows, truth;
    for (const std::string_view column : generator::Columns()) rows.Add(column);
    rows.EndRow();
    for (const std::string_view column : {"row", "kind", "person", "original"}) truth.Add(column);
    truth.EndRow();
    for (size_t i = 1; i <= kLeads; ++i) {
      const generator::Row row = leads.Next();
      for (const std::string& cell : row.cells) rows.Add(cell);
      rows.EndRow();
      truth.Add(std::to_string(i));
      truth.Add(generator::RowKindName(row.kind));
      truth.Add(std::to_string(row.person));
      truth.Add(std::to_string(row.original));
      truth.EndRow();
      kinds_.push_back(row.kind);
    }
    std::ofstream(folder_ / "leads.csv", std::ios::binary) << rows.text();
    std::ofstream(folder_ / "truth.csv", std::ios::binary) << truth.text();
  }

  void Import(const std::string& path) {
    const auto start = std::chrono::steady_clock::now();
    std::ifstream file(path, std::ios::binary);
    if (!file) Need(absl::NotFoundError("the file cannot be read: " + path));
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    auto csv = leadcore::CsvReader::Open(leadcore::CsvFromText(bytes));
    Need(csv.status());
    auto map = leadcore::MapHeader(csv->header(), *engine_->model().schema(), {});
    Need(map.status());
    Need(leadcore::CheckColumns(*map));
    std::vector<Command> commands;
    leadcore::CsvRow row;
    while (true) {
      const auto more = csv->Next(&row);
      Need(more.status());
      if (!*more) break;
      ++rows_;
      if (row.refused()) {
        outcomes_[Outcome::kRejected]++;
        reasons_[row.refusal]++;
        continue;
      }
      leadcore::Lead lead(engine_->model().schema());
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const auto& column = map->columns[i];
        const absl::Status status = leadcore::ReadCell(column, row.cells[i], {}, &lead);
        if (!status.ok()) {
          lead.AddIssue(engine_->model().schema()->at(*column.field).name, row.cells[i],
                        Message(status));
        }
      }
      commands.push_back(
          {"demo/" + std::to_string(row.number), leadcore::Submit{std::move(lead), true}});
      numbers_.push_back(row.number);
      if (commands.size() == kGroup) Apply(&commands);
    }
    Apply(&commands);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("Imported %s: %lld rows in %.1f s\n", path.c_str(), static_cast<long long>(rows_),
                seconds);
  }

  void LiveAWeek() {
    const std::vector<generator::Behaviour> week = generator::MakeWeek(leads_.size(), kSeed);
    std::vector<Command> commands;
    size_t logged = 0;
    const auto flush = [&] {
      for (const Reply& reply : engine_->ApplyMany(At(now_, "week"), commands)) {
        Need(reply.status);
        ++logged;
      }
      commands.clear();
    };
    for (size_t i = 0; i < week.size(); ++i) {
      leadcore::LogActivity log;
      log.activity.lead_id = leads_[week[i].lead];
      log.activity.kind = std::string(week[i].kind);
      log.activity.time = leadcore::ToMicros(now_) - week[i].seconds_ago * 1'000'000;
      for (const auto& [name, value] : week[i].attributes) {
        log.activity.attributes.emplace_back(name, value);
      }
      commands.push_back({"week/" + std::to_string(i), std::move(log)});
      if (commands.size() == kGroup) flush();
    }
    flush();
    std::printf("\nA week of behaviour: %zu activities of %zu leads\n", logged, leads_.size());
  }

  void Tick(int days) {
    now_ += absl::Hours(24 * days);
    const auto reply = engine_->Tick(At(now_, "tick"), 1'000'000);
    Need(reply.status());
    std::printf("\n%d days later: %zu scores due, %zu changed, %zu in another band\n", days,
                reply->due, reply->changed, reply->band_changed);
  }

  void TellOutcomes() const {
    std::printf("\n");
    for (const auto& [outcome, count] : outcomes_) {
      std::printf("%8lld %s\n", static_cast<long long>(count),
                  std::string(leadcore::OutcomeName(outcome)).c_str());
    }
    std::printf("\nRejected, and why\n");
    for (const auto& [reason, count] : reasons_) {
      std::printf("%8lld %s\n", static_cast<long long>(count), reason.c_str());
    }
    if (!kinds_.empty()) TellTruth();
  }

  void TellBands(const char* when) const {
    std::map<std::string, int64_t> bands;
    Each([&](const LeadRecord& record) { ++bands[record.state.score.band]; });
    std::printf("\nBands %s\n", when);
    for (const auto& band : engine_->model().scoring().config().bands) {
      std::printf("%8lld %s\n", static_cast<long long>(bands[band.name]), band.name.c_str());
    }
  }

  void TellReport(const char* name, const char* title) const {
    std::vector<leadcore::ReportState> states;
    for (const auto& state : engine_->model().lifecycle().states()) {
      states.push_back({state.name, state.type == leadcore::StateType::kWon,
                        state.type == leadcore::StateType::kOpen});
    }
    const auto report = leadcore::Report::Make(name, states, now_);
    Need(report.status());
    Each([&](const LeadRecord& record) { (*report)->Add(record.lead.view()); });
    std::printf("\n%s\n", title);
    for (const leadcore::ReportRow& row : (*report)->Rows()) {
      const auto* text = std::get_if<std::string>(&row[0]);
      std::printf("%8lld %s\n", static_cast<long long>(std::get<int64_t>(row[1])),
                  text == nullptr ? "(nobody: closed before they came)" : text->c_str());
    }
  }

  void TellHottest() const {
    leadcore::ListRequest request;
    request.sort = "score";
    request.descending = true;
    request.limit = 5;
    const auto list = engine_->List(At(now_, "list"), request);
    Need(list.status());
    std::printf("\nThe five hottest leads, every point explained\n");
    for (const LeadRecord& record : list->leads) {
      const leadcore::Lead& lead = record.lead;
      const auto text = [&](leadcore::FieldId id) { return std::string(lead.text(id)); };
      std::printf("\n  %lld  %s, %s at %s (owner %s)\n  id %s\n",
                  static_cast<long long>(leadcore::ShownPoints(record.state.score.total)),
                  text(leadcore::field::kFullName).c_str(),
                  text(leadcore::field::kJobTitle).c_str(), text(leadcore::field::kCompany).c_str(),
                  text(leadcore::field::kOwner).c_str(), text(leadcore::field::kId).c_str());
      for (const leadcore::LedgerEntry& entry : record.state.score.ledger) {
        std::printf("    %+4lld  %s%s%s\n",
                    static_cast<long long>(leadcore::ShownPoints(entry.points)),
                    entry.group.c_str(), entry.group.empty() ? "" : ": ", entry.rule.c_str());
      }
      hottest_ = hottest_.empty() ? text(leadcore::field::kId) : hottest_;
    }
  }

  void TellNext() const {
    const std::string db = Database();
    std::printf("\nWhat to try next\n");
    std::printf("  ./lead show --db %s %s\n", db.c_str(), hottest_.c_str());
    std::printf("  ./lead list --db %s --filter 'lead.country == \"US\" && lead.score >= 70'\n",
                db.c_str());
    std::printf("  ./lead report --db %s source\n", db.c_str());
    std::printf("  ./lead feed --db %s --limit 3\n", db.c_str());
    std::printf("  ./lead check examples/models/b2b.json\n");
    std::printf("  ./lead demo YOUR_LEADS.csv\n");
  }

 private:
  std::string Database() const { return (folder_ / "leads.db").string(); }

  static Call At(absl::Time now, std::string request_id) {
    return {now, "demo", std::move(request_id), "demo"};
  }

  void Apply(std::vector<Command>* commands) {
    const std::vector<Reply> replies = engine_->ApplyMany(At(now_, "import"), *commands);
    for (size_t i = 0; i < replies.size(); ++i) {
      const Reply& reply = replies[i];
      if (reply.outcome == Outcome::kFailed) Need(reply.status);
      ++outcomes_[reply.outcome];
      if (reply.outcome == Outcome::kRejected) ++reasons_[Message(reply.status)];
      if (reply.outcome == Outcome::kCreated) leads_.push_back(reply.lead_id);
      Judge(static_cast<size_t>(numbers_[i]), reply);
    }
    commands->clear();
    numbers_.clear();
  }

  // What the generator knows of the row, against what the engine found.
  void Judge(size_t number, const Reply& reply) {
    if (number > kinds_.size()) return;
    const generator::RowKind kind = kinds_[number - 1];
    const bool broken = kind == generator::RowKind::kNoContact ||
                        kind == generator::RowKind::kNoName ||
                        kind == generator::RowKind::kBadEmail;
    const bool twice = kind != generator::RowKind::kOriginal && !broken;
    const bool found = reply.outcome == Outcome::kDuplicate || !reply.hits.empty();
    planted_ += twice;
    planted_found_ += twice && found;
    false_alarms_ += !twice && !broken && found;
    broken_ += broken;
    broken_found_ += broken && reply.outcome == Outcome::kRejected;
  }

  void TellTruth() const {
    const auto number = [](int64_t n) { return static_cast<long long>(n); };
    std::printf("\nDuplicates, against the truth beside the file\n");
    std::printf(
        "%8lld people who came again, %lld of them found (refused by e-mail, or flagged by "
        "phone or company and name)\n",
        number(planted_), number(planted_found_));
    std::printf("%8lld new people found to be like somebody else\n", number(false_alarms_));
    std::printf("%8lld broken rows, %lld of them rejected\n", number(broken_),
                number(broken_found_));
  }

  template <typename Sink>
  void Each(Sink&& sink) const {
    leadcore::ListRequest request;
    request.limit = 10'000;
    do {
      const auto reply = engine_->List(At(now_, "list"), request);
      Need(reply.status());
      for (const LeadRecord& record : reply->leads) sink(record);
      request.cursor = reply->cursor;
    } while (!request.cursor.empty());
  }

  const std::filesystem::path folder_;
  absl::Time now_;
  std::unique_ptr<leadcore::Store> store_;
  std::unique_ptr<Engine> engine_;
  std::vector<generator::RowKind> kinds_;  // of the rows; empty for a file of somebody else
  std::vector<int64_t> numbers_;           // rows of the commands that wait
  std::vector<std::string> leads_;         // ids of those created
  int64_t rows_ = 0;
  std::map<Outcome, int64_t> outcomes_;
  std::map<std::string, int64_t> reasons_;
  int64_t planted_ = 0, planted_found_ = 0, false_alarms_ = 0, broken_ = 0, broken_found_ = 0;
  mutable std::string hottest_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string folder = "build/demo", file;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--output" && i + 1 < argc) {
      folder = argv[++i];
    } else if (file.empty() && !word.starts_with("-")) {
      file = word;
    } else {
      std::cerr << "usage: lead_demo [--output DIR] [FILE.csv]\n";
      return 2;
    }
  }
  Demo demo(folder);
  if (file.empty()) {
    demo.MakeLeads();
    file = folder + "/leads.csv";
  }
  demo.Import(file);
  demo.TellOutcomes();
  demo.TellBands("after import");
  demo.LiveAWeek();
  demo.TellBands("after the week");
  demo.Tick(8);
  demo.TellBands("then");
  demo.TellReport("rep", "Leads per member");
  demo.TellReport("funnel", "Funnel");
  demo.TellHottest();
  demo.TellNext();
  return 0;
}
