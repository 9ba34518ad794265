// SPDX-License-Identifier: Apache-2.0
//
// leadcore: the command. Results go to stdout, everything else to stderr.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "text.h"

namespace leadcore::cli {
namespace {

using Run = int (*)(const Options&);

constexpr const char* kMap = "a CSV of two columns: header,field";
constexpr const char* kFooter =
    "Exit codes: 0 done (rejected rows are reported, not an error), 1 failed, 2 wrong usage or "
    "model, 3 incomplete (export --skip-damaged), 130 interrupted.";

CLI::Validator AtLeast(int64_t least) {
  return {[least](std::string& text) -> std::string {
            int64_t number = 0;
            if (CLI::detail::lexical_cast(text, number) && number >= least) return "";
            return "'" + text + "' is no whole number from " + std::to_string(least) + " on";
          },
          ""};
}

class Command {
 public:
  Command() : app_("leadcore: the lead engine, from the command line") {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    app_.add_option("--now", options_.now, "the time of the call (RFC 3339); default: the clock");
    app_.add_option("--actor", options_.actor, "who does it, for the audit trail; default: $USER");
    app_.add_flag("--json", options_.json, "for programs: one JSON object a line");
    app_.set_version_flag("--version", std::string("leadcore ") + LEADCORE_VERSION);
    app_.footer(kFooter);
    Models();
    Writing();
    Changing();
    Reading();
    Keeping();
  }

  int Main(int argc, char** argv) {
    // CLI11 reads from the back.
    std::vector<std::string> words = WordFirst({argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());
    try {
      app_.name(argv[0]);
      app_.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() != 0 && !unknown_.empty()) return NoSubcommand();
      return app_.exit(error) == 0 ? kDone : kWrong;
    }
    return run_(options_);
  }

 private:
  // Whether the option `name` of any subcommand is followed by a value.
  bool TakesValue(const std::string& name) const {
    const auto takes = [&name](const CLI::App& app) {
      const CLI::Option* option = app.get_option_no_throw(name);
      return option != nullptr && option->get_items_expected_max() > 0;
    };
    const std::vector<const CLI::App*> subs = app_.get_subcommands({});
    return takes(app_) ||
           std::ranges::any_of(subs, [&](const CLI::App* sub) { return takes(*sub); });
  }

