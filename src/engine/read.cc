// SPDX-License-Identifier: Apache-2.0
//
// Reads: one lead, lists of leads, events.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "codec/lead_peek.h"
#include "engine/lead_cache.h"
#include "engine/parts.h"
#include "leadcore/engine.h"
#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kPage = 1000;
constexpr size_t kMostListed = 10'000;
constexpr size_t kMostCached = 64 << 10;  // bytes of a lead that is kept in memory

std::string ShowValue(const IndexValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Cat("\"", *text, "\"");
  if (const auto* whole = std::get_if<int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return FormatValue(Value::Real(*real));
  return "absent";
}

// One index and the part of it that is read.
struct Stage {
  ScanRequest scan;
  std::string search;  // folded prefix; a lead that an earlier stage found is left out
};

// What a person types for a number that is kept as +14155550100.
std::string SearchPrefix(const SearchForm& form, const Model& model, const std::string& search) {
  if (form.field != field::kPhone) return FoldText(search);
  const absl::StatusOr<PhoneNumber> whole = NormalizePhone(search, model.config().country);
  if (whole.ok() && whole->valid) return whole->e164;
  std::string digits;
  for (const char c : search) {
    if (std::isalpha(static_cast<unsigned char>(c))) return "";
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  return digits.empty() ? "" : Cat("+", digits);
}

class Lister {
 public:
  Lister(const Model& model, const ListRequest& request) : model_(model), request_(request) {}

  // Decides how to read.
  absl::Status Plan() {
    if (request_.limit == 0 || request_.limit > kMostListed) {
      return InvalidArgument("limit goes from 1 to ", kMostListed);
    }
    if (!request_.filter.empty()) {
      Faults faults;
      filter_ = model_.CompileFilter(request_.filter, &faults);
      if (filter_ == nullptr) return InvalidArgument("filter: ", FormatFaults(faults));
      peek_.emplace(*model_.schema(), filter_->fields());
      if (!peek_->possible() || filter_->reads_activities()) peek_.reset();
    }
    for (const SearchForm& form : kSearchForms) {
      prefixes_.push_back(request_.search.empty() ? std::string()
                                                  : SearchPrefix(form, model_, request_.search));
    }
    if (!request_.sort.empty()) return PlanSort();
    if (!request_.search.empty()) {
      PlanSearch();
    } else {
      PlanRange();
    }
    return absl::OkStatus();
  }

  absl::Status Start() {
    fingerprint_ = Fingerprint();
    return request_.cursor.empty() ? absl::OkStatus() : DecodeCursor();
  }

  // Reads one page of one snapshot; true when the list is at its end or full.
  absl::StatusOr<bool> Step(const Snapshot& snapshot, absl::Time now, ListReply* reply) {
    if (stage_ >= stages_.size()) return true;
    ScanRequest scan = stages_[stage_].scan;
    scan.after = after_;
    scan.limit = kPage;
    scan.descending = request_.descending;
    size_t seen = 0;
    bool full = false;
    absl::Status status;
    const absl::Status scanned =
        snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
          if (reply->leads.size() == request_.limit) {
            full = true;
            return false;
          }
          ++seen;
          ++reply->scanned;
          after_ = {value, record.key.id};
          status = Take(snapshot, record, now, reply);
          return status.ok();
        });
    if (!scanned.ok()) return scanned;
    if (!status.ok()) return status;
    if (full) {
      reply->cursor = EncodeCursor();
      return true;
    }
    if (seen < kPage) {
      after_.reset();
      ++stage_;
    }
    return stage_ >= stages_.size();
  }

  std::string Explain() const {
    std::string plan;
    for (const Stage& stage : stages_) {
      plan += Cat(plan.empty() ? "" : ", then ", stage.scan.index.empty()
                                                     ? std::string("order of ids")
                                                     : Cat("index ", stage.scan.index));
      if (stage.scan.low) plan += Cat(" from ", ShowValue(*stage.scan.low));
      if (stage.scan.high) {
        plan += stage.scan.high_is_prefix ? std::string(" (prefix)")
                                          : Cat(" to ", ShowValue(*stage.scan.high));
      }
    }
    return filter_ == nullptr ? plan : plan + "; the filter is checked per lead";
  }

 private:
  const Field* Promoted(std::string_view name) const {
    const Field* field = model_.schema()->Find(name);
    return field != nullptr && (field->promoted || field->id == field::kId) ? field : nullptr;
  }

  static RecordKind KindOf(const Field& field) {
    return field.derived() ? RecordKind::kLeadState : RecordKind::kLead;
  }

  static std::string IndexOf(const Field& field) {
    const SearchForm* const form = FindSearchForm(field.id);
    return std::string(form == nullptr ? field.name : form->index);
  }

  absl::Status PlanSort() {
    const Field* field = Promoted(request_.sort);
    if (field == nullptr || (field->derived() && field->id >= field::kBuiltInCount)) {
      std::string names;
      for (const Field& each : model_.schema()->fields()) {
        if (each.promoted) names += Cat(names.empty() ? "" : ", ", each.name);
      }
      return InvalidArgument("sort: no index on '", request_.sort, "'; one of: ", names);
    }
    Stage stage;
    stage.scan.kind = KindOf(*field);
    stage.scan.index = field->id == field::kId ? "" : IndexOf(*field);
    if (filter_ != nullptr) {
      for (const Expression::Range& range : filter_->ranges()) {
        if (range.field == field->id) Bound(range, &stage.scan);
      }
    }
    stages_.push_back(std::move(stage));
    return absl::OkStatus();
  }

  void PlanSearch() {
    for (size_t i = 0; i < std::size(kSearchForms); ++i) {
      if (prefixes_[i].empty()) continue;
      Stage stage;
      stage.scan.index = kSearchForms[i].index;
      stage.scan.low = stage.scan.high = IndexValue(prefixes_[i]);
      stage.scan.high_is_prefix = true;
      stage.search = prefixes_[i];
      stages_.push_back(std::move(stage));
    }
  }

  // Equality before a prefix before a range with two ends before one with one.
  void PlanRange() {
    Stage best;
    int rank = 0;
    if (filter_ != nullptr) {
      for (const Expression::Range& range : filter_->ranges()) {
        const Field& field = model_.schema()->at(range.field);
        const bool indexed =
            field.promoted && (!field.derived() || field.id < field::kBuiltInCount);
        if (!indexed || field.id == field::kId) continue;
        Stage stage;
        stage.scan.kind = KindOf(field);
        stage.scan.index = IndexOf(field);
        if (!Bound(range, &stage.scan)) continue;
        const bool equal = stage.scan.low && stage.scan.low == stage.scan.high;
        const int mine = equal && !stage.scan.high_is_prefix ? 4
                         : stage.scan.high_is_prefix         ? 3
                         : stage.scan.low && stage.scan.high ? 2
                                                             : 1;
        if (mine <= rank) continue;
        rank = mine;
        best = std::move(stage);
      }
    }
    stages_.push_back(std::move(best));
  }

  // False when no index can hold the bounds.
  static bool Bound(const Expression::Range& range, ScanRequest* scan) {
    std::optional<IndexValue> low, high;
    if (!range.low.absent()) low = ToIndexValue(range.low);
    if (!range.high.absent()) high = ToIndexValue(range.high);
    if (range.prefix) high = low;
    if (const SearchForm* const form = FindSearchForm(range.field)) {
      // Folding does not keep the order of texts.
      if (!low || low != high || !std::holds_alternative<std::string>(*low)) return false;
      std::string_view text = std::get<std::string>(*low);
      if (range.prefix) text = FoldableStart(text);
      std::string folded = SearchText(*form, text);
      if (folded.empty()) return false;
      low = high = IndexValue(std::move(folded));
    }
    if (!low && !high) return false;
    scan->low = low;
    scan->high = high;
    scan->high_is_prefix = range.prefix;
    return true;
  }

  bool SearchHit(const LeadRecord& record, size_t forms) const {
    for (size_t i = 0; i < forms; ++i) {
      const std::string_view text = record.lead.text(kSearchForms[i].field);
      if (prefixes_[i].empty() || text.empty()) continue;
      if (SearchText(kSearchForms[i], text).starts_with(prefixes_[i])) return true;
    }
    return false;
  }

  // An earlier stage of the search has listed it.
  bool Listed(const LeadRecord& record) const {
    if (stages_[stage_].search.empty()) return false;
    for (size_t i = 0; i < std::size(kSearchForms); ++i) {
      if (kSearchForms[i].index == stages_[stage_].scan.index) return SearchHit(record, i);
    }
    return false;
  }

  absl::Status Take(const Snapshot& snapshot, const StoredRecord& stored, absl::Time now,
                    ListReply* reply) {
    absl::StatusOr<LeadRecord> record;
    if (stored.key.kind == RecordKind::kLead) {
      // Most leads of a long scan are left out for what stands in them.
      if (peek_) {
        const absl::StatusOr<LeadView> view = peek_->Read(stored.body);
        if (!view.ok()) return view.status();
        if (filter_->Test(*view, now).truth != Truth::kTrue) return absl::OkStatus();
      }
      const auto state = snapshot.Get({RecordKind::kLeadState, stored.key.id});
      if (!state.ok()) return state.status();
      record = DecodeRecord(model_, stored, *state);
    } else {
      record = ReadLead(model_, snapshot, stored.key.id);
    }
    if (!record.ok()) return record.status();
    if (!request_.search.empty() && !SearchHit(*record, std::size(kSearchForms))) {
      return absl::OkStatus();
    }
    if (Listed(*record)) return absl::OkStatus();
    BringUpToDate(model_, now, &*record);
    if (filter_ != nullptr &&
        filter_->Test(record->lead.view(&record->state.activities), now).truth != Truth::kTrue) {
      return absl::OkStatus();
    }
    reply->leads.push_back(*std::move(record));
    return absl::OkStatus();
  }

  // Of everything that decides the order of the list.
  std::string Fingerprint() const {
    std::string order = Cat(request_.filter, '\0', request_.search, '\0', request_.sort,
                            request_.descending ? "-" : "+");
    for (const Stage& stage : stages_) order += Cat('\0', stage.scan.index);
    return std::to_string(XXH3_64bits(order.data(), order.size()) % 1'000'000'000);
  }

  std::string EncodeCursor() const {
    const std::string place = Cat(fingerprint_, '\0', stage_, '\0');
    std::string value = "n";
    if (!after_) {
      value = "s";  // the stage before ended with the page
    } else if (const auto* text = std::get_if<std::string>(&after_->first)) {
      value = Cat("t", *text);
    } else if (const auto* whole = std::get_if<int64_t>(&after_->first)) {
      value = Cat("i", *whole);
    } else if (const auto* real = std::get_if<double>(&after_->first)) {
      uint64_t bits = 0;
      std::memcpy(&bits, real, sizeof(bits));
      value = Cat("r", bits);
    }
    const std::string plain = Cat(place, after_ ? after_->second : std::string(), '\0', value);
    std::string cursor;
    absl::WebSafeBase64Escape(ToAbsl(plain), &cursor);
    return cursor;
  }

  absl::Status DecodeCursor() {
    const absl::Status bad = InvalidArgument(
        "this cursor does not belong to this list; start again without it, or with the filter, "
        "search and sort that it came from");
    std::string plain;
    if (!absl::WebSafeBase64Unescape(ToAbsl(request_.cursor), &plain)) return bad;
    std::vector<std::string> parts;
    size_t start = 0;
    for (int i = 0; i < 3; ++i) {
      const size_t end = plain.find('\0', start);
      if (end == std::string::npos) return bad;
      parts.push_back(plain.substr(start, end - start));
      start = end + 1;
    }
    const std::string value = plain.substr(start);
    if (parts[0] != fingerprint_ || value.empty()) return bad;
    if (parts[1].size() != 1 || !std::isdigit(static_cast<unsigned char>(parts[1][0]))) return bad;
    stage_ = static_cast<size_t>(parts[1][0] - '0');
    if (value == "s") return absl::OkStatus();
    const std::string rest = value.substr(1);
    IndexValue at;
    if (value[0] == 't') {
      at = rest;
    } else if (value[0] == 'i') {
      at = static_cast<int64_t>(std::strtoll(rest.c_str(), nullptr, 10));
    } else if (value[0] == 'r') {
      const uint64_t bits = std::strtoull(rest.c_str(), nullptr, 10);
      double real = 0;
      std::memcpy(&real, &bits, sizeof(real));
      at = real;
    } else if (value[0] != 'n') {
      return bad;
    }
    after_ = {std::move(at), parts[2]};
    return absl::OkStatus();
  }

  const Model& model_;
  const ListRequest& request_;
  std::shared_ptr<const Expression> filter_;
  std::optional<LeadPeek> peek_;       // for filters that need no more
  std::vector<std::string> prefixes_;  // of kSearchForms
  std::vector<Stage> stages_;
  std::string fingerprint_;
  size_t stage_ = 0;
  std::optional<std::pair<IndexValue, std::string>> after_;
};

// The keys that are made of a field alone, of whoever has this value in it.
absl::StatusOr<std::vector<MatchKey>> KeysOf(const Model& model, const Field& field,
                                             std::string_view value) {
  const absl::StatusOr<Value> read = ParseValue(field.type, value, {});
  if (!read.ok()) return read.status();
  Lead probe(model.schema());
  probe.Set(field.id, *read);
  // The keys of these read nothing else, and make the normal form themselves.
  const bool plain = field.id == field::kEmail || field.id == field::kExternalId;
  if (plain) probe.SetText(field.id, NormalizeText(read->text()));
  const Lead normal = plain ? std::move(probe) : NormalizeLead(model, probe, true).lead;
  std::vector<MatchKey> keys = model.matching().Keys(normal.view(), model.email_lists());
  std::erase_if(keys, [&](const MatchKey& key) {
    const std::vector<std::string>& fields = model.matching().keys()[key.key].fields;
    return fields.size() != 1 || fields[0] != field.name;
  });
  return keys;
}

// The lead that holds a key, else the first of those that share it; "" for nobody.
absl::StatusOr<std::string> FirstWith(const Snapshot& snapshot, const std::string& key) {
  absl::StatusOr<std::optional<std::string>> holder = snapshot.Lookup(key);
  if (!holder.ok()) return holder.status();
  if (*holder) return **std::move(holder);
  std::string first;
  ScanRequest scan;
  scan.kind = RecordKind::kMatchKey;
  scan.low = scan.high = IndexValue(Cat(key, kKeySeparator));
  scan.high_is_prefix = true;
  scan.limit = 1;
  const absl::Status status =
      snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
        first = record.key.id.substr(key.size() + 1);
        return false;
      });
  if (!status.ok()) return status;
  return first;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const LeadRecord>> Engine::Known(std::string_view id) const {
  const uint64_t stamp = store_->Stamp(workspace_, id);
  if (std::shared_ptr<const LeadRecord> kept = cache_->Find(id, stamp)) return kept;
  const auto snapshot = store_->Read(workspace_);
  if (!snapshot.ok()) return snapshot.status();
  size_t bytes = 0;
  absl::StatusOr<LeadRecord> record = ReadLead(*model_, **snapshot, id, &bytes);
  if (!record.ok()) return record.status();
  auto known = std::make_shared<const LeadRecord>(*std::move(record));
  if (bytes <= kMostCached) cache_->Keep(stamp, known);
  return known;
}

absl::StatusOr<LeadRecord> Engine::Get(const Call& call, std::string_view id) const {
  const absl::StatusOr<std::shared_ptr<const LeadRecord>> known = Known(id);
  if (!known.ok()) return known.status();
  LeadRecord record = **known;
  BringUpToDate(*model_, call.now, &record);
  return record;
}

absl::StatusOr<LeadRecord> Engine::Find(const Call& call, std::string_view field,
                                        std::string_view value) const {
  const Field* known = model_->schema()->Find(field);
  const auto makes_a_key = [&](const KeyConfig& key) {
    return key.fields.size() == 1 && key.fields[0] == field;
  };
  if (known == nullptr || !std::ranges::any_of(model_->matching().keys(), makes_a_key)) {
    return InvalidArgument("the model has no key of '", field, "' alone; list with a filter");
  }
  const absl::StatusOr<std::vector<MatchKey>> keys = KeysOf(*model_, *known, value);
  if (!keys.ok()) return keys.status();
  const auto stamps = [&] {
    std::vector<uint64_t> now;
    for (const MatchKey& key : *keys) now.push_back(store_->Stamp(workspace_, key.text));
    return now;
  };
  const std::vector<uint64_t> before = stamps();
  const bool told = std::ranges::count(before, 0u) == 0;
  const auto snapshot = store_->Read(workspace_);
  if (!snapshot.ok()) return snapshot.status();
  for (const MatchKey& key : *keys) {
    const absl::StatusOr<std::string> id = FirstWith(**snapshot, key.text);
    if (!id.ok()) return id.status();
    if (id->empty()) continue;
    absl::StatusOr<LeadRecord> record = NotFound("");
    if (told) {
      const absl::StatusOr<std::shared_ptr<const LeadRecord>> kept = Known(*id);
      // It may be younger than the snapshot: good if the keys still lead to it.
      if (kept.ok() && stamps() == before) record = **kept;
    }
    if (!record.ok()) record = ReadLead(*model_, **snapshot, *id);
    if (record.ok()) BringUpToDate(*model_, call.now, &*record);
    return record;
  }
  return NotFound("no lead has ", field, " '", value, "'");
}