  // The arguments with the subcommand in front, wherever it stood: options may come before it.
  std::vector<std::string> WordFirst(std::vector<std::string> words) {
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i].starts_with("-")) {
        if (TakesValue(words[i])) ++i;
      } else if (std::ranges::find(names_, words[i]) != names_.end()) {
        std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i),
                    words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        unknown_.clear();
        break;
      } else if (unknown_.empty()) {
        unknown_ = words[i];
      }
    }
    return words;
  }

  int NoSubcommand() const {
    const std::vector<std::string_view> names(names_.begin(), names_.end());
    const std::string_view closest = ClosestName(unknown_, names.data(), names.size());
    Complain(Cat("there is no subcommand '", unknown_, "'", DidYouMean(closest),
                 " (leadcore --help lists them)"));
    return kWrong;
  }

  CLI::App* Add(std::string name, std::string what, Run run) {
    names_.push_back(name);
    CLI::App* sub = app_.add_subcommand(std::move(name), std::move(what));
    sub->footer(std::string("Also, everywhere: --now TIME, --actor NAME, --json.\n") + kFooter);
    sub->callback([this, run] { run_ = run; });
    return sub;
  }

  void Db(CLI::App* sub) {
    sub->add_option("--db", options_.db, "the database, a file")->required();
  }
  // Of a command that writes.
  void OwnDb(CLI::App* sub) {
    Db(sub);
    sub->add_option_function<std::string>(
        "--wait",
        [this](const std::string& text) {
          const absl::StatusOr<Value> value = ParseValue(Type::kDuration, text, {});
          if (!value.ok() || value->micros() < 0) {
            throw CLI::ValidationError("--wait", "'" + text + "' is no time to wait, such as 10s");
          }
          options_.wait = absl::Microseconds(value->micros());
        },
        "how long to wait while another process writes, such as 10s; default: not at all");
  }
  void ModelOption(CLI::App* sub, const char* what) {
    sub->add_option("--model", options_.model, what);
  }
  void File(CLI::App* sub, const char* what, bool required) {
    CLI::Option* option = sub->add_option("FILE", options_.file, what);
    if (required) option->required();
  }
  void Csv(CLI::App* sub, const char* map) {
    sub->add_option("--map", options_.map, map);
    sub->add_option_function<std::string>(
        "--encoding",
        [this](const std::string& name) {
          const std::optional<CsvEncoding> encoding = CsvEncodingFromName(name);
          if (!encoding) throw CLI::ValidationError("--encoding", "'" + name + "' is not known");
          options_.csv.encoding = *encoding;
        },
        "of the file: detect, utf-8, utf-16le, utf-16be, windows-1252");
    sub->add_option_function<std::string>(
        "--delimiter",
        [this](const std::string& text) {
          const bool tab = text == "tab" || text == "\\t";
          if (text.size() != 1 && !tab) {
            throw CLI::ValidationError("--delimiter",
                                       "'" + text + "' is not one character or `tab`");
          }
          options_.csv.delimiter = tab ? '\t' : text[0];
        },
        "one character, or `tab`; default: found out");
  }

  void Models() {
    CLI::App* check =
        Add("check", "finds every fault of a model at once and runs the model's own tests", Check);
    check->add_option("MODEL", options_.files, "models: JSON documents")->required();
    CLI::App* tmpl = Add("template", "prints the CSV header line to fill in", Template);
    ModelOption(tmpl, "a JSON document; default: the built-in model");
    CLI::App* score =
        Add("score", "scores a CSV without a database: row, score, band, group scores", ScoreFile);
    ModelOption(score, "a JSON document; default: the built-in model");
    Csv(score, kMap);
    File(score, "a CSV file, or - for stdin", true);
    CLI::App* match = Add(
        "match", "finds the rows of a CSV that are one person, without a database: row, cluster",
        MatchFile);
    ModelOption(match, "a JSON document, of which `matching` counts; default: the built-in model");
    Csv(match, "a JSON document: {\"columns\": {\"column\": \"a field, a kind, or nothing\", …}}");
    File(match, "a CSV file, or - for stdin", true);
  }

  void Writing() {
    CLI::App* import = Add("import", "puts the leads of a CSV into a database", Import);
    OwnDb(import);
    ModelOption(import, "becomes the database's model; default: the one it has, else built in");
    Csv(import, kMap);
    import->add_option("--rejects", options_.rejects,
                       "where rejected rows go, as a CSV with a reason column");
    import->add_flag("--dry-run", options_.dry_run, "tells what would happen and changes nothing");
    File(import, "a CSV file, or - for stdin", true);

    CLI::App* log = Add("log", "logs activities: one by options, or a JSONL file", LogActivities);
    OwnDb(log);
    ModelOption(log, "becomes the database's model");
    CLI::Option* const kind =
        log->add_option("--kind", options_.kind, "an activity kind of the model");
    // One activity, of one lead.
    const auto part = [&](const char* name, auto& into, const char* what) {
      return log->add_option(name, into, what)->needs(kind);
    };
    CLI::Option* const lead = part("--lead", options_.lead, "id of the lead");
    CLI::Option* const external_id =
        part("--external-id", options_.external_id, "or its id in another system")->excludes(lead);
    part("--email", options_.email, "or its e-mail address")->excludes(lead, external_id);
    part("--time", options_.time, "when it happened; default: now");
    part("--outcome", options_.outcome, "how it went");
    part("--next-step", options_.next_step, "what follows");
    part("--due", options_.due, "when that is due");
    part("--tag", options_.tags, "may be given more than once")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1)
        ->allow_extra_args(false);
    part("--attribute", options_.attributes, "name=value; may be given more than once")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1)
        ->allow_extra_args(false);
    part("--request-id", options_.request_id, "told again with the same one it is logged once");
    File(log,
         "activities, or - for stdin; one JSON object a line, of lead, external_id or email, kind, "
         "actor, time, outcome, next_step, due, tags, attributes, and request_id: without one a "
         "line of the same file is logged once, of a file that has grown it is another one",
         false);

    CLI::App* tick = Add("tick", "scores again what time has changed", TickAll);
    OwnDb(tick);
    ModelOption(tick, "becomes the database's model");
  }

  // A command that changes the lead `ID`.
  CLI::App* AddChange(const char* name, const char* what, Run run) {
    CLI::App* sub = Add(name, what, run);
    OwnDb(sub);
    ModelOption(sub, "becomes the database's model");
    sub->add_option("ID", options_.id, "id of the lead")->required();
    sub->add_option("--version", options_.version,
                    "refused unless the lead is at this version still")
        ->check(AtLeast(1));
    sub->add_option("--request-id", options_.request_id,
                    "told again with the same one it is done once");
    return sub;
  }

  void Changing() {
    CLI::App* update = AddChange("update", "edits fields of a lead", Update);
    update
        ->add_option("FIELD=VALUE", options_.edits,
                     "what to set, written as in a CSV; FIELD= clears; lists are split at ;")
        ->required();

    CLI::App* transition =
        AddChange("transition", "moves a lead to another status of the model", Transition);
    transition->add_option("STATUS", options_.status, "the status to enter")->required();
    transition->add_option("--reason", options_.reason,
                           "why; needed to lose a lead: a reason code of the model");
    transition->add_option("--override", options_.override_reason,
                           "why it may enter without what the status asks for");

    CLI::App* assign = AddChange("assign", "gives a lead to somebody else", Assign);
    assign->add_option("--to", options_.member, "to this member, if they may take it");
    assign->add_option("--pool", options_.pool, "to whoever of this pool is next");
    assign->add_flag("--auto", options_.automatic, "to whoever the model chooses now");
    assign->add_flag("--release", options_.release, "to nobody: back into its pool's queue");
    assign->add_option("--reason", options_.reason, "why, for the history");
  }

  void Reading() {
    CLI::App* show = Add("show", "one lead with its score, owner and history explained", Show);
    Db(show);
    show->add_option("ID", options_.id, "id of the lead")->required();

    CLI::App* list = Add("list", "leads, one JSON object a line", List);
    Db(list);
    list->add_option("--filter", options_.filter, "a condition: lead.country == 'US'");
    list->add_option("--search", options_.search, "start of a name, company, e-mail or phone");
    list->add_option("--sort", options_.sort, "an indexed field");
    list->add_flag("--descending", options_.descending, "greatest first");
    list->add_option("--limit", options_.limit, "default: all")->check(AtLeast(1));
    list->add_option("--cursor", options_.cursor, "where the page before ended");
    list->add_flag("--explain", options_.explain, "says on stderr how it is read");

    CLI::App* feed = Add("feed", "what happened, one JSON object a line", Feed);
    Db(feed);
    feed->add_option("--after", options_.after, "the sequence number of the last one seen")
        ->check(AtLeast(0));
    feed->add_option("--limit", options_.limit, "default: all")->check(AtLeast(1));
    feed->add_flag("--follow", options_.follow, "waits for more, until Ctrl-C");

    CLI::App* exported = Add("export", "all leads, lossless", Export);
    Db(exported);
    exported->add_option("--format", options_.format, "csv, spreadsheet (safe to open) or jsonl")
        ->required()
        ->check(CLI::IsMember({"csv", "spreadsheet", "jsonl"}));
    CLI::Option* skip =
        exported->add_flag("--skip-damaged", options_.skip_damaged,
                           "of a damaged database: what can be saved; says what is lost");
    exported
        ->add_option("--model", options_.model,
                     "with --skip-damaged: in place of the database's own, if that is damaged")
        ->needs(skip);

    CLI::App* report = Add("report", "source, funnel, rep or aging", MakeReport);
    Db(report);
    report->add_option("REPORT", options_.report, "source, funnel, rep or aging")->required();
  }

  void Keeping() {
    CLI::App* verify = Add("verify", "checks that nothing is damaged, lost or doubled", Verify);
    Db(verify);
    CLI::App* replay = Add("replay", "makes a database from a feed (feed --json)", ReplayFeed);
    OwnDb(replay);
    File(replay, "the feed; default: stdin", false);
    CLI::App* erase = Add("erase", "forgets leads for good, in every file of the database", Erase);
    OwnDb(erase);
    erase->add_option("ID", options_.files, "ids of leads")->required();
    CLI::App* backup = Add("backup", "copies a database while it is in use", Backup);
    Db(backup);
    File(backup, "a new file", true);
    CLI::App* restore = Add("restore", "checks a backup and makes a new database of it", Restore);
    Db(restore);
    File(restore, "the backup", true);
    restore->add_flag("--unsealed", options_.unsealed,
                      "of a file into which another program wrote, such as sqlite3: takes pages "
                      "with wrong checksums, if all that they hold is proved by the feed");
  }

  CLI::App app_;
  Options options_;
  Run run_ = nullptr;
  std::vector<std::string> names_;  // of the subcommands
  std::string unknown_;             // the word that stands where one should
};

}  // namespace
}  // namespace leadcore::cli

int main(int argc, char** argv) {
  // A file that is opened must not get the number of a standard stream that was closed: what is
  // told would be written into it. The stream still fails when it is used.
  for (int stream = 0; stream < 3; ++stream) {
    const int useless = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", useless) != stream) return 1;
  }
  std::ios::sync_with_stdio(false);
  const int code = leadcore::cli::Command().Main(argc, argv);
  if (std::cout.flush()) return code;
  std::cerr << "leadcore: standard output could not be written (a full disk?); what it got is not "
               "whole\n";
  return code == 0 ? 1 : code;
}