absl::StatusOr<ListReply> Engine::List(const Call& call, const ListRequest& request) const {
  Lister lister(*model_, request);
  absl::Status status = lister.Plan();
  if (status.ok()) status = lister.Start();
  if (!status.ok()) return status;
  ListReply reply;
  reply.plan = lister.Explain();
  while (true) {
    const auto snapshot = store_->Read(workspace_);  // one for each page: none lives long
    if (!snapshot.ok()) return snapshot.status();
    const absl::StatusOr<bool> done = lister.Step(**snapshot, call.now, &reply);
    if (!done.ok()) return done.status();
    if (*done) return reply;
  }
}

absl::StatusOr<std::vector<RuleTrace>> Engine::Explain(const Call& call,
                                                       std::string_view id) const {
  absl::StatusOr<LeadRecord> record = Get(call, id);
  if (!record.ok()) return record.status();
  std::vector<RuleTrace> trace;
  model_->scoring().Evaluate(record->lead.view(&record->state.activities), call.now, &trace);
  return trace;
}

absl::Status Engine::Feed(const Call&, const FeedRequest& request,
                          absl::FunctionRef<bool(const Event&)> sink) const {
  return store_->Feed(workspace_, request, sink);
}

absl::StatusOr<std::vector<Event>> Engine::History(const Call& call, std::string_view id) const {
  const absl::StatusOr<LeadRecord> record = Get(call, id);
  if (!record.ok()) return record.status();
  std::vector<Event> events;
  FeedRequest request;
  request.lead = std::string(id);
  while (true) {
    size_t seen = 0;
    const absl::Status status = store_->Feed(workspace_, request, [&](const Event& event) {
      ++seen;
      request.after = event.position;
      events.push_back(event);
      return true;
    });
    if (!status.ok()) return status;
    if (seen < request.limit) return events;
  }
}

Score ScoreLead(const Model& model, const Lead& lead, absl::Time now,
                std::vector<RuleTrace>* trace) {
  NormalizedLead normalized = NormalizeLead(model, lead, true);
  return model.scoring().Evaluate(normalized.lead.view(), now, trace);
}

}  // namespace leadcore
